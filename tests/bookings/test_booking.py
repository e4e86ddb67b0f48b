"""Booking: what is stored, what is refused, and what a refusal leaves behind: nothing."""

from datetime import timedelta

import pytest

from tallyd.bookings import Policy
from tallyd.domain.errors import InvalidBooking, NotFound, Refused
from tallyd.domain.model import Outcome, Verdict

MINUTE = timedelta(minutes=1)


async def test_a_booking_is_stored_and_nudges_the_daemon(desk):
    """What `add` gives is in the database, and the daemon is told once."""
    made = await desk.book(60, 120)
    async with desk.store.read() as reader:
        assert await reader.schedules() == (made,)
    assert desk.nudges == [desk.at(0)]


async def test_the_draft_is_made_for_the_instant_of_the_booking(desk):
    """`now` in a booking is the instant at which its turn came, in whole milliseconds."""
    desk.clock.at = desk.at(1) + timedelta(microseconds=1999)
    told = []
    await desk.bookings.add(lambda now: told.append(now) or desk.draft(60, 120))
    assert told == [desk.at(1) + timedelta(milliseconds=1)]


@pytest.mark.parametrize("minutes", [0, 14, 15])
async def test_a_start_within_minutes_has_its_row_when_the_booking_returns(desk, minutes):
    """Nothing that is about to start depends on the daemon having time to write it down."""
    made = await desk.book(minutes, 60)
    assert await desk.runs() == [(made.id, desk.at(minutes))]


async def test_a_start_later_than_that_has_no_row_yet(desk):
    """The ledger is written a quarter of an hour ahead."""
    await desk.book(15.1, 60)
    assert await desk.runs() == []


async def test_a_booking_behind_the_watermark_has_its_row(desk):
    """What the daemon has looked past already is written by the booking itself."""
    async with desk.store.write() as tx:
        await tx.move_watermark(None, desk.at(40))
    made = await desk.book(40, 60)
    await desk.book(41, 60)
    assert await desk.runs() == [(made.id, desk.at(40))]


BAD = {
    "no such room": {"target": "rooms.nowhere"},
    "no name": {"name": " "},
    "too long": {"duration": timedelta(days=32)},
    "no priority": {"priority": 101},
}


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
@pytest.mark.parametrize("policy", Policy)
async def test_an_invalid_booking_changes_nothing(desk, changes, policy):
    """Whatever is wrong with it, not even an id is used up, and nobody is nudged."""
    before = desk.dump()
    with pytest.raises(InvalidBooking):
        await desk.book(60, 120, policy, **changes)
    assert (desk.dump(), desk.nudges) == (before, [])


async def test_a_conflict_is_stored_and_reported(desk):
    """By default a booking that overlaps is kept, and the report says whom it waits for."""
    await desk.book(60, 120)
    made = await desk.book(70, 90)
    prospect = await desk.reports.prospect(made.id)
    assert prospect.verdict is Verdict.BLOCKED
    assert [blocker.schedule_id for blocker in prospect.trouble.by] == [1]


async def test_a_booking_that_must_not_overlap_is_refused_whole(desk):
    """With `reject` an overlap is refused, naming those who would lose; nothing is stored."""
    await desk.book(60, 120, name="First")
    before, nudged = desk.dump(), len(desk.nudges)
    with pytest.raises(Refused, match=r'"Second" \(schedule 2\) at 2026-12-01 10:30:00 UTC'):
        await desk.book(90, 150, Policy.REJECT, name="Second")
    assert (desk.dump(), len(desk.nudges)) == (before, nudged)
    made = await desk.book(120, 150, Policy.REJECT)
    assert made.id == 2


async def test_a_refusal_names_some_and_counts_the_rest(desk):
    """Of a series that is in the way every day for weeks, five are named."""
    await desk.daily("10:00")
    with pytest.raises(Refused, match=r"2026-12-05 10:00:00 UTC and 85 more$"):
        await desk.daily("10:00", Policy.REJECT)


