"""The recorder `ffmpeg`: which input records what, and which part runs where."""

import stat
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar

import anyio
import anyio.to_thread

from tallyd.domain.model import Reason
from tallyd.drivers.ffmpeg.binary import find_ffmpeg
from tallyd.drivers.ffmpeg.command import ENDINGS, MARKED, Job, build_command, frame_rate
from tallyd.drivers.ffmpeg.legacy import LeftRunning, left_running, salvaged
from tallyd.drivers.ffmpeg.options import FfmpegOptions
from tallyd.drivers.ffmpeg.playlist import playlist
from tallyd.drivers.ffmpeg.repair import Mender
from tallyd.drivers.ffmpeg.session import CLOSE_BOUND_S, Session, Surroundings, Work
from tallyd.drivers.ffmpeg.sources import DEVICES, Source, SourceKind
from tallyd.drivers.ffmpeg.warming import run_for_nothing
from tallyd.drivers.files import FileError, Reservation
from tallyd.drivers.marks import Mark
from tallyd.drivers.outliving import Outliver, launch
from tallyd.drivers.parts import Parts, reserve_file
from tallyd.drivers.places import hold, make_places
from tallyd.drivers.threads import Threads
from tallyd.ports.drivers import (
    DeviceBlockedError,
    DriverContext,
    GiveUpError,
    Observation,
    Salvaged,
    StartOrder,
    Traits,
    TryAgainError,
)

ORPHAN_LIMIT = timedelta(hours=2)
"""So long after its planned end a recording ends by itself, even if nobody is left to end it."""

_SURE_BEFORE_END = timedelta(minutes=1)
"""So long before that bound it is not relied upon any more."""

_PROBE_BOUND_S = 3.0
_THREADS = 4
_SPREAD_MS = 50
"""Sixteen test pictures at once bring two processors to a stand for 0.7 s."""

_LEADS_MS = {SourceKind.TEST: 100, SourceKind.ALSA: 100, SourceKind.V4L2: 300}
_NETWORK_LEAD_MS = 500


