"""Holds the demo: books, waits, stops what the operator stops, gathers what became of it all."""

import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import anyio
from anyio import to_thread

from tallyd.app import Appliance, open_for_changes
from tallyd.app.as_run import on_air
from tallyd.clock import SystemClock
from tallyd.config import Settings
from tallyd.demo.airing import ChannelReview, Published, review_channel
from tallyd.demo.comparison import Decoded, Got, Review, review
from tallyd.demo.daemon import DemoDaemon, Pause, running_daemon
from tallyd.demo.errors import InterruptedDemoError
from tallyd.demo.ffmpeg import decode_all
from tallyd.demo.material import make_material, take_into_library
from tallyd.demo.picture import Standing, standing
from tallyd.demo.place import Place
from tallyd.demo.scenario import ACTS, CAMPUS, Act, closing
from tallyd.demo.viewer import Viewer, breaks_in, length_of
from tallyd.domain.drafts import Draft
from tallyd.domain.errors import NotFound, Refused
from tallyd.domain.model import Run, Status
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window

LEAD_IN = timedelta(seconds=3)
"""At least so long after the first booking the demo opens: time to book on a slow disk."""

PATIENCE = timedelta(seconds=8)
"""How long after the closing the last outcome may come."""

LOOK_EVERY_S = 0.25

_ON_BEFORE = timedelta(minutes=1)
"""The channel is on before the opening, but not for as long as this."""

Show = Callable[[datetime, tuple[Standing, ...]], None]
"""Takes the present, and how each act stands."""


@dataclass(frozen=True, slots=True)
class Held:
    """A demo that was held: what became of each act, and of the channel."""

    reviews: tuple[Review, ...]
    channel: ChannelReview


@dataclass(frozen=True, slots=True)
class Programme:
    """The demo as it was booked: when it opens, the schedule of each act, and its plan."""

    opening: datetime
    ids: Mapping[str, int]
    plan: Mapping[int, Planned]

    @property
    def names(self) -> dict[int, str]:
        """The name of each act by the id of its schedule."""
        return {schedule_id: name for name, schedule_id in self.ids.items()}


async def hold(place: Place, settings: Settings, binary: str, show: Show) -> Held:
    """Hold the demo in `place`, telling `show` a few times a second how it stands.

    Whatever ends it, daemon and recordings have ended when this returns or raises.

    Raises:
        DemoError: the daemon does not run, or there is nothing for the channel to play.
        InterruptedDemoError: a signal said to end.
    """
    viewer = Viewer(place.published, place.viewed)
    with _pausing() as pause:
        await make_material(binary, place)
        film = await take_into_library(settings, place)
        async with running_daemon(place) as daemon:
            await daemon.until_ready(settings.appliance.run_dir, pause)
            async with open_for_changes(settings) as appliance:
                programme = await _book(appliance, film)
                watched = _Watched(appliance, programme, viewer)
                runs = await _watch(watched, daemon, show, pause)
    # The last piece is published when the channel goes off the air.
    await to_thread.run_sync(viewer.finish)
    decoded = await decode_all(binary, [*_files(runs.values()), *_playlists(viewer)])
    return Held(
        reviews=tuple(_reviewed(programme, runs, decoded)),
        channel=await _channel_reviewed(settings, programme.opening, viewer, decoded),
    )


def _reviewed(
    programme: Programme, runs: Mapping[int, Run], decoded: Mapping[Path, Decoded]
) -> Iterator[Review]:
    for act in ACTS:
        number = programme.ids[act.name]
        plan = programme.plan.get(number)
        got = Got(number, plan, runs.get(number), decoded, programme.names)
        yield review(act, programme.opening, got)


