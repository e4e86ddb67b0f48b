"""What was on air, as reports tell it: of each run, and of a channel."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from tallyd.domain.errors import NotFound
from tallyd.domain.model import Part, Run, Status, Target
from tallyd.domain.window import Window
from tallyd.ports.as_run import Aired, AsRunError, Kind
from tallyd.reports import Reports

CHANNEL = "channels.one"


@dataclass
class Told:
    """A log that says what it is told to, and remembers what it was asked."""

    aired_at: dict[str, list[Aired]]
    asked: list[Window] = field(default_factory=list)

    async def aired(self, target: str, period: Window) -> tuple[Aired, ...] | None:
        """Give what there is."""
        self.asked.append(period)
        if target not in self.aired_at:
            return None
        return tuple(a for a in self.aired_at[target] if a.window.overlaps(period))


class Unreadable:
    """A log that cannot be read."""

    async def aired(self, target: str, period: Window) -> tuple[Aired, ...] | None:
        """Raise."""
        raise AsRunError(f"{target} at {period}")


def _run(desk, number: int, start: float, *tokens: str, target: str = CHANNEL) -> Run:
    window = desk.span(start, start + 10)
    parts = tuple(
        Part(n, 0, window, token, window.start, first_data_at=window.start, stopped_at=window.stop)
        for n, token in enumerate(tokens, start=1)
    )
    return Run(
        number, target, f"Run {number}", window, 3, f"s{number}", Status.FINISHED, parts=parts
    )


def _aired(desk, kind: Kind, start: float, stop: float, token: str | None) -> Aired:
    return Aired(kind, desk.span(start, stop), token)


def _reports(desk, aired: Iterable[Aired]) -> tuple[Reports, Told]:
    told = Told({CHANNEL: list(aired)})
    return Reports(desk.store, desk.clock, as_run=told), told


async def test_each_run_has_what_its_parts_showed(desk):
    """In order, slates included; what is of no run, or of another, is not its."""
    desk.clock.at = desk.at(100)
    pieces = [
        _aired(desk, Kind.ASSET, 0, 4, "a1"),
        _aired(desk, Kind.SLATE, 4, 5, "a1"),
        _aired(desk, Kind.ASSET, 5, 10, "a2"),
        _aired(desk, Kind.DEFAULT, 10, 20, None),
        _aired(desk, Kind.AD, 20, 30, "b1"),
    ]
    reports, told = _reports(desk, pieces)
    runs = (_run(desk, 1, 0, "a1", "a2"), _run(desk, 2, 20, "b1"), _run(desk, 3, 30))
    on_air = await reports.on_air(runs)
    assert on_air == {1: tuple(pieces[:3]), 2: (pieces[4],)}
    assert len(told.asked) == 1


async def test_what_lies_far_apart_is_read_apart(desk):
    """Half a year between two runs is not read for them."""
    desk.clock.at = desk.at(0) + timedelta(days=400)
    far = 60 * 24 * 180
    reports, told = _reports(desk, [_aired(desk, Kind.LIVE, far, far + 10, "b")])
    on_air = await reports.on_air([_run(desk, 1, 0, "a"), _run(desk, 2, far, "b")])
    assert {number: len(found) for number, found in on_air.items()} == {1: 0, 2: 1}
    assert len(told.asked) == 2
    assert all(each.length < timedelta(hours=1) for each in told.asked)


async def test_a_run_that_goes_on_is_asked_about_until_now(desk):
    """Also past its window, as it was planned."""
    desk.clock.at = desk.at(15)
    reports, told = _reports(desk, [])
    run = _run(desk, 1, 0, "a")
    going_on = replace(run, status=Status.STARTED, parts=(replace(run.parts[0], stopped_at=None),))
    assert await reports.on_air([going_on]) == {1: ()}
    assert told.asked[0].stop >= desk.at(15)


async def test_a_run_that_was_cut_off_is_not_asked_about_until_now(desk):
    """Of one that is over, long ago, and of which nobody knows when it ended, one day is read."""
    desk.clock.at = desk.at(0) + timedelta(days=300)
    reports, told = _reports(desk, [_aired(desk, Kind.LIVE, 0, 7, "a")])
    run = _run(desk, 1, 0, "a")
    cut = (replace(run.parts[0], first_data_at=None, stopped_at=None),)
    over = replace(run, parts=cut)
    assert len((await reports.on_air([over]))[1]) == 1
    assert [each.length < timedelta(hours=1) for each in told.asked] == [True]


@pytest.mark.parametrize("target", ["rooms.aula", "channels.other"])
async def test_where_nobody_wrote_anything_down_nothing_is_told(desk, target: str):
    """A room has no log, nor has a channel whose feed keeps none: that is not the same as none."""
    reports, _ = _reports(desk, [])
    assert await reports.on_air([_run(desk, 1, 0, "a", target=target)]) == {}


async def test_a_log_that_cannot_be_read_costs_no_list_of_runs(desk):
    """What the ledger knows is shown all the same; who asks for the log itself is told."""
    async with desk.store.write() as tx:
        await tx.add_target(Target(CHANNEL, "One", 0, "u" * 32, "UTC"))
    reports = Reports(desk.store, desk.clock, as_run=Unreadable())
    assert await reports.on_air([_run(desk, 1, 0, "a")]) == {}
    with pytest.raises(AsRunError):
        await reports.as_run(CHANNEL, desk.span(0, 10))


async def test_a_room_has_no_as_run(desk):
    """Nor has a channel that there is not."""
    reports, _ = _reports(desk, [])
    for key in ("rooms.aula", "channels.none"):
        with pytest.raises(NotFound):
            await reports.as_run(key, desk.span(0, 10))
