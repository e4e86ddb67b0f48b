"""What an edit changes, and what it may not: only what it brings is held against it."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from sample_drafts import NOW, TARGETS, daily, draft, wall, weekly
from tallyd.domain.drafts import draft_of, revise, to_schedule, validate_edit
from tallyd.domain.errors import InvalidBooking
from tallyd.domain.model import (
    Content,
    ContentKind,
    DstGap,
    DstOverlap,
    Metadata,
    Recurrence,
)

BOOKED = replace(
    to_schedule(draft(recurrence=Recurrence(weekly)), NOW, "u1"),
    id=3,
    effective_from=NOW - timedelta(days=9),
    created=NOW - timedelta(days=10),
    ended=NOW + timedelta(days=900),
)
EDITS = {
    "start": ({"start": wall("2026-12-01T09:30")}, True),
    "zone": ({"start": wall("2026-12-01T09:00", "Europe/Paris")}, True),
    "rule": ({"recurrence": Recurrence(weekly, every=2)}, True),
    "no rule": ({"recurrence": None}, True),
    "gap": ({"dst_gap": DstGap.SKIP}, True),
    "overlap": ({"dst_overlap": DstOverlap.SECOND}, True),
    "nothing": ({}, False),
    "target": ({"target": "rooms.lab"}, False),
    "name": ({"name": "Physics II"}, False),
    "duration": ({"duration": timedelta(hours=2)}, False),
    "priority": ({"priority": 10}, False),
    "content": ({"content": Content(ContentKind.LIVE)}, False),
    "metadata": ({"metadata": Metadata(description="new")}, False),
}


@pytest.mark.parametrize(("fields", "moves"), EDITS.values(), ids=EDITS)
def test_an_edit_comes_into_force_anew_only_where_slots_may_move(fields, moves):
    """To rename or extend a series leaves its past alone; to move it begins a new life."""
    wish = replace(draft_of(BOOKED), **fields)
    revised = revise(BOOKED, wish, NOW)
    assert draft_of(revised) == wish
    assert (revised.id, revised.uid) == (3, "u1")
    assert (revised.created, revised.ended) == (BOOKED.created, BOOKED.ended)
    assert revised.effective_from == (
        NOW.replace(microsecond=123_000) if moves else BOOKED.effective_from
    )


BEGUN = to_schedule(draft(start=wall("2026-11-20T12:30")), NOW - timedelta(days=1), "u")
ALLOWED = {
    "extend what has begun": (BEGUN, {"duration": timedelta(hours=4)}),
    "rename what has begun": (BEGUN, {"name": "new"}),
    "rename what has lost its target": (replace(BOOKED, target="rooms.gone"), {"name": "new"}),
    "rename what has lost its zone": (
        replace(BOOKED, start=wall("2026-12-01T09:00", "Mars/Base")),
        {"name": "new"},
    ),
    "move what has begun into the future": (BEGUN, {"start": wall("2026-11-20T14:00")}),
}


def wrong_fields(schedule, fields):
    """Give the fields whose mistakes an edit would bring."""
    try:
        validate_edit(schedule, replace(draft_of(schedule), **fields), NOW, TARGETS)
    except InvalidBooking as refused:
        return [each.field for each in refused.problems]
    return []


@pytest.mark.parametrize(("schedule", "fields"), ALLOWED.values(), ids=ALLOWED)
def test_what_was_wrong_before_does_not_stand_in_the_way_of_an_edit(schedule, fields):
    """An edit is judged by what it changes."""
    assert wrong_fields(schedule, fields) == []


REFUSED = {
    "into another past": (BEGUN, {"start": wall("2026-11-20T12:31")}, "start"),
    "to another target that is not there": (
        replace(BOOKED, target="rooms.gone"),
        {"target": "rooms.lost"},
        "target",
    ),
    "to a length that is absurd": (BEGUN, {"duration": timedelta(days=32)}, "duration"),
    "to a series that is over": (
        BEGUN,
        {"recurrence": Recurrence(daily, until=date(2026, 11, 20))},
        "until",
    ),
}


@pytest.mark.parametrize(("schedule", "fields", "field"), REFUSED.values(), ids=REFUSED)
def test_an_edit_may_not_bring_new_mistakes(schedule, fields, field):
    """What an edit makes wrong is refused, and only that is listed."""
    assert wrong_fields(schedule, fields) == [field]
