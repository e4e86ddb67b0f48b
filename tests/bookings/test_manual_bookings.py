"""Recordings by hand: begun where the target is free, refused with the reason elsewhere."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallyd.api.answers import answer_of
from tallyd.bookings import Bookings, Policy
from tallyd.domain.errors import InvalidBooking, Locked, NoDriver, NotFound, Occupied, Refused
from tallyd.domain.manual import ManualRecording
from tallyd.domain.model import Metadata, Outcome, Reason, Run, Verdict
from tallyd.domain.window import Window

MINUTE = timedelta(minutes=1)
LONGEST = timedelta(hours=4)


async def by_hand(desk, name="Exam", length=None, **changes: object) -> Run:
    """Start a recording by hand in the aula, for some minutes or as long as may be."""
    length = length * MINUTE if isinstance(length, int) else length
    wanted = replace(ManualRecording("rooms.aula", name, length), **changes)
    return await desk.bookings.start_recording(wanted, LONGEST)


async def schedule_of(desk, run: Run):
    """Give the schedule behind a run."""
    async with desk.store.read() as reader:
        return await reader.schedule(run.schedule_id)


async def begin(desk, run: Run) -> Run:
    """Let data flow, as the engine writes it."""
    return await desk.record(await schedule_of(desk, run))


async def test_a_free_room_records_from_now_on(desk):
    """The run is there when the call returns, for as long as may be, and the daemon is told."""
    run = await by_hand(desk)
    assert (run.id, run.name, run.target, run.manual) == (1, "Exam", "rooms.aula", True)
    assert run.planned == Window(desk.at(0), desk.at(0) + LONGEST)
    assert desk.nudges == [desk.at(0)]


async def test_a_length_that_was_given_holds(desk):
    """It ends by itself then."""
    assert (await by_hand(desk, length=50)).planned == Window(desk.at(0), desk.at(50))


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": " "}, ["name"]),
        ({"name": "a\nb", "length": LONGEST + MINUTE}, ["name", "for"]),
        ({"length": timedelta(0)}, ["for"]),
        ({"length": -MINUTE}, ["for"]),
    ],
)
async def test_what_breaks_rules_is_refused_with_all_that_is_wrong(desk, changes, fields):
    """A name that cannot be seen and a length beyond what is allowed change nothing."""
    before = desk.dump()
    with pytest.raises(InvalidBooking) as refused:
        await by_hand(desk, **changes)
    assert [problem.field for problem in refused.value.problems] == fields
    assert (desk.dump(), desk.nudges) == (before, [])


async def test_the_longest_length_is_named_where_it_is_exceeded(desk):
    """Whoever asks for more is told how much there is, and by which key."""
    with pytest.raises(InvalidBooking, match=r"at most 4h \(manual_max\)"):
        await by_hand(desk, length=241)


async def test_a_room_that_records_is_not_cut(desk):
    """The answer names the run that is there and until when, and nothing is stored."""
    run = await desk.record(await desk.book(0, 60, name="Lecture"))
    before = desk.dump()
    with pytest.raises(Occupied, match=r'run 1 "Lecture" until 2026-12-01 10:00:00') as refused:
        await by_hand(desk)
    (victim,) = refused.value.victims
    assert (victim.run_id, victim.schedule_id, victim.loses) == (
        run.id,
        run.schedule_id,
        Window(desk.at(0), desk.at(60)),
    )
    assert desk.dump() == before


async def test_what_is_due_now_holds_the_room_before_its_data_flow(desk):
    """A device that is still coming up is not pushed aside."""
    await desk.book(0, 60, name="Lecture")
    with pytest.raises(Occupied, match="Lecture"):
        await by_hand(desk)


async def test_what_is_due_holds_the_room_though_no_row_was_written_of_it(desk):
    """After a night without a daemon the booking itself is named."""
    await desk.daily("08:30:00")
    desk.go_to(24 * 60)
    with pytest.raises(Occupied, match=r'schedule 1 "Talk"') as refused:
        await by_hand(desk)
    assert refused.value.victims == ()


async def test_a_second_press_is_refused_and_names_the_first(desk):
    """Two people press the button: one recording."""
    first = await by_hand(desk)
    with pytest.raises(Occupied, match='run 1 "Exam"') as refused:
        await by_hand(desk, "Again")
    assert [(v.run_id, v.schedule_id) for v in refused.value.victims] == [(first.id, None)]


async def test_a_paused_recording_keeps_its_room(desk):
    """Whoever paused it means to go on, and the other one is told so."""
    await begin(desk, await by_hand(desk))
    desk.go_to(5)
    await desk.bookings.pause_run(1)
    with pytest.raises(Occupied, match="paused"):
        await by_hand(desk, "Again")


async def test_a_room_is_free_again_once_its_recording_was_stopped(desk):
    """The next press starts the next recording, whether or not the daemon has seen the stop."""
    await begin(desk, await by_hand(desk))
    desk.go_to(5)
    await desk.bookings.stop_run(1)
    assert (await by_hand(desk, "Again")).id == 2


async def test_what_failed_for_good_holds_nothing(desk):
    """A booking whose device gave up leaves the room to whoever wants it."""
    run = await desk.record(await desk.book(0, 60))
    desk.go_to(5)
    await desk.finish(run, outcome=Outcome.FAILED, reason=Reason.DEVICE_REFUSED)
    assert (await by_hand(desk)).id == 2


async def test_a_locked_room_records_nothing_by_hand(desk):
    """The answer says since when it is locked."""
    await desk.bookings.lock_target("rooms.aula")
    desk.go_to(5)
    with pytest.raises(Locked, match="locked since 2026-12-01 09:00:00 UTC") as refused:
        await by_hand(desk)
    assert refused.value.since == desk.at(0)


async def test_a_room_that_records_by_hand_is_not_locked_without_force(desk):
    """A lock would cut it, so it is refused as it is for whatever records."""
    await begin(desk, await by_hand(desk))
    desk.go_to(5)
    with pytest.raises(Refused, match=r'run 1 "Exam" \(by hand\)'):
        await desk.bookings.lock_target("rooms.aula")
    await desk.bookings.lock_target("rooms.aula", Policy.FORCE)


async def test_a_room_that_is_not_there_is_not_found(desk):
    """A mistyped key is an error of its own."""
    with pytest.raises(NotFound, match=r"no target rooms\.attic"):
        await by_hand(desk, target="rooms.attic")


async def test_a_room_that_left_the_configuration_cannot_record(desk):
    """Its row is still there, but nothing drives it."""
    async with desk.store.write() as tx:
        target = await tx.target("rooms.aula")
        await tx.change_target(replace(target, known=False))
    with pytest.raises(NoDriver, match="not in the configuration"):
        await by_hand(desk)


async def test_a_room_whose_driver_cannot_be_used_cannot_record(desk):
    """What the daemon says of the driver is what the one at the button reads."""

    async def told(target: str) -> str | None:
        return "no such device" if target == "rooms.aula" else None

    bookings = Bookings(desk.store, desk.clock, lambda: None, told)
    with pytest.raises(NoDriver, match=r"rooms\.aula cannot record: no such device"):
        await bookings.start_recording(ManualRecording("rooms.aula", "Exam"), LONGEST)
    assert await bookings.start_recording(ManualRecording("rooms.lab", "Exam"), LONGEST)


@pytest.mark.parametrize("why", ["held", "locked", "gone"])
async def test_a_refusal_can_be_told_to_whoever_may_not_know(desk, why):
    """Its short form says what is in the way, and nothing of whose it is or since when."""
    if why == "held":
        await desk.record(await desk.book(0, 60, name="Lecture"))
    elif why == "locked":
        await desk.bookings.lock_target("rooms.aula")
    else:
        async with desk.store.write() as tx:
            await tx.change_target(replace(await tx.target("rooms.aula"), known=False))
    with pytest.raises(Refused) as refused:
        await by_hand(desk)
    brief = {
        "held": "rooms.aula is held by somebody",
        "locked": "rooms.aula is locked",
        "gone": "rooms.aula cannot record",
    }
    answer = answer_of(refused.value)
    assert answer is not None
    assert (answer.status, answer.sentence) == (409, brief[why])


async def test_it_goes_before_what_is_booked_for_later(desk):
    """Whatever its priority, a booking begins when the recording by hand has ended."""
    await desk.book(10, 60, priority=100)
    run = await by_hand(desk, length=30)
    prospect = await desk.reports.prospect(1)
    assert prospect.verdict is Verdict.CONFLICT
    assert prospect.trouble.claim == (Window(desk.at(30), desk.at(60)),)
    assert [(b.schedule_id, b.run_id) for b in prospect.trouble.by] == [(None, run.id)]


async def test_a_day_off_does_not_keep_anybody_from_the_button(desk):
    """An exception day suspends what is booked, not what somebody does."""
    await desk.bookings.add_exception_day(desk.at(0).date(), "Holiday", None)
    run = await by_hand(desk)
    (holder,) = (await desk.reports.occupancy("rooms.aula")).holders
    assert holder.run == run


async def test_two_inputs_record_two_by_hand(desk):
    """It takes a free input beside what records, and is refused where there is none."""
    async with desk.store.write() as tx:
        target = await tx.target("rooms.aula")
        await tx.change_target(replace(target, capacity=2))
    await desk.record(await desk.book(0, 60, name="Lecture"))
    await by_hand(desk)
    with pytest.raises(Occupied) as refused:
        await by_hand(desk, "Again")
    assert [victim.name for victim in refused.value.victims] == ["Lecture", "Exam"]


async def test_it_does_not_push_aside_later_what_records_now(desk):
    """Where one input is free now but none would be later, what records is named."""
    async with desk.store.write() as tx:
        target = await tx.target("rooms.aula")
        await tx.change_target(replace(target, capacity=2))
    await desk.record(await desk.book(0, 60, name="Lecture"))
    await desk.book(30, 90, priority=5)
    with pytest.raises(Refused, match='cut what is recording now: run 1 "Lecture"'):
        await by_hand(desk)
    assert (await by_hand(desk, length=30)).manual


async def test_it_is_listed_edited_and_removed_as_no_schedule(desk):
    """Lists of schedules show what was booked, and its schedule's id leads nowhere."""
    run = await by_hand(desk)
    assert await desk.reports.prospects() == ()
    for act in (desk.bookings.remove, desk.reports.prospect):
        with pytest.raises(NotFound):
            await act(run.schedule_id)


