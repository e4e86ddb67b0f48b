"""Editing, removing and skipping: what stays, what goes, and what the ledger keeps of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.bookings import Policy
from tallyd.domain.errors import InvalidBooking, NotFound, Refused
from tallyd.domain.model import Frequency, InstantStart, Override, Recurrence, Verdict, WallStart

MINUTE = timedelta(minutes=1)
DAY = 24 * 60


def with_(**changes):
    """Give an edit that changes some fields."""
    return lambda draft: replace(draft, **changes)


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"name": "Seminar"}, True),
        ({"priority": 3}, True),
        ({"duration": 90 * MINUTE}, True),
        ({"target": "rooms.lab"}, True),
        ({"recurrence": Recurrence(Frequency.DAILY, count=9)}, False),
    ],
)
async def test_exclusions_outlive_an_edit_unless_start_or_rule_change(desk, changes, kept):
    """Whoever renames a series keeps its holidays; whoever moves it begins afresh."""
    made = await desk.daily("10:00")
    await desk.bookings.skip(made.id, "2026-12-03")
    change = await desk.bookings.edit(made.id, with_(**changes))
    expected = [Override(made.id, "2026-12-03T10:00:00", excluded=True)] if kept else []
    assert await desk.overrides() == expected
    assert (change.before, change.after.id) == (made, made.id)
    async with desk.store.read() as reader:
        assert await reader.schedules() == (change.after,)


async def test_moving_the_start_resets_exclusions_too(desk):
    """A series at another hour has other slots: what was said of the old ones is gone."""
    made = await desk.daily("10:00")
    await desk.bookings.skip(made.id, "next")
    start = replace(made.start, local=made.start.local + timedelta(hours=1))
    await desk.bookings.edit(made.id, with_(start=start))
    assert await desk.overrides() == []
    assert len(desk.nudges) == 3


async def test_an_edit_that_makes_no_sense_changes_nothing(desk):
    """A bad value or an unknown schedule is refused before anything is written."""
    made = await desk.book(60, 120)
    before, nudged = desk.dump(), len(desk.nudges)
    with pytest.raises(InvalidBooking):
        await desk.bookings.edit(made.id, with_(name=""))
    with pytest.raises(NotFound):
        await desk.bookings.edit(99, with_(name="x"))
    assert (desk.dump(), len(desk.nudges)) == (before, nudged)


async def test_an_edit_may_be_held_to_free_time(desk):
    """With `reject` an edit into another's time is refused, on the target it moves to."""
    await desk.book(60, 120, target="rooms.lab")
    made = await desk.book(60, 120)
    before = desk.dump()
    with pytest.raises(Refused):
        await desk.bookings.edit(made.id, with_(target="rooms.lab"), Policy.REJECT)
    assert desk.dump() == before
    await desk.bookings.edit(made.id, with_(target="rooms.lab"))


@pytest.mark.parametrize("watermark", [None, -60, 15])
async def test_what_fell_due_keeps_its_row_when_its_schedule_moves(desk, watermark):
    """An occurrence that has begun stays in the ledger, daemon or no daemon, wherever it moves."""
    made = await desk.book(20, 60)
    if watermark is not None:
        async with desk.store.write() as tx:
            await tx.move_watermark(None, desk.at(watermark))
    desk.go_to(25)
    await desk.bookings.edit(made.id, with_(start=InstantStart(desk.at(30))))
    assert await desk.runs() == [(made.id, desk.at(20)), (made.id, desk.at(30))]
    await desk.bookings.edit(made.id, with_(name="again"))
    assert len(await desk.runs()) == 2


async def test_an_edit_brings_what_starts_soon_into_the_ledger(desk):
    """A series moved to begin in five minutes has the row of that start at once."""
    made = await desk.daily("12:00")
    assert await desk.runs() == []
    soon = WallStart(made.start.local.replace(hour=9, minute=5), "UTC")
    await desk.bookings.edit(made.id, with_(start=soon))
    assert await desk.runs() == [(made.id, desk.at(5))]


async def test_an_edit_that_would_end_its_own_recording_is_refused(desk):
    """Moving, shortening or lowering what records now needs force; lengthening does not."""
    made = await desk.book(0, 60)
    await desk.record(made)
    desk.go_to(10)
    for changes in (
        {"start": InstantStart(desk.at(30))},
        {"duration": 20 * MINUTE},
        {"target": "rooms.lab"},
    ):
        with pytest.raises(Refused) as refused:
            await desk.bookings.edit(made.id, with_(**changes))
        assert [victim.run_id for victim in refused.value.victims] == [1]
    await desk.bookings.edit(made.id, with_(duration=90 * MINUTE))
    await desk.bookings.edit(made.id, with_(duration=20 * MINUTE), Policy.FORCE)