class FfmpegRecorder:
    """Records each input with an ffmpeg of its own."""

    Options: ClassVar[type[FfmpegOptions]] = FfmpegOptions

    def __init__(self, context: DriverContext, options: FfmpegOptions) -> None:
        self._clock = context.clock
        self._options = options
        self._context = context
        self._target = context.target
        self._locks = context.locks
        self._sources = _sources(options, context.capacity)
        if context.capacity > len(self._sources):
            raise GiveUpError(
                Reason.DRIVER_UNAVAILABLE,
                f"a capacity of {context.capacity} needs as many `inputs`, "
                f"and the options name {len(self._sources)}",
            )
        self._binary = find_ffmpeg(options.binary)
        # Threads of its own: what hangs under this recorder holds up no other.
        self._limiter = anyio.CapacityLimiter(_THREADS)
        inputs = len(self._sources)
        self._starting = Threads(2 * inputs, context.spawn)
        self._files = Threads(2 * inputs, context.spawn)
        self._around = Surroundings(
            context.clock, context.spawn, self._limiter, self._starting, self._files
        )
        self._parts: Parts[Session] = Parts(len(self._sources))

    @property
    def traits(self) -> Traits:
        """What the sources allow: a device can be opened only once at a time."""
        kinds = {source.kind for source in self._sources}
        return Traits(
            lead_ms=max(_LEADS_MS.get(kind, _NETWORK_LEAD_MS) for kind in kinds),
            spread_ms=_SPREAD_MS,
            survives=True,
            overlap=kinds.isdisjoint(DEVICES),
            inputs=len(self._sources),
            first_data_timeout_ms=round(self._options.start_timeout_s * 1_000),
            stall_timeout_ms=round(self._options.stall_timeout_s * 1_000),
            stop_timeout_ms=round(CLOSE_BOUND_S * 1_000) + 1_000,
            bytes_per_s=self._options.bytes_per_s,
        )

    async def probe(self) -> str:
        """See whether every device is there and every server takes a connection.

        Raises:
            DriverError: one is not or does not; no ffmpeg is started to find out.
        """
        sound = self._options.sound
        for source in (*self._sources, *((sound,) if sound else ())):
            if source.kind is SourceKind.V4L2:
                await anyio.to_thread.run_sync(_see_device, source, limiter=self._limiter)
            elif source.host_port is not None:
                await _connect(source, *source.host_port)
        return f"{', '.join(source.shown for source in self._sources)} by {self._binary}"

    async def warm_up(self) -> None:
        """Have ffmpeg and its libraries read from the disk, by running it for nothing.

        Raises:
            DriverError: it cannot be run.
        """
        await run_for_nothing(self._binary, self._around)

    async def start(self, order: StartOrder) -> Observation:
        """Start an ffmpeg for `order`, and return once it reports the first data.

        Raises:
            DriverError: no data flows, for the reason that ffmpeg gave.
        """
        source = self._source(order)
        file = await reserve_file(
            order.output, ENDINGS[self._options.container], self._context, self._starting
        )
        now = self._clock.now()
        mark = Mark(
            self._target, order.input, order.token, now, max(order.piece.stop, now) + ORPHAN_LIMIT
        )
        # A second one only where it takes over from the first, which then is one that we know.
        places = 2 if self.traits.overlap and self._parts.is_held(order.input) else 1
        session = Session(self._work(mark, file), self._around)
        self._parts.began(order.token, session)
        launched = partial(self._launch, mark, file, places)
        try:
            return await session.open(launched, frame_rate(self._options, source))
        except DeviceBlockedError:
            self._parts.failed(order.token)
            await self._end_strangers()
            raise
        except BaseException:
            self._parts.failed(order.token)
            raise

    async def recover(self) -> tuple[Observation, ...]:
        """Take over every ffmpeg of this device that another process started, and show them."""
        await self._take_over()
        return await self.observe()

    async def salvage(self, files: tuple[Path, ...]) -> Salvaged:
        """Finish the files that a crash or a power cut left, and mend those that need it.

        Raises:
            TryAgainError: the disk does not do as told.
        """
        try:
            return await salvaged(files, Mender(self._binary, self._around))
        except FileError as error:
            raise TryAgainError(error.reason, str(error)) from error

    async def observe(self) -> tuple[Observation, ...]:
        """Give what every session shows that was started and not stopped."""
        return tuple(session.observation() for session in self._parts.running)

    async def stop(self, token: str) -> Observation:
        """End a session, and give its finished file; of an unknown one, that nothing runs.

        Raises:
            DriverError: its process does not end.
        """
        session = self._parts.of(token)
        if session is None:
            return self._parts.outcome(token)
        return self._parts.ended(token, await session.close())

    def _source(self, order: StartOrder) -> Source:
        self._parts.check(order)
        source = self._sources[order.input]
        if source.kind in DEVICES and self._parts.is_held(order.input):
            raise DeviceBlockedError(
                Reason.DEVICE_REFUSED, f"{source.shown} is still used by the part before"
            )
        return source

    async def _take_over(self) -> tuple[LeftRunning, ...]:
        """Go on with every ffmpeg of this device that another process started; gives those."""
        found = await anyio.to_thread.run_sync(self._look_around, limiter=self._limiter)
        for left in found:
            session = Session(self._work(left.mark, left.file), self._around)
            session.adopt(left.process)
            self._parts.began(left.mark.token, session)
        return found

    def _look_around(self) -> tuple[LeftRunning, ...]:
        """Take over what still records here, and have ready what the next ones need."""
        places = 2 if self.traits.overlap else 1
        with suppress(OSError):  # a start will say so
            make_places(self._locks, len(self._sources), places)
        return left_running(self._locks, self._target, self._parts.is_known)

    async def _end_strangers(self) -> None:
        """End what still records here though it could not be seen yet when we looked for it."""
        for left in await self._take_over():
            await self.stop(left.mark.token)

    def _work(self, mark: Mark, file: Reservation) -> Work:
        source = self._sources[min(mark.input, len(self._sources) - 1)]
        sure_until = mark.ends_at - min(_SURE_BEFORE_END, ORPHAN_LIMIT / 2)
        return Work(mark.token, mark.input, source, file, sure_until)

    def _launch(self, mark: Mark, file: Reservation, places: int) -> Outliver:
        """Start an ffmpeg that holds its input; blocks on the disk."""
        source = self._sources[mark.input]
        told = playlist(self._options, source) if source.is_network else ""
        with hold(self._locks, mark.input, places) as fd:
            return launch(self._command(mark, file), f"{MARKED}{mark}", fd, told)

    def _command(self, mark: Mark, file: Reservation) -> list[str]:
        source = self._sources[mark.input]
        limit_s = (mark.ends_at - self._clock.now()).total_seconds()
        job = Job(source, self._options.sound, file.part, str(mark), limit_s)
        return build_command(self._binary, self._options, job)


def _sources(options: FfmpegOptions, capacity: int) -> tuple[Source, ...]:
    """Give what each input records; of test pictures there are as many as wanted."""
    sources = options.sources
    only_a_test = options.source is not None and sources[0].kind is SourceKind.TEST
    return sources * capacity if only_a_test else sources


def _see_device(source: Source) -> None:
    try:
        found = stat.S_ISCHR(Path(source.address).stat().st_mode)
    except OSError as error:
        sentence = f"{source.shown} cannot be used: {error.strerror}"
        raise TryAgainError(Reason.DEVICE_REFUSED, sentence) from error
    if not found:
        raise GiveUpError(Reason.DEVICE_REFUSED, f"{source.shown} is not a device")


async def _connect(source: Source, host: str, port: int) -> None:
    try:
        with anyio.fail_after(_PROBE_BOUND_S):
            stream = await anyio.connect_tcp(host, port)
            await stream.aclose()
    except TimeoutError as error:
        sentence = f"{source.shown} does not answer"
        raise TryAgainError(Reason.DEVICE_TIMEOUT, sentence) from error
    except OSError as error:
        if isinstance(error.__cause__, ConnectionRefusedError):
            sentence = f"{source.shown} refused the connection"
            raise TryAgainError(Reason.DEVICE_REFUSED, sentence) from error
        sentence = f"{source.shown} cannot be reached"
        raise TryAgainError(Reason.DEVICE_TIMEOUT, sentence) from error