async def test_what_clients_say_of_it_is_kept(desk):
    """Owner, author, form and shares are there for whoever asks for them."""
    said = Metadata(
        origin="valt", author="4", owner="7", template={"17": "Student"}, shared_users=(13, 17)
    )
    run = await by_hand(desk, metadata=said)
    assert (await schedule_of(desk, run)).metadata == said


async def test_who_holds_each_room_is_told(desk):
    """Free, held, paused and locked rooms are told apart; an unknown one is an error."""
    await begin(desk, await by_hand(desk))
    desk.go_to(1)
    await desk.bookings.pause_run(1)
    await desk.bookings.lock_target("rooms.lab")
    aula, lab = [await desk.reports.occupancy(key) for key in ("rooms.aula", "rooms.lab")]
    assert [(each.run.id, each.paused) for each in aula.holders] == [(1, True)]
    assert (lab.target.locked_since, lab.holders) == (desk.at(1), ())
    with pytest.raises(NotFound):
        await desk.reports.occupancy("rooms.attic")


async def test_it_can_be_extended_into_free_time(desk):
    """Who forgot to ask for more gets more, unless somebody else would lose by it."""
    await begin(desk, await by_hand(desk, length=30))
    await desk.book(60, 90, name="Next")
    desk.go_to(20)
    assert await desk.bookings.extend_run(1, 30 * MINUTE) == Window(desk.at(0), desk.at(60))
    with pytest.raises(Refused, match='"Next"'):
        await desk.bookings.extend_run(1, MINUTE)
