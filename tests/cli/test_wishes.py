"""From options and file rows to drafts: what is given, what is left alone, what does not go."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tallyd.domain.drafts import Draft
from tallyd.domain.errors import InvalidBooking
from tallyd.domain.model import (
    DstGap,
    DstOverlap,
    Frequency,
    InstantStart,
    Recurrence,
    WallStart,
)
from tallyd.notation.wishes import changed_draft, new_draft, read_wish

NOW = datetime(2026, 11, 20, 18, 0, 0, 250_000, tzinfo=UTC)
ROME = "Europe/Rome"
NEEDED = {"target": "rooms.aula", "name": "N", "start": "2026-12-01T09:00", "duration": "90m"}
NINE = datetime(2026, 12, 1, 9)  # noqa: DTZ001 - a wall time
WEEKLY = Recurrence(Frequency.WEEKLY, 2, frozenset({1, 3}), until=date(2027, 6, 30))


def made(**options: object) -> Draft:
    """Read the options and make the draft in an appliance of Rome."""
    return new_draft(read_wish({**NEEDED, **options}), ROME)(NOW)


def changed(before: Draft, **options: object) -> Draft:
    """Change a draft by options."""
    return changed_draft(before, read_wish(options), ROME, NOW)


def refused(**options: object) -> dict[str, str]:
    """Give what is refused of options: fields and fixes."""
    with pytest.raises(InvalidBooking) as caught:
        made(**options)
    return {problem.field: problem.fix for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ({}, WallStart(NINE, ROME)),
        ({"start": "2026-12-01T09:00:30"}, WallStart(NINE.replace(second=30), ROME)),
        ({"timezone": "Asia/Tokyo"}, WallStart(NINE, "Asia/Tokyo")),
        ({"start": "2026-12-01T09:00Z"}, InstantStart(NINE.replace(tzinfo=UTC))),
        ({"start": "2026-12-01T09:00+02:00"}, InstantStart(NINE.replace(hour=7, tzinfo=UTC))),
        (
            {"start": "2026-12-01T09:00Z", "timezone": "Asia/Tokyo"},
            InstantStart(NINE.replace(tzinfo=UTC)),
        ),
        ({"start": "now"}, InstantStart(NOW)),
        (
            {"start": "2026-12-01T09:00Z", "timezone": "Asia/Tokyo", "repeat": "daily"},
            WallStart(NINE.replace(hour=18), "Asia/Tokyo"),
        ),
        (
            {"start": "now", "repeat": "daily"},
            WallStart(datetime(2026, 11, 20, 19, 0, 1), ROME),  # noqa: DTZ001 - a wall time
        ),
        # A file's own types: TOML has dates and times.
        ({"start": NINE}, WallStart(NINE, ROME)),
        ({"start": NINE.replace(tzinfo=UTC)}, InstantStart(NINE.replace(tzinfo=UTC))),
    ],
)
def test_a_start_is_wall_time_or_an_instant(
    options: dict[str, object], start: WallStart | InstantStart
) -> None:
    """An offset makes an instant; a series is always wall time, and begins no earlier than now."""
    assert made(**options).start == start


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({}, None),
        ({"repeat": "none"}, None),
        ({"repeat": "none", "days": [], "every": None, "last_day": False}, None),
        ({"repeat": "daily", "every": "3", "count": "5"}, Recurrence(Frequency.DAILY, 3, count=5)),
        ({"repeat": "weekly", "every": 2, "days": "mon,wed", "until": "2027-06-30"}, WEEKLY),
        ({"repeat": "weekly", "every": 2, "days": ["mon", "wed"], "until": WEEKLY.until}, WEEKLY),
        ({"repeat": "monthly", "last-day": True}, Recurrence(Frequency.MONTHLY, last_day=True)),
        ({"repeat": "daily", "until": "never"}, Recurrence(Frequency.DAILY)),
    ],
)
def test_a_rule_is_made_of_its_options(options: dict[str, object], rule: Recurrence | None) -> None:
    """Files may write lists, numbers and dates where the command line has text."""
    assert made(**options).recurrence == rule


def test_the_other_options_have_their_defaults() -> None:
    """What is not said is the domain's default; what is said is taken."""
    assert made() == Draft("rooms.aula", "N", WallStart(NINE, ROME), timedelta(minutes=90))
    full = made(priority="-7", dst_gap="skip", **{"dst-overlap": "second"})
    assert (full.priority, full.dst_gap, full.dst_overlap) == (-7, DstGap.SKIP, DstOverlap.SECOND)


