"""A channel on air: its slots kept, its sources run, its publications fed. Decides nothing.

One task keeps the slots; what it calls never waits for a disk, a process or a network.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import anyio.abc

from tallyd.domain.window import to_ms
from tallyd.drivers.ffmpeg.binary import find_ffmpeg
from tallyd.drivers.playout.archive import Archive, Bounds
from tallyd.drivers.playout.asrun import AsRunLog, Change
from tallyd.drivers.playout.director import Desk, Director, Out
from tallyd.drivers.playout.material import Material
from tallyd.drivers.playout.mixing import Loop, Mixer
from tallyd.drivers.playout.scribe import Scribe
from tallyd.drivers.playout.sinks import Publication, RecentOut
from tallyd.drivers.playout.sources import Around, NoSourceError, StandingSource
from tallyd.drivers.playout.wire import ARCHIVE, AS_RUN, Brief
from tallyd.ports.clock import Clock

AS_RUN_KEPT = timedelta(days=400)

_SKIPPED_AFTER_S = 1.0
"""A channel that could not be kept up for longer goes on with what is due now."""

_TOUCHED_EVERY_S = 0.2
"""So exactly the as-run log tells the end of a channel whose playout is killed."""

_WRITTEN_WITHIN_S = 1.0
_THREADS = 16


@dataclass(slots=True)
class Ticker:
    """How the slots went: how many, how many came late by a slot, how late the worst one was."""

    slots: int = 0
    late: int = 0
    worst_ms: float = 0.0


class Studio:
    """One channel, from the making of its slates to its end."""

    def __init__(self, brief: Brief, clock: Clock) -> None:
        options, directory = brief.options, Path(brief.directory)
        binary = find_ffmpeg(options.binary)
        around = Around(clock, anyio.CapacityLimiter(_THREADS))
        bounds = Bounds(
            timedelta(seconds=options.archive_keep_s), options.archive_max_mb * 1_000_000
        )
        self.ticker = Ticker()
        self._options = options
        self._ad_slate = brief.ad_slate
        self._clock = clock
        self._recent = RecentOut()
        self._scribe = Scribe()
        self._asrun = AsRunLog(directory / AS_RUN, AS_RUN_KEPT)
        self._archive = Archive(directory / ARCHIVE, bounds)
        self._material = Material(binary, brief, around)
        self._around = around
        self.publications: tuple[Publication, ...] = ()

    async def on_air(self, *, task_status: anyio.abc.TaskStatus[Director]) -> None:
        """Be on air until cancelled; says so once everything is at hand.

        Raises:
            NoSourceError: no slate can be made.
        """
        slate, ad_slate = await self._slates()
        make = self._material.publishing
        self.publications = tuple(
            Publication(output, make, self._recent, self._around)
            for output in self._options.publications
        )
        self._scribe.start()
        self._scribe.do(partial(self._asrun.begin, self._clock.now()))
        async with anyio.create_task_group() as tasks:
            director = Director(self._desk(slate, ad_slate, tasks))
            for publication in self.publications:
                tasks.start_soon(publication.run)
            task_status.started(director)
            try:
                await self._keep_slots(director)
            finally:
                director.close()
                self._wind_up()

    async def _slates(self) -> tuple[Loop, Loop]:
        """Make the slate and that of ad breaks: black, or the slate, where a picture is missing."""
        try:
            slate = await self._material.slate(self._options.slate)
        except NoSourceError:
            slate = await self._material.slate(None)
        if self._ad_slate is None:
            return slate, slate
        try:
            return slate, await self._material.slate(self._ad_slate)
        except NoSourceError:
            return slate, slate

    def _desk(self, slate: Loop, ad_slate: Loop, tasks: anyio.abc.TaskGroup) -> Desk:
        return Desk(
            mixer=Mixer(self._options.rate, slate),
            make_source=partial(self._material.source, tasks),
            slate=lambda take: StandingSource(ad_slate if take.ad else slate),
            log=self._log,
            default=self._material.default,
        )

    async def _keep_slots(self, director: Director) -> None:
        """Have a picture go out in every slot, each in its time."""
        rate = self._options.rate
        slot, zero_s, touched_s = 0, self._clock.monotonic(), 0.0
        while True:
            late_s = self._clock.monotonic() - (zero_s + slot / rate)
            if late_s > _SKIPPED_AFTER_S:
                slot += int(late_s * rate)
                continue
            # Also where a slot is late: others of this process must have their turn.
            await self._clock.sleep(max(0.0, -late_s))
            now_s = self._clock.monotonic()
            late_s = now_s - (zero_s + slot / rate)
            self._heed(late_s)
            at = self._clock.now() - timedelta(seconds=late_s)
            out = director.slot(slot, at, now_s)
            slot += 1
            if out is not None:
                self._send(out, at)
            if now_s - touched_s >= _TOUCHED_EVERY_S:
                touched_s = now_s
                self._scribe.do(self._asrun.still_on_air)

    def _heed(self, late_s: float) -> None:
        self.ticker.slots += 1
        self.ticker.worst_ms = max(self.ticker.worst_ms, late_s * 1_000)
        self.ticker.late += late_s > 1 / self._options.rate

    def _send(self, out: Out, at: datetime) -> None:
        self._recent.add(out)
        for publication in self.publications:
            publication.put(out)
        if self._options.archive_keep_s:
            self._scribe.do(partial(self._archive.write, at, out.data, entry=out.entry))

    def _log(self, change: Change) -> None:
        self._scribe.do(partial(self._asrun.write, change))

    def _wind_up(self) -> None:
        """Write down that nothing is on air any more."""
        self._log(Change(to_ms(self._clock.now()), None))
        self._scribe.do(self._archive.close)
        self._scribe.finish(_WRITTEN_WITHIN_S)
