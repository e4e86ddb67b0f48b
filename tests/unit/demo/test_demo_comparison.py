"""The demo's judgement: which facts of an act count as planned, and which deviations it names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallyd.demo.comparison import LENGTH_TOLERANCE, START_TOLERANCE, Decoded, Got, review
from tallyd.demo.scenario import ACTS, MIN_PIECE, Act, closing
from tallyd.domain.conflicts import Blocker
from tallyd.domain.drafts import to_schedule
from tallyd.domain.model import Occurrence, Outcome, Part, Reason, Run, Status, Target, Verdict
from tallyd.domain.planner import Planned, Wishes, plan_target
from tallyd.domain.window import Window

OPENING = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
BY_NAME = {act.name: act for act in ACTS}
IDS = {act.name: number for number, act in enumerate(ACTS, start=1)}
NAMES = {number: name for name, number in IDS.items()}
MS = timedelta(milliseconds=1)


def plan_of(act: Act) -> Planned:
    """Give the plan that the act expects."""
    window = act.window(OPENING)
    schedule = replace(act_schedule(act), id=IDS[act.name])
    by = (Blocker(window, IDS[act.blocker]),) if act.blocker else ()
    occurrence = Occurrence(schedule.id, "slot", window)
    return Planned(schedule, occurrence, act.verdict, act.claim(OPENING), by, act.reason)


def act_schedule(act: Act):
    """Give an act as a schedule without an id."""
    return to_schedule(act.draft(OPENING), OPENING - timedelta(seconds=5), act.name)


def punctual(act: Act) -> Got:
    """Give the facts of an act for which everything went to the millisecond."""
    stop = act.stop_due(OPENING) or act.window(OPENING).stop
    due = [Window(piece.start, min(piece.stop, stop)) for piece in act.claim(OPENING)]
    parts = tuple(
        Part(
            number=number,
            input=0,
            piece=piece,
            token=f"t{number}",
            commanded_at=piece.start,
            first_data_at=piece.start,
            last_data_at=piece.stop,
            stopped_at=piece.stop,
            files=(f"/demo/{act.name}-{number}.mkv",),
        )
        for number, piece in enumerate(due, start=1)
    )
    run = Run(
        id=1,
        target=act.target,
        name=act.name,
        planned=Window(act.window(OPENING).start, stop),
        schedule_id=IDS[act.name],
        slot="slot",
        status=Status.FINISHED,
        outcome=act.outcome,
        reason=act.reason,
        sentence="So it was.",
        blocker=IDS[act.blocker] if act.blocker else None,
        parts=parts,
    )
    decoded = {Path(part.files[0]): Decoded(25, part.piece.length) for part in parts if part.files}
    return Got(IDS[act.name], plan_of(act), run, decoded, NAMES)


def with_part(got: Got, **changes: object) -> Got:
    """Give the facts with another first part."""
    assert got.run is not None
    first, *others = got.run.parts
    return replace(got, run=replace(got.run, parts=(replace(first, **changes), *others)))


def with_file(got: Got, **changes: object) -> Got:
    """Give the facts with the first file decoded to something else."""
    (file, decoded), *others = got.decoded.items()
    return replace(got, decoded={file: replace(decoded, **changes), **dict(others)})


def with_run(got: Got, **changes: object) -> Got:
    """Give the facts with another row in the ledger."""
    assert got.run is not None
    return replace(got, run=replace(got.run, **changes))


def with_plan(got: Got, **changes: object) -> Got:
    """Give the facts with another plan."""
    assert got.planned is not None
    return replace(got, planned=replace(got.planned, **changes))


def deviations(name: str, got: Got) -> tuple[str, ...]:
    """Judge the facts of an act."""
    return review(BY_NAME[name], OPENING, got).deviations


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_everything_to_the_millisecond_is_as_planned(act: Act):
    """What each act expects of itself is consistent: it can be met."""
    judged = review(act, OPENING, punctual(act))
    assert judged.deviations == ()
    assert judged.blocker == act.blocker


def test_the_planner_gives_the_acts_just_what_they_expect():
    """The scenario's verdicts, rests and blockers are those of the real planner."""
    for key in {act.target for act in ACTS}:
        target = Target(key, key, 1, "", "UTC", min_piece=MIN_PIECE)
        acts = [act for act in ACTS if act.target == key]
        schedules = tuple(replace(act_schedule(act), id=IDS[act.name]) for act in acts)
        entries = plan_target(Wishes(target, schedules), Window(OPENING, closing(OPENING)))
        for entry in entries:
            act = BY_NAME[entry.schedule.name]
            got = replace(punctual(act), planned=entry)
            assert review(act, OPENING, got).deviations == ()
        assert len(entries) == len(acts)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_start_may_be_off_by_the_tolerance_and_no_more(sign: int):
    """A second early or late is the small machine's, more is tallyd's."""
    got = punctual(BY_NAME["Lecture"])
    edge = OPENING + sign * START_TOLERANCE
    assert deviations("Lecture", with_part(got, first_data_at=edge)) == ()
    (found,) = deviations("Lecture", with_part(got, first_data_at=edge + sign * MS))
    assert "from its planned start" in found