async def test_a_series_that_was_extended_once_goes_on(desk):
    """Lengthening today's occurrence of a series leaves tomorrow's where it was."""
    made = await desk.daily("09:00")
    run = await desk.record(made)
    desk.go_to(10)
    await desk.bookings.extend_run(run.id, 30 * MINUTE)
    prospect = await desk.reports.prospect(made.id)
    assert [o.window.start for o in prospect.next][:2] == [desk.at(DAY), desk.at(2 * DAY)]
    assert prospect.verdict is Verdict.CLEAR


async def test_a_removed_schedule_has_no_future(desk):
    """After its removal a schedule is not found any more, and its past stays."""
    made = await desk.daily("09:00")
    desk.go_to(DAY + 5)
    removed = await desk.bookings.remove(made.id)
    assert (removed.before, removed.after.ended) == (made, desk.at(DAY + 5))
    assert await desk.runs() == [(made.id, desk.at(0)), (made.id, desk.at(DAY))]
    for lost in (
        desk.bookings.remove(made.id),
        desk.bookings.remove_and_stop(made.id),
        desk.bookings.edit(made.id, with_(name="x")),
        desk.bookings.skip(made.id, "next"),
        desk.reports.prospect(made.id),
    ):
        with pytest.raises(NotFound):
            await lost


async def test_removing_lets_what_records_go_on_and_drops_what_waits(desk):
    """What has data runs to its planned end; what stands in line for the room is left out."""
    running, waiting = await desk.daily("09:00"), await desk.daily("09:00")
    await desk.record(running)
    desk.go_to(10)
    await desk.bookings.remove(running.id)
    await desk.bookings.remove(waiting.id)
    assert await desk.overrides() == [Override(waiting.id, "2026-12-01T09:00:00", excluded=True)]


async def test_removing_and_stopping_ends_what_records_now(desk):
    """The recording ends at this instant; what never gave data is left out."""
    running, waiting = await desk.daily("09:00"), await desk.daily("09:00")
    await desk.record(running)
    desk.go_to(10)
    await desk.bookings.remove_and_stop(running.id)
    await desk.bookings.remove_and_stop(waiting.id)
    assert await desk.overrides() == [
        Override(running.id, "2026-12-01T09:00:00", stop=desk.at(10)),
        Override(waiting.id, "2026-12-01T09:00:00", excluded=True),
    ]


@pytest.mark.parametrize(
    "wanted", ["next", "2026-12-01", "2026-12-01T10:00:00", "2026-12-01T10:00:00.000Z"]
)
async def test_an_occurrence_is_skipped_by_any_of_its_names(desk, wanted):
    """By `next`, date, slot or start: that one is left out, and nothing else."""
    made = await desk.daily("10:00")
    skipped = await desk.bookings.skip(made.id, wanted)
    assert skipped.slot == "2026-12-01T10:00:00"
    assert await desk.overrides() == [Override(made.id, skipped.slot, excluded=True)]
    assert (await desk.bookings.skip(made.id, "next")).slot == "2026-12-02T10:00:00"
    assert len(desk.nudges) == 3


async def test_what_is_over_cannot_be_skipped(desk):
    """What was recorded yesterday stays what it was."""
    made = await desk.daily("09:00")
    desk.go_to(DAY + 5)
    before = desk.dump()
    with pytest.raises(InvalidBooking, match="over"):
        await desk.bookings.skip(made.id, "2026-12-01")
    assert desk.dump() == before


async def test_what_records_now_is_not_skipped_unasked(desk):
    """Skipping the occurrence that records is refused; with force it ends, its row stays."""
    made = await desk.daily("09:00")
    await desk.record(made)
    desk.go_to(10)
    with pytest.raises(Refused):
        await desk.bookings.skip(made.id, "2026-12-01")
    assert await desk.overrides() == []
    await desk.bookings.skip(made.id, "2026-12-01", Policy.FORCE)
    assert await desk.runs() == [(made.id, desk.at(0))]


async def test_a_skip_keeps_what_was_said_before(desk):
    """An occurrence that was shortened and is then skipped is both."""
    made = await desk.daily("09:00")
    desk.go_to(10)
    await desk.bookings.stop_run(1)
    desk.go_to(5)
    await desk.bookings.skip(made.id, "2026-12-01")
    assert await desk.overrides() == [
        Override(made.id, "2026-12-01T09:00:00", excluded=True, stop=desk.at(10))
    ]