@pytest.mark.parametrize(
    ("options", "field", "fix"),
    [
        ({"start": "2026-02-30T09:00"}, "start", "there is no such day"),
        ({"start": "2026-12-01T25:00"}, "start", "hours go to 23"),
        ({"start": "2026-12-01"}, "start", "add the time"),
        ({"start": 5}, "start", "text in quotes"),
        ({"duration": "90"}, "duration", "90 what? try 90m"),
        ({"duration": "0m"}, "duration", "longer than nothing"),
        ({"duration": "-5m"}, "duration", "cannot be negative"),
        ({"duration": "999h"}, "duration", "at most 31d"),
        ({"timezone": "Europe/Roma"}, "timezone", "did you mean Europe/Rome?"),
        ({"repeat": "yearly"}, "repeat", "none or daily or weekly or monthly"),
        ({"repeat": "daily", "every": "two"}, "every", "whole number"),
        ({"repeat": "daily", "every": 1.5}, "every", "whole number"),
        ({"repeat": "daily", "every": True}, "every", "whole number"),
        ({"repeat": "weekly", "days": "mon,foo"}, "days", "foo is no weekday"),
        ({"repeat": "weekly", "days": [1]}, "days", "text in quotes"),
        ({"repeat": "monthly", "last_day": "yes"}, "last_day", "true or false"),
        ({"repeat": "daily", "until": "2027-02-29"}, "until", "there is no such day"),
        ({"dst_gap": "jump"}, "dst_gap", "shift or skip"),
        ({"evry": 2}, "evry", "did you mean every?"),
        ({"every": "2"}, "every", "give repeat too"),
        ({"repeat": "none", "days": "mon"}, "days", "give repeat too"),
        ({"count": "2"}, "count", "give repeat too"),
        ({"until": "2027-01-01"}, "until", "give repeat too"),
        ({"last_day": True}, "last_day", "give repeat too"),
        ({"target": None}, "target", "give one"),
        (
            {"start": "0001-01-01T00:00Z", "repeat": "daily", "timezone": "America/Lima"},
            "start",
            "beyond the calendar",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, object], field: str, fix: str) -> None:
    """The field and what to do instead are named."""
    assert fix in refused(**options)[field]


def test_every_mistake_is_told_at_once() -> None:
    """Nobody has to try five times to find five mistakes."""
    fields = refused(start="soon", duration="90", timezone="Mars", every="x", nmae="y")
    assert set(fields) == {"start", "duration", "timezone", "every", "nmae"}
    assert set(refused(target=None, start=None, count=3)) == {"target", "start", "count"}


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"name": "M"}, WEEKLY),
        ({"repeat": "weekly"}, WEEKLY),
        ({"every": 1}, Recurrence(Frequency.WEEKLY, 1, WEEKLY.weekdays, until=WEEKLY.until)),
        ({"days": "fri"}, Recurrence(Frequency.WEEKLY, 2, frozenset({5}), until=WEEKLY.until)),
        ({"count": 4}, Recurrence(Frequency.WEEKLY, 2, WEEKLY.weekdays, count=4)),
        ({"until": "never"}, Recurrence(Frequency.WEEKLY, 2, WEEKLY.weekdays)),
        ({"repeat": "daily"}, Recurrence(Frequency.DAILY, 2, until=WEEKLY.until)),
        ({"repeat": "none"}, None),
    ],
)
def test_an_edit_keeps_what_is_not_given(
    options: dict[str, object], rule: Recurrence | None
) -> None:
    """Another frequency drops what belongs to the old one alone; `none` makes a one-shot."""
    before = made(repeat="weekly", every=2, days="mon,wed", until="2027-06-30", priority=3)
    after = changed(before, **options)
    assert after.recurrence == rule
    assert (after.priority, after.start, after.duration) == (3, before.start, before.duration)
    assert after.name == options.get("name", "N")


@pytest.mark.parametrize(
    ("before", "options", "start"),
    [
        ({}, {"timezone": "Asia/Tokyo"}, WallStart(NINE, "Asia/Tokyo")),
        (
            {"timezone": "Asia/Tokyo"},
            {"start": "2026-12-02T10:00"},
            WallStart(NINE.replace(day=2, hour=10), "Asia/Tokyo"),
        ),
        ({}, {"start": "2026-12-01T09:00Z"}, InstantStart(NINE.replace(tzinfo=UTC))),
        (
            {"repeat": "daily", "timezone": "Asia/Tokyo"},
            {"start": "2026-12-01T09:00Z"},
            WallStart(NINE.replace(hour=18), "Asia/Tokyo"),
        ),
        (
            {"start": "2026-12-01T09:00Z"},
            {"timezone": "Asia/Tokyo", "repeat": "daily"},
            WallStart(NINE.replace(hour=18), "Asia/Tokyo"),
        ),
        ({}, {"start": "now"}, InstantStart(NOW)),
    ],
)
def test_an_edit_keeps_the_zone(
    before: dict[str, object], options: dict[str, object], start: WallStart | InstantStart
) -> None:
    """A new start is meant where the old one was, unless another zone is given."""
    assert changed(made(**before), **options).start == start


def test_the_zone_of_an_instant_cannot_be_changed() -> None:
    """An instant has none: a start must come with it."""
    with pytest.raises(InvalidBooking, match="give a start too"):
        changed(made(start="2026-12-01T09:00Z"), timezone="Asia/Tokyo")


def test_an_edit_of_a_one_shot_refuses_what_only_a_series_has() -> None:
    """The same rule as for a new booking."""
    with pytest.raises(InvalidBooking, match="give repeat too"):
        changed(made(), every=2)