@pytest.mark.parametrize("days", [1, 25, 89, 91, 400])
async def test_an_overlap_is_refused_however_far_ahead(desk, days):
    """A one-shot beyond the horizon of lists is held against what is booked there."""
    far = days * 24 * 60
    await desk.book(far, far + 60)
    with pytest.raises(Refused):
        await desk.book(far + 30, far + 90, Policy.REJECT)
    await desk.book(far + 60, far + 90, Policy.REJECT)


async def test_a_conflict_far_ahead_does_not_stop_a_booking_for_now(desk):
    """Two that quarrel next year leave today's booking alone."""
    far = 300 * 24 * 60
    await desk.book(far, far + 60)
    await desk.book(far, far + 60)
    assert (await desk.book(0, 60, Policy.REJECT)).id == 3


async def test_what_failed_for_good_leaves_its_time_free(desk):
    """The rest of a window whose run is final may be booked, also where nothing may overlap."""
    first = await desk.book(0, 60)
    desk.go_to(5)
    async with desk.store.read() as reader:
        (run,) = await reader.unfinished_runs()
    assert run.schedule_id == first.id
    await desk.finish(run, outcome=Outcome.FAILED)
    made = await desk.book(10, 40, Policy.REJECT)
    assert (await desk.reports.prospect(made.id)).verdict is Verdict.CLEAR


@pytest.mark.parametrize("policy", [Policy.REPORT, Policy.REJECT])
async def test_what_records_now_is_not_cut_unasked(desk, policy):
    """A higher priority that would cut a recording is refused, naming run and window."""
    await desk.record(await desk.book(0, 60, name="A"))
    desk.go_to(10)
    before = desk.dump()
    with pytest.raises(Refused, match=r'run 1 "A" \(schedule 1\) from 2026-12-01 09:20') as no:
        await desk.book(20, 30, policy, priority=1)
    (victim,) = no.value.victims
    assert (victim.run_id, victim.loses.start, victim.loses.stop) == (1, desk.at(20), desk.at(30))
    assert desk.dump() == before


async def test_force_cuts_what_records_now(desk):
    """Who insists is served: the recording gives way for the minutes of the higher priority."""
    first = await desk.book(0, 60)
    await desk.record(first)
    desk.go_to(10)
    made = await desk.book(20, 30, Policy.FORCE, priority=1)
    assert (await desk.reports.prospect(first.id)).trouble.verdict is Verdict.CONFLICT
    assert (await desk.reports.prospect(made.id)).verdict is Verdict.CLEAR


async def test_an_equal_priority_is_no_threat_to_what_records(desk):
    """Booked across a recording without a higher priority, it is stored and waits."""
    await desk.record(await desk.book(0, 60))
    desk.go_to(10)
    made = await desk.book(10, 30)
    assert (await desk.reports.prospect(made.id)).verdict is Verdict.BLOCKED


async def test_a_recording_in_one_room_guards_no_other(desk):
    """What records in the aula has no say in the lab."""
    await desk.record(await desk.book(0, 60))
    desk.go_to(10)
    assert (await desk.book(10, 30, target="rooms.lab", priority=100)).id == 2


async def test_exactly_adjacent_bookings_are_both_whole(desk):
    """The second of two that meet at an instant is no conflict, before and while one records."""
    first = await desk.book(0, 60)
    await desk.record(first)
    desk.go_to(1)
    second = await desk.book(60, 90, Policy.REJECT)
    for made in (first, second):
        assert (await desk.reports.prospect(made.id)).verdict is Verdict.CLEAR


async def test_two_bookings_of_one_start_are_two(desk):
    """Two events of the same second have rows, ids and fates of their own."""
    first, second = await desk.book(5, 60), await desk.book(5, 60)
    assert await desk.runs() == [(first.id, desk.at(5)), (second.id, desk.at(5))]
    await desk.bookings.skip(first.id, "next")
    assert (await desk.reports.prospect(second.id)).verdict is Verdict.CLEAR