def test_what_a_channel_plays_needs_no_file_but_a_start():
    """What goes on air leaves no file; that it came on late is still said."""
    got = replace(with_part(punctual(BY_NAME["Live"]), files=()), decoded={})
    assert deviations("Live", got) == ()
    (found,) = deviations("Live", with_part(got, first_data_at=None))
    assert found == "it has no data"


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_file_may_be_off_by_the_tolerance_and_no_more(sign: int):
    """A file that is too short or too long is named with both lengths."""
    got = punctual(BY_NAME["Lecture"])
    edge = timedelta(seconds=5) + sign * LENGTH_TOLERANCE
    assert deviations("Lecture", with_file(got, length=edge)) == ()
    (found,) = deviations("Lecture", with_file(got, length=edge + sign * 10 * MS))
    assert found.endswith("long where 5.00 s were due")


LECTURE, CONCERT, GUEST, REHEARSAL = (
    punctual(BY_NAME[name]) for name in ("Lecture", "Concert", "Guest talk", "Rehearsal")
)


@pytest.mark.parametrize(
    ("name", "got", "words"),
    [
        ("Lecture", replace(LECTURE, planned=None), "the plan does not have it"),
        ("Lecture", with_plan(LECTURE, verdict=Verdict.BLOCKED), "blocked, not clear"),
        ("Concert", with_plan(CONCERT, claim=()), "what the plan gives it is none"),
        ("Concert", with_plan(CONCERT, by=()), "the plan's blocker is none, not Bulletin"),
        (
            "Lecture",
            with_plan(LECTURE, by=(Blocker(Window(OPENING, OPENING + MS)),)),
            "the plan's blocker is a lock, not none",
        ),
        ("Lecture", replace(LECTURE, run=None), "no outcome"),
        ("Lecture", with_run(LECTURE, outcome=None), "no outcome"),
        ("Lecture", with_run(LECTURE, outcome=Outcome.PARTIAL), "outcome is partial"),
        ("Lecture", with_run(LECTURE, reason=Reason.LATE), "reason is late, not none"),
        ("Rehearsal", with_run(REHEARSAL, reason=None), "reason is none, not operator"),
        ("Guest talk", with_run(GUEST, blocker=1), "blocker is Lecture, not Course"),
        ("Guest talk", with_run(GUEST, blocker=99), "blocker is schedule 99"),
        ("Guest talk", with_run(GUEST, parts=LECTURE.run.parts), "0 parts were due, 1 were made"),
        ("Lecture", with_run(LECTURE, parts=()), "1 parts were due, 0 were made"),
        ("Concert", with_part(CONCERT, first_data_at=None), "part 1 has no data"),
        ("Lecture", with_part(LECTURE, files=()), "it has no file"),
        ("Lecture", replace(LECTURE, decoded={}), "it has no file"),
        ("Lecture", with_file(LECTURE, error="bad frame"), "does not decode: bad frame"),
        (
            "Rehearsal",
            with_run(REHEARSAL, planned=BY_NAME["Rehearsal"].window(OPENING)),
            "it was stopped 3.00 s from the instant meant",
        ),
    ],
)
def test_each_deviation_is_named(name: str, got: Got, words: str):
    """What is not as planned is said, whatever it is; nothing else may make the demo pass."""
    assert any(words in found for found in deviations(name, got)), deviations(name, got)
