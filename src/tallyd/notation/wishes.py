"""What somebody asks for, option by option, made into a booking; the same for options and files.

Pure: time is an argument. What a draft cannot say is refused here, what it can is the domain's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, TypeVar, cast

from tallyd.config.values import check_zone, did_you_mean
from tallyd.domain.drafts import Draft
from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.domain.model import (
    DstGap,
    DstOverlap,
    Frequency,
    InstantStart,
    Recurrence,
    WallStart,
)
from tallyd.notation.values import (
    FromNow,
    Instant,
    Moment,
    booking_duration,
    read_date,
    read_days,
    read_start,
    start_of,
    wall_start_of,
)

T = TypeVar("T")
Choice = TypeVar("Choice", bound=StrEnum)

NEVER = "never"
NEEDED = ("target", "name", "start", "duration")
_OF_A_SERIES = ("every", "days", "last_day", "count", "until")
_ALMOST_A_SECOND = timedelta(microseconds=999_999)
_LONG_VALUE = 40


class Repeat(StrEnum):
    """How often; `none` makes or keeps a one-shot."""

    NONE = "none"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Wish:
    """The options that were given, read; None for each that was not."""

    target: str | None = None
    name: str | None = None
    start: Moment | None = None
    duration: timedelta | None = None
    timezone: str | None = None
    repeat: Repeat | None = None
    every: int | None = None
    days: frozenset[int] | None = None
    last_day: bool | None = None
    count: int | None = None
    until: date | Literal["never"] | None = None
    priority: int | None = None
    dst_gap: DstGap | None = None
    dst_overlap: DstOverlap | None = None


def read_wish(given: Mapping[str, object]) -> Wish:
    """Read options by their names, `last_day` or `last-day`; values are text or what a file holds.

    Raises:
        InvalidBooking: with every name that is no option and every value that cannot be read.
    """
    problems: list[Problem] = []
    read: dict[str, Any] = {}
    for key, value in given.items():
        field = key.replace("-", "_")
        if value is None or value == []:
            continue
        if field not in _READERS:
            fix = f"there is no such option{did_you_mean(field, _READERS)}"
            problems.append(Problem(_shown(key), _shown(value), fix))
            continue
        try:
            read[field] = _READERS[field](value)
        except ValueError as error:
            problems.append(Problem(field, _shown(value), str(error)))
    if problems:
        raise InvalidBooking(*problems)
    return Wish(**read)


def new_draft(wish: Wish, zone: str) -> Callable[[datetime], Draft]:
    """Give what makes the booking at its instant; wall time is in the wish's zone, else `zone`.

    Raises:
        InvalidBooking: at once, where something is missing or options do not go together.
    """
    rule, problems = _rule(wish, None)
    missing = [Problem(field, "", "give one") for field in NEEDED if getattr(wish, field) is None]
    start = wish.start
    if start is None or missing or problems:
        raise InvalidBooking(*missing, *problems)

    def make(now: datetime) -> Draft:
        blank = Draft("", "", InstantStart(now), timedelta(0))
        return _filled(blank, wish, _start(start, rule, wish.timezone, zone, now), rule)

    return make


def changed_draft(draft: Draft, wish: Wish, zone: str, now: datetime) -> Draft:
    """Give a booking with the wish's options in place of its own; what is not given stays.

    Another `repeat` drops weekdays and last day; `count` and `until` each replace both.

    Raises:
        InvalidBooking: options do not go together.
    """
    rule, problems = _rule(wish, draft.recurrence)
    if problems:
        raise InvalidBooking(*problems)
    return _filled(draft, wish, _changed_start(draft, wish, rule, zone, now), rule)


def _filled(
    draft: Draft, wish: Wish, start: WallStart | InstantStart, rule: Recurrence | None
) -> Draft:
    return replace(
        draft,
        target=_either(wish.target, draft.target),
        name=_either(wish.name, draft.name),
        start=start,
        duration=_either(wish.duration, draft.duration),
        recurrence=rule,
        priority=_either(wish.priority, draft.priority),
        dst_gap=_either(wish.dst_gap, draft.dst_gap),
        dst_overlap=_either(wish.dst_overlap, draft.dst_overlap),
    )


def _either(given: T | None, known: T) -> T:
    return known if given is None else given


def _rule(wish: Wish, old: Recurrence | None) -> tuple[Recurrence | None, tuple[Problem, ...]]:
    repeat = wish.repeat or Repeat(old.frequency if old else "none")
    if repeat is Repeat.NONE:
        return None, tuple(_without_a_series(wish))
    frequency = Frequency(repeat)
    base = old or Recurrence(frequency)
    if base.frequency is not frequency:
        base = replace(base, frequency=frequency, weekdays=frozenset(), last_day=False)
    if wish.count is not None or wish.until is not None:
        until = None if isinstance(wish.until, str) else wish.until
        base = replace(base, count=wish.count, until=until)
    return replace(
        base,
        every=_either(wish.every, base.every),
        weekdays=_either(wish.days, base.weekdays),
        last_day=_either(wish.last_day, base.last_day),
    ), ()


def _without_a_series(wish: Wish) -> list[Problem]:
    given = [(field, getattr(wish, field)) for field in _OF_A_SERIES]
    fix = "only a series has that: give repeat too (daily, weekly or monthly)"
    return [
        Problem(field, _shown(value), fix)
        for field, value in given
        if value is not None and value is not False
    ]


def _start(
    moment: Moment, rule: Recurrence | None, said_zone: str | None, zone: str, now: datetime
) -> WallStart | InstantStart:
    """Place a start in the zone that was said, else in `zone`; what repeats is wall time."""
    if rule is not None and isinstance(moment, FromNow):
        # The wall shows whole seconds; the next one is meant, for this one has begun.
        return _on_the_wall(moment, said_zone or zone, now + _ALMOST_A_SECOND)
    if rule is not None and said_zone is not None:
        return _on_the_wall(moment, said_zone, now)
    return start_of(moment, said_zone or zone, now)


def _changed_start(
    draft: Draft, wish: Wish, rule: Recurrence | None, zone: str, now: datetime
) -> WallStart | InstantStart:
    old = draft.start
    old_zone = old.zone if isinstance(old, WallStart) else None
    if wish.start is not None:
        # A series keeps its zone, so that an instant can be given for its start.
        said = wish.timezone or (old_zone if rule is not None else None)
        return _start(wish.start, rule, said, old_zone or zone, now)
    if wish.timezone is None:
        return old
    if isinstance(old, WallStart):
        return WallStart(old.local, wish.timezone)
    if rule is not None:
        return _on_the_wall(Instant(old.at), wish.timezone, now)
    fix = "this schedule starts at an instant, whatever clocks show: give a start too"
    raise InvalidBooking(Problem("timezone", wish.timezone, fix))


def _on_the_wall(moment: Moment, zone: str, now: datetime) -> WallStart:
    try:
        return wall_start_of(moment, zone, now)
    except OverflowError:
        raise InvalidBooking(Problem("start", str(moment), "beyond the calendar")) from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("write text in quotes")  # noqa: TRY004 - readers raise ValueError
    return value


def _when(value: object) -> str:
    """Take what TOML has types for as it would be typed."""
    return value.isoformat() if isinstance(value, date) else _text(value)


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("write a whole number")  # noqa: TRY004 - as above
    try:
        return int(value)
    except ValueError:
        raise ValueError("write a whole number") from None


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("write true or false")  # noqa: TRY004 - as above
    return value


def _days(value: object) -> frozenset[int]:
    if isinstance(value, list):
        return read_days(",".join(map(_text, cast("list[object]", value))))
    return read_days(_text(value))


def _until(value: object) -> date | Literal["never"]:
    text = _when(value)
    return "never" if text == NEVER else read_date(text)


def _choice(choices: type[Choice]) -> Callable[[object], Choice]:
    def read(value: object) -> Choice:
        try:
            return choices(_text(value))
        except ValueError:
            raise ValueError(f"write {' or '.join(choices)}") from None

    return read


_READERS: Mapping[str, Callable[[object], object]] = {
    "target": _text,
    "name": _text,
    "start": lambda value: read_start(_when(value)),
    "duration": lambda value: booking_duration(_text(value)),
    "timezone": lambda value: check_zone(_text(value)),
    "repeat": _choice(Repeat),
    "every": _number,
    "days": _days,
    "last_day": _flag,
    "count": _number,
    "until": _until,
    "priority": _number,
    "dst_gap": _choice(DstGap),
    "dst_overlap": _choice(DstOverlap),
}
"""How the value of each option is read, by the name of the option in a file."""


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONG_VALUE else f"{text[:_LONG_VALUE]}..."