@pytest.mark.parametrize(
    ("name", "target", "wrong"),
    [("", None, "name"), ("a\nb", None, "name"), ("Christmas", "rooms.nowhere", "target")],
)
async def test_an_exception_day_needs_a_name_and_a_room_that_exists(desk, name, target, wrong):
    """A bad exception day changes nothing."""
    before = desk.dump()
    with pytest.raises((InvalidBooking, NotFound)) as refused:
        await desk.bookings.add_exception_day(desk.at(0).date(), name, target)
    assert wrong in str(refused.value)
    assert (desk.dump(), desk.nudges) == (before, [])


async def test_an_exception_day_suspends_and_its_removal_restores(desk):
    """A holiday, added twice, is one; without it the day is as it was."""
    made = await desk.book(60, 120)
    day = desk.at(0).date()
    added = await desk.bookings.add_exception_day(day, "Fair", None)
    assert await desk.bookings.add_exception_day(day, "Fair again", None) == added
    period = desk.reports._horizon()
    (said,) = await desk.reports.plan(period)
    assert (said.schedule.id, said.verdict) == (made.id, "suspended")
    await desk.bookings.remove_exception_day(added.id)
    (said,) = await desk.reports.plan(period)
    assert said.verdict == "clear"
    with pytest.raises(NotFound):
        await desk.bookings.remove_exception_day(added.id)


@pytest.mark.parametrize("target", [None, "rooms.aula"])
async def test_an_exception_day_does_not_end_what_records_unasked(desk, target):
    """A day off on the day itself would end the recording of this morning: only with force."""
    await desk.record(await desk.book(0, 60))
    desk.go_to(10)
    day = desk.at(0).date()
    with pytest.raises(Refused):
        await desk.bookings.add_exception_day(day, "Fair", target)
    await desk.bookings.add_exception_day(day, "Fair", "rooms.lab")
    await desk.bookings.add_exception_day(day, "Fair", target, Policy.FORCE)


async def test_a_store_that_fails_after_all_nudges_nobody(desk):
    """A booking whose transaction breaks is as if it had never been asked for."""
    before = desk.dump()

    def broken(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await desk.bookings.add(broken)
    assert (desk.dump(), desk.nudges) == (before, [])


async def test_the_watermark_moves_only_for_who_knows_where_it_stands(desk):
    """Of two who looked at the same watermark only the first moves it."""
    async with desk.store.write() as tx:
        assert await tx.move_watermark(None, desk.at(10))
        assert not await tx.move_watermark(None, desk.at(20))
        assert await tx.watermark() == desk.at(10)
    await desk.book(60, 120)
    async with desk.store.read() as reader:
        assert await reader.watermark() == desk.at(10)


@pytest.mark.parametrize(("start", "stop", "joined"), [(-5, 10, True), (-5, 0, False)])
async def test_what_has_begun_is_joined_while_it_lasts(desk, start, stop, joined):
    """A booking that counts from an earlier instant has its row, unless its time is over."""
    made = await desk.book(start, stop, effective_from=desk.at(start))
    assert await desk.runs() == ([(made.id, desk.at(start))] if joined else [])


async def test_what_cuts_nothing_is_booked_without_looking_at_all_that_is_booked(desk, monkeypatch):
    """Beside what records, a booking that does not outrank it costs no more than any other."""
    await desk.record(await desk.book(0, 60, priority=1))

    async def look(*_asked):
        raise AssertionError("it looked at everything")

    monkeypatch.setattr("tallyd.bookings.policy.load_wishes", look)
    await desk.book(10, 30)
    await desk.book(10, 30, priority=1)
    with pytest.raises(AssertionError, match="everything"):
        await desk.book(10, 30, priority=2)