async def _channel_reviewed(
    settings: Settings, opening: datetime, viewer: Viewer, decoded: Mapping[Path, Decoded]
) -> ChannelReview:
    now = SystemClock().now()
    lately = Window(opening - _ON_BEFORE, now)
    as_run = await to_thread.run_sync(on_air, settings, CAMPUS, lately, now)
    seen = viewer.segments
    published = Published(
        playlist=viewer.seen,
        segments=len(seen),
        length=length_of(seen),
        interruptions=breaks_in(seen),
        decoded=decoded.get(viewer.seen),
    )
    return review_channel(opening, as_run, published)


def _playlists(viewer: Viewer) -> tuple[Path, ...]:
    return (viewer.seen,) if viewer.segments else ()


@contextmanager
def _pausing() -> Generator[Pause]:
    """Give what waits, and heeds the signals that end a command; one that is ignored stays so."""
    heeded = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    with anyio.open_signal_receiver(*heeded) as signals:

        async def pause(seconds: float) -> None:
            with anyio.move_on_after(seconds):
                name = (await anext(signals)).name
                raise InterruptedDemoError(f"{name} ended the demo, its daemon and its recordings")

        yield pause


async def _book(appliance: Appliance, film: str) -> Programme:
    """Book every act as anybody would, and see what the plan makes of it."""
    opening = _whole_second(appliance.clock.now() + LEAD_IN)
    ids: dict[str, int] = {}
    for act in ACTS:

        def draft(_now: datetime, act: Act = act) -> Draft:
            return act.draft(opening, film)

        ids[act.name] = (await appliance.bookings.add(draft)).after.id
    entries = await appliance.reports.plan(Window(opening, closing(opening)))
    return Programme(opening, ids, {entry.schedule.id: entry for entry in entries})


def _whole_second(instant: datetime) -> datetime:
    """Give the next whole second, for times that are easily read."""
    return instant.replace(microsecond=0) + timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class _Watched:
    """What is looked at while the demo goes on."""

    appliance: Appliance
    programme: Programme
    viewer: Viewer


async def _watch(watched: _Watched, daemon: DemoDaemon, show: Show, pause: Pause) -> dict[int, Run]:
    """Play the operator and look on until every act has its outcome; gives the runs by schedule."""
    appliance, programme = watched.appliance, watched.programme
    opening = programme.opening
    cues = sorted((due, act.name) for act in ACTS if (due := act.stop_due(opening)) is not None)
    while True:
        now = appliance.clock.now()
        runs = await _runs(appliance, opening)
        if cues and cues[0][0] <= now:
            await _stop(appliance, runs.get(programme.ids[cues.pop(0)[1]]))
        show(now, _standings(programme, runs, now))
        await to_thread.run_sync(watched.viewer.look)
        finished = len(runs) == len(ACTS) and all(
            r.status is Status.FINISHED for r in runs.values()
        )
        if finished or now > closing(opening) + PATIENCE:
            return runs
        await daemon.make_sure_it_runs()
        wait_s = min([LOOK_EVERY_S, *((due - now).total_seconds() for due, _ in cues)])
        await pause(max(0.0, wait_s))


async def _runs(appliance: Appliance, opening: datetime) -> dict[int, Run]:
    period = Window(opening, closing(opening))
    found = await appliance.reports.runs(period, None, 10 * len(ACTS))
    return {run.schedule_id: run for run in found}


async def _stop(appliance: Appliance, run: Run | None) -> None:
    # What has ended before its time cannot be stopped: the report will say so.
    with suppress(Refused, NotFound):
        if run is not None:
            await appliance.bookings.stop_run(run.id)


def _standings(
    programme: Programme, runs: Mapping[int, Run], now: datetime
) -> tuple[Standing, ...]:
    acts = {programme.ids[act.name]: act for act in ACTS}
    return tuple(
        standing(act, programme.plan[number], runs.get(number), programme.names, now)
        for number, act in acts.items()
        if number in programme.plan
    )


def _files(runs: Iterable[Run]) -> list[Path]:
    return [Path(file) for run in runs for part in run.parts for file in part.files]
