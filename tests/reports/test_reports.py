"""What reports say of the past, of now, of what is booked and of what might be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.bookings import Change
from tallyd.domain.drafts import to_schedule
from tallyd.domain.errors import InvalidBooking, NotFound
from tallyd.domain.impact import Affected
from tallyd.domain.model import Outcome, Reason, Run, Status, Verdict, WallStart
from tallyd.reports import WHAT_IF_ID

DAY = 24 * 60


def brief(entries) -> list[tuple[int, str, str | None]]:
    """Give of each entry schedule, verdict and reason."""
    return [(entry.schedule.id, entry.verdict, entry.reason) for entry in entries]


async def test_a_plan_speaks_of_past_now_and_future_alike(desk):
    """What was, what runs and what comes have their line, in order of start, over all rooms."""
    await desk.book(desk.draft(10, 20))
    await desk.book(desk.draft(15, 40, target="rooms.lab"))
    await desk.book(desk.draft(50, 60))
    desk.clock.at = desk.at(30)
    assert brief(await desk.plan(0, 60)) == [
        (1, "clear", None),
        (2, "clear", None),
        (3, "clear", None),
    ]
    assert brief(await desk.plan(20, 50)) == [(2, "clear", None)]


async def test_what_failed_for_good_shows_in_the_plan(desk):
    """Who recorded instead, and from when on, is in the plan of the past too."""
    await desk.book(desk.draft(0, 60))
    await desk.book(desk.draft(0, 60))
    async with desk.store.write() as tx:
        run = await tx.run(1)
        over = {"status": Status.FINISHED, "outcome": Outcome.FAILED, "finished_at": desk.at(5)}
        await tx.move_run(replace(run, **over), Status.PENDING)
    desk.clock.at = desk.at(30 * DAY)
    assert [entry.claim for entry in await desk.plan(0, 60)] == [
        (desk.span(0, 5),),
        (desk.span(5, 60),),
    ]


async def test_drafts_are_planned_as_the_youngest_of_all(desk):
    """What might be booked takes nothing from what is; of two drafts the first comes first."""
    await desk.book(desk.draft(60, 120))
    said = await desk.plan(0, 300, desk.draft(60, 90), desk.draft(110, 150), desk.draft(110, 150))
    assert brief(said) == [
        (1, "clear", None),
        (WHAT_IF_ID + 1, "blocked", "occupied"),
        (WHAT_IF_ID + 2, "conflict", "occupied"),
        (WHAT_IF_ID + 3, "blocked", "occupied"),
    ]
    urgent = await desk.plan(0, 300, desk.draft(60, 90, priority=1))
    assert brief(urgent) == [(1, "conflict", "occupied"), (WHAT_IF_ID + 1, "clear", None)]
    assert brief(await desk.plan(0, 300)) == [(1, "clear", None)]


@pytest.mark.parametrize("target", ["rooms.nowhere", "rooms.attic"])
async def test_a_draft_that_could_not_be_booked_is_an_error(desk, target):
    """A what-if about a room that is not there says so instead of leaving it out."""
    with pytest.raises(InvalidBooking):
        await desk.plan(0, 60, desk.draft(10, 20, target=target))


@pytest.mark.parametrize(
    ("day", "verdict"), [(3, Verdict.CONFLICT), (89, Verdict.CONFLICT), (91, Verdict.CLEAR)]
)
async def test_a_schedule_is_in_trouble_if_an_occurrence_of_ninety_days_is(desk, day, verdict):
    """One bad day within the horizon shows in the list, with its occurrence; a later one not."""
    await desk.book(desk.draft(day * DAY + 30, day * DAY + 90))
    series = (await desk.book(desk.daily("10:00"))).after
    one_shot, found = await desk.reports.prospects()
    assert (one_shot.verdict, found.schedule, found.verdict) == (Verdict.CLEAR, series, verdict)
    assert await desk.reports.prospect(series.id) == found
    if verdict is Verdict.CLEAR:
        assert found.trouble is None
    else:
        assert found.trouble.occurrence.window == desk.span(day * DAY + 60, day * DAY + 120)
    assert [o.window.start for o in found.next] == [desk.at(n * DAY + 60) for n in range(5)]


async def test_blocked_once_is_blocked_whatever_else_is(desk):
    """A series with a conflict on one day and a rival all day on another is listed as blocked."""
    await desk.book(desk.draft(30, 90))
    await desk.book(desk.draft(2 * DAY, 3 * DAY))
    await desk.book(desk.daily("10:00"))
    *_, series = await desk.reports.prospects()
    assert series.verdict is Verdict.BLOCKED
    assert series.trouble.verdict is Verdict.CONFLICT


async def test_a_room_that_is_gone_blocks_its_schedules_with_the_reason(desk):
    """A schedule of a room that was taken out of the configuration is listed, never hidden."""
    lost = to_schedule(desk.draft(60, 120, target="rooms.attic"), desk.at(0), "d" * 32)
    kept = await desk.store_as_is(lost)
    (found,) = await desk.reports.prospects()
    assert (found.schedule, found.verdict) == (kept, Verdict.BLOCKED)
    assert found.trouble.reason is Reason.TARGET_UNKNOWN
    assert brief(await desk.plan(0, 300)) == [(kept.id, "blocked", "target_unknown")]


async def test_a_zone_that_is_gone_blocks_its_schedule_with_the_reason(desk):
    """A series of a zone that the time-zone database dropped is listed everywhere, as if in UTC."""
    series = desk.daily("10:00")
    lost = to_schedule(series, desk.at(0), "d" * 32)
    kept = await desk.store_as_is(replace(lost, start=WallStart(lost.start.local, "Mars/Olympus")))
    (found,) = await desk.reports.prospects()
    assert (found.verdict, found.trouble.reason) == (Verdict.BLOCKED, Reason.ZONE_UNKNOWN)
    assert found.next[0].window == desk.span(60, 120)
    assert await desk.reports.prospect(kept.id) == found
    assert brief(await desk.plan(0, 300)) == [(kept.id, "blocked", "zone_unknown")]
    assert (await desk.reports.effect(Change(kept, kept))).prospect == found


async def test_what_is_removed_is_no_prospect_any_more(desk):
    """The list of schedules shows what still has a future, and knows no others."""
    await desk.book(desk.draft(60, 120))
    await desk.bookings.remove(1)
    assert await desk.reports.prospects() == ()
    for unknown in (1, 2):
        with pytest.raises(NotFound):
            await desk.reports.prospect(unknown)


async def test_a_booking_tells_whom_it_affects(desk):
    """`affects` names those whose verdict changed and what it is now, and nobody else."""
    for start in (60, 120, 200, 300):
        await desk.book(desk.draft(start, start + 60, name=f"at {start}"))
    await desk.book(desk.draft(200, 260, name="hopeless"))
    made = await desk.book(desk.draft(110, 210, priority=1))
    effect = await desk.reports.effect(made)
    assert effect.prospect.verdict is Verdict.CLEAR
    assert effect.affects == (
        Affected(1, "at 60", Verdict.CONFLICT),
        Affected(2, "at 120", Verdict.BLOCKED),
        Affected(3, "at 200", Verdict.CONFLICT),
    )


async def test_a_blocked_booking_affects_nobody(desk):
    """Who comes last is told of its own trouble, and takes nothing from others."""
    await desk.book(desk.draft(60, 120))
    effect = await desk.reports.effect(await desk.book(desk.draft(60, 90)))
    assert (effect.prospect.verdict, effect.affects) == (Verdict.BLOCKED, ())
    assert effect.prospect.trouble.by[0].schedule_id == 1


async def test_an_edit_tells_of_both_rooms(desk):
    """Moving a schedule frees the one room and fills the other: both are reported."""
    await desk.book(desk.draft(60, 120, priority=1))
    await desk.book(desk.draft(60, 120, name="waits"))
    await desk.book(desk.draft(60, 120, target="rooms.lab", name="was alone"))
    moved = await desk.bookings.edit(1, lambda draft: replace(draft, target="rooms.lab"))
    effect = await desk.reports.effect(moved)
    assert effect.affects == (
        Affected(2, "waits", Verdict.CLEAR),
        Affected(3, "was alone", Verdict.BLOCKED),
    )


async def test_a_removal_tells_who_profits(desk):
    """With the older one gone the younger is clear."""
    await desk.book(desk.draft(60, 120))
    await desk.book(desk.draft(60, 120))
    effect = await desk.reports.effect(await desk.bookings.remove(1))
    assert effect.affects == (Affected(2, "Talk", Verdict.CLEAR),)


async def test_an_edit_that_finds_free_time_affects_nobody_else(desk):
    """What becomes of the schedule itself is its own verdict, and not among the others."""
    await desk.book(desk.draft(60, 120))
    await desk.book(desk.draft(60, 120))
    start = desk.draft(120, 180).start
    moved = await desk.bookings.edit(2, lambda draft: replace(draft, start=start))
    effect = await desk.reports.effect(moved)
    assert (effect.prospect.verdict, effect.affects) == (Verdict.CLEAR, ())


async def test_an_edit_that_changes_no_time_affects_nobody(desk):
    """A new name is no news to others."""
    await desk.book(desk.draft(60, 120))
    await desk.book(desk.draft(60, 120))
    renamed = await desk.bookings.edit(1, lambda draft: replace(draft, name="Other"))
    assert (await desk.reports.effect(renamed)).affects == ()


async def test_the_ledger_is_read_newest_first(desk):
    """Runs are given by period, room and number; one by its id, or not found."""
    window = desk.span(0, 10)
    made = (await desk.book(desk.draft(60, 90))).after
    async with desk.store.write() as tx:
        for number, room in enumerate(("rooms.aula", "rooms.lab", "rooms.aula")):
            shift = timedelta(minutes=20 * number)
            planned = replace(window, start=window.start + shift, stop=window.stop + shift)
            await tx.insert_runs([Run(0, room, "Talk", planned, made.id, f"@{number}")])
    runs = desk.reports.runs
    assert [run.id for run in await runs(None, None, 9)] == [3, 2, 1]
    assert [run.id for run in await runs(None, None, 2)] == [3, 2]
    assert [run.id for run in await runs(desk.span(5, 30), None, 9)] == [2, 1]
    assert [run.id for run in await runs(desk.span(10, 60), "rooms.aula", 9)] == [3]
    assert (await desk.reports.run(2)).target == "rooms.lab"
    with pytest.raises(NotFound):
        await desk.reports.run(4)


async def test_exception_days_are_listed_in_order(desk):
    """The days off come by date, whoever they are for."""
    day = desk.at(0).date()
    await desk.bookings.add_exception_day(day.replace(day=25), "Christmas", None)
    await desk.bookings.add_exception_day(day, "Fair", "rooms.lab")
    found = await desk.reports.exception_days()
    assert [each.name for each in found] == ["Fair", "Christmas"]


async def test_every_target_ever_configured_is_known(desk):
    """Rooms that are gone are listed too, and say so."""
    assert [(target.key, target.known) for target in await desk.reports.targets()] == [
        ("rooms.attic", False),
        ("rooms.aula", True),
        ("rooms.lab", True),
    ]
