"""Makes what pictures come from: a source for a clip, a loop for a slate. Nothing is decided."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import anyio
import anyio.abc

from tallyd.drivers.playout.archive import kept_since, read_on, sound_before
from tallyd.drivers.playout.encoding import (
    HEEDED_BYTES,
    Command,
    make_slate,
    play_file,
    play_kept,
    play_live,
    publish,
    publish_openly,
    try_hidden_options,
)
from tallyd.drivers.playout.mixing import Loop
from tallyd.drivers.playout.options import Output
from tallyd.drivers.playout.processes import Piped, spawn_writer
from tallyd.drivers.playout.rundown import Clip, FileTake, LiveTake, ReplayTake, SlateTake
from tallyd.drivers.playout.sources import READ_BYTES, Around, NoSourceError, Pipeline, Source, read
from tallyd.drivers.playout.transport import TICKS_PER_S, DamagedStreamError, Demuxer, Unit
from tallyd.drivers.playout.wire import ARCHIVE, Brief
from tallyd.ports.as_run import Kind

AHEAD_S = 3
"""So far a file may be read ahead of the air, and a live input lag behind it."""

_SLATE_WITHIN_S = 20.0


class Material:
    """What one channel has to play, by its brief."""

    def __init__(self, binary: str, brief: Brief, around: Around) -> None:
        self._binary = binary
        self._options = brief.options
        self._live = brief.live
        self._archive = Path(brief.directory) / ARCHIVE
        self._around = around

    @property
    def default(self) -> Clip:
        """What plays between entries."""
        chosen = self._options.default
        if chosen is None and self._live is not None:
            return Clip(Kind.DEFAULT, LiveTake(self._live), name="live")
        if chosen is None or chosen == "slate":
            return Clip(Kind.DEFAULT, SlateTake(), name="slate")
        path = Path(chosen)
        return Clip(Kind.DEFAULT, FileTake(path, timedelta(0)), name=path.stem)

    def source(self, tasks: anyio.abc.TaskGroup, clip: Clip, late: timedelta) -> Source:
        """Start playing a clip, so long after its beginning, in a task of its own."""
        rate = self._options.rate
        source = Pipeline(
            self._maker(clip, late),
            TICKS_PER_S // rate,
            AHEAD_S * rate,
            self._around,
            live=isinstance(clip.take, LiveTake),
        )
        tasks.start_soon(source.run)
        return source

    async def slate(self, picture: Path | None) -> Loop:
        """Make the loop of a slate.

        Raises:
            NoSourceError: it cannot be made.
        """
        command = make_slate(self._binary, self._options, picture)
        try:
            process = await spawn_writer(lambda: command, self._around.limiter)
        except OSError as error:
            raise NoSourceError(f"{self._binary} cannot be run: {error.strerror}") from error
        try:
            with anyio.fail_after(_SLATE_WITHIN_S):
                return await _loop(process)
        except (TimeoutError, ValueError, DamagedStreamError) as error:
            raise NoSourceError(f"no slate: {process.last_words() or error}") from error
        finally:
            await process.kill()

    async def publishing(self, output: Output) -> Command:
        """Give what publishes the channel, with its secrets hidden if this ffmpeg can do that."""
        hiding = publish(self._binary, output)
        if not hiding.hidden or await self._heeds_hidden_options():
            return hiding
        return publish_openly(self._binary, output)

    async def _heeds_hidden_options(self) -> bool:
        command, size = try_hidden_options(self._binary), 0
        try:
            process = await spawn_writer(lambda: command, self._around.limiter)
        except OSError:
            return False
        try:
            with anyio.move_on_after(_SLATE_WITHIN_S):
                while data := await read(process.fd, READ_BYTES):
                    size += len(data)
        finally:
            await process.kill()
        return size >= HEEDED_BYTES

    def _maker(self, clip: Clip, late: timedelta) -> Callable[[], Command]:
        binary, options = self._binary, self._options
        match clip.take:
            case FileTake(path=path, position=position):
                loops = -1 if clip.window is None else 0
                return lambda: play_file(binary, options, path, position + late, loops=loops)
            case LiveTake(source=address):
                return lambda: play_live(binary, options, address)
            case ReplayTake(since=since):
                length = clip.window.length if clip.window is not None else timedelta(0)
                return lambda: self._replayed(since + late, since + length)
            case SlateTake():
                raise ValueError("a slate has no process")

    def _replayed(self, since: datetime, until: datetime) -> Command:
        first, skipped = kept_since(self._archive, since)
        pieces = read_on(first, until, self._around.clock.now)
        sound = sound_before(first)
        return play_kept(self._binary, self._options, pieces, skipped=skipped, sound=sound)


async def _loop(process: Piped) -> Loop:
    demuxer = Demuxer()
    units: list[Unit] = []
    while data := await read(process.fd, READ_BYTES):
        units += demuxer.feed(data)
    return Loop.of([*units, *demuxer.finish()], demuxer.tables)
