"""A recording by hand: what an operator asks for, and the schedule that it becomes.

Nothing here knows whether the target is free.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tallyd.domain.drafts import Draft, spell_duration, to_schedule, validate
from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.domain.model import MIN_DURATION, InstantStart, Metadata, Schedule
from tallyd.domain.window import MILLISECOND, floor_ms


@dataclass(frozen=True, slots=True)
class ManualRecording:
    """What somebody wants recorded from now on, for `length` or until it is stopped."""

    target: str
    name: str
    length: timedelta | None = None
    metadata: Metadata = field(default_factory=Metadata)


def manual_schedule(
    wanted: ManualRecording, now: datetime, longest: timedelta, uid: str
) -> Schedule:
    """Make a recording by hand the schedule to be stored: one occurrence that begins now.

    It is over as a schedule at once, so that nobody lists, edits or removes it as one.

    Raises:
        InvalidBooking: it breaks rules; all of them are listed.
    """
    length = longest if wanted.length is None else wanted.length
    draft = Draft(
        target=wanted.target,
        name=wanted.name,
        start=InstantStart(floor_ms(now)),
        duration=min(max(length, MIN_DURATION), longest),
        metadata=wanted.metadata,
    )
    problems: tuple[Problem, ...] = ()
    if not MIN_DURATION <= length <= longest:
        fix = f"give more than nothing and at most {spell_duration(longest)} (manual_max)"
        problems = (Problem("for", spell_duration(length), fix),)
    try:
        validate(draft, now, {wanted.target})
    except InvalidBooking as invalid:
        problems = (*invalid.problems, *problems)
    if problems:
        raise InvalidBooking(*problems)
    schedule = to_schedule(draft, now, uid)
    return replace(schedule, manual=True, ended=schedule.created + MILLISECOND)
