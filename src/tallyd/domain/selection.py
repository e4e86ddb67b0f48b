"""Which occurrence of a schedule somebody means: by slot, by start, by date, or the next one."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from tallyd.domain.errors import NotFound
from tallyd.domain.model import Occurrence, Override, Schedule
from tallyd.domain.recurrence import occurrences, slots_from
from tallyd.domain.window import Window

_DAY = timedelta(days=1)


def select(
    schedule: Schedule, overrides: Iterable[Override], wanted: str, now: datetime
) -> Occurrence:
    """Find the occurrence that `wanted` names.

    `next` is the next one to start that is not excluded; else a slot, a start as plans print it
    (`2026-12-01T08:00:00.000Z`), or the date in the slot (of an instant: in UTC).

    Raises:
        NotFound: it names none.
    """
    known = tuple(overrides)
    if wanted == "next":
        excluded = {override.slot for override in known if override.excluded}
        named = (o for o in slots_from(schedule, now) if o.slot not in excluded)
    else:
        named = (o for o in _near(schedule, known, wanted) if _is_named(o, wanted))
    found = next(named, None)
    if found is None:
        look = "see `tallyd schedule show`"
        raise NotFound("occurrence", f"{wanted} of schedule {schedule.id} ({look})")
    return found


def _near(schedule: Schedule, overrides: tuple[Override, ...], wanted: str) -> Iterable[Occurrence]:
    """Give the occurrences around the day that `wanted` speaks of."""
    if wanted.startswith("@"):
        return slots_from(schedule, schedule.effective_from) if schedule.recurrence is None else ()
    try:
        day = date.fromisoformat(wanted[:10])
        noon = datetime.fromisoformat(f"{day.isoformat()}T12:00:00+00:00")
        period = Window(noon - 2 * _DAY, noon + 2 * _DAY)
    except (ValueError, OverflowError):
        return ()
    return occurrences(schedule, overrides, period)


def _is_named(occurrence: Occurrence, wanted: str) -> bool:
    if occurrence.slot in {wanted, f"{wanted}:00"}:
        return True
    if len(wanted) == len("2026-12-01"):
        wall = not occurrence.slot.startswith("@")
        shown = occurrence.slot if wall else occurrence.window.start.isoformat()
        return shown.startswith(wanted)
    try:
        instant = datetime.fromisoformat(wanted)
    except ValueError:
        return False
    return instant.tzinfo is not None and instant == occurrence.window.start
