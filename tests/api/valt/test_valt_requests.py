"""What VALT's clients send, read as drafts: every form that the contract knows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tallyd.api.valt.requests import Booked, edited_draft, new_draft, parse_labels, parse_wish
from tallyd.api.valt.values import InvalidField, MalformedBody, parse_body
from tallyd.domain.drafts import Draft
from tallyd.domain.model import (
    DstOverlap,
    Frequency,
    InstantStart,
    Metadata,
    Recurrence,
    WallStart,
)
from tallyd.domain.recurrence import instant_at

ZONE = "Europe/Berlin"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SOON = 1_795_518_000  # Tuesday 2026-11-24 11:00 in UTC, 12:00 in Berlin
GOOD = {"name": "Clinic", "room": 39, "start_at": SOON, "duration": 3600}


def create(**fields: object) -> Draft:
    """Read a create that is good but for the fields given."""
    return new_draft(parse_wish({**GOOD, **fields}), "rooms.exam", ZONE, NOW)


def rule_of(**fields: object) -> Recurrence | None:
    """Read a create with a recurrence."""
    return create(recurrence=fields).recurrence


def at(epoch: int) -> datetime:
    """Give an instant."""
    return datetime.fromtimestamp(epoch, UTC)


@pytest.mark.parametrize("value", [SOON, str(SOON), float(SOON), f" {SOON} ", SOON + 0.7], ids=repr)
def test_start_is_number_or_text(value):
    """Clients send the start as a number or as the text of one."""
    assert create(start_at=value).start == InstantStart(at(SOON))


@pytest.mark.parametrize("value", [3600, "3600", 3600.0], ids=repr)
def test_duration_is_number_or_text(value):
    """Clients send the duration as a number or as the text of one."""
    assert create(duration=value).duration == timedelta(hours=1)


@pytest.mark.parametrize(
    ("fields", "room"),
    [
        ({"room": 39}, 39),
        ({"room": "39"}, 39),
        ({"room": {"id": 39, "name": "x"}}, 39),
        ({"rooms": [39]}, 39),
        ({"rooms": ["39"]}, 39),
        ({"rooms": "39"}, 39),
        ({"rooms": 39}, 39),
        ({"rooms": [{"id": 39}]}, 39),
        ({"room": 39, "rooms": [{"id": 39}]}, 39),
        ({}, None),
        ({"room": None}, None),
    ],
)
def test_room_old_and_new(fields, room):
    """Old clients name `room`, new ones `rooms`; both are understood, in every form answered."""
    assert parse_wish(fields).room == room


@pytest.mark.parametrize(
    "fields",
    [
        {"room": "x"},
        {"room": True},
        {"room": []},
        {"room": {}},
        {"rooms": []},
        {"rooms": [1, 2]},
        {"rooms": {}},
        {"room": 1, "rooms": [2]},
        {"start_at": "soon"},
        {"start_at": -1},
        {"start_at": 10**18},
        {"start_at": 10**400},
        {"start_at": "9" * 400},
        {"start_at": "1e9"},
        {"start_at": float("inf")},
        {"start_at": True},
        {"start_at": []},
        {"duration": 0},
        {"duration": -5},
        {"duration": "0"},
        {"duration": "an hour"},
        {"duration": 10**17},
        {"duration": "٣"},
        {"name": ["x"]},
        {"name": {}},
        {"template": "x"},
        {"template": [1]},
        {"template": [{"value": 1}]},
        {"template": {"1": {"a": 1}}},
        {"template": {"1": "\ud800"}},
        {"template": {"1": "\x00"}},
        {"template": {"1": "x" * 5000}},
        {"template": {str(n): "x" for n in range(300)}},
        {"share": "1,2"},
        {"share": {"users": "1,x"}},
        {"share": {"groups": [[]]}},
        {"share": {"users": list(range(300))}},
        {"author": "rlopez"},
        {"recurrence": "weekly"},
        {"recurrence": []},
    ],
)
def test_nonsense_is_refused(fields):
    """What no one could mean is refused, not guessed at."""
    with pytest.raises(InvalidField):
        parse_wish(fields)


@pytest.mark.parametrize("missing", ["name", "start_at", "duration"])
def test_required(missing):
    """A create without what it needs is refused, and the field named."""
    with pytest.raises(InvalidField, match=missing):
        create(**{missing: None})


@pytest.mark.parametrize("start", [int(NOW.timestamp()), int(NOW.timestamp()) - 1, 0])
def test_start_must_be_ahead(start):
    """A start that is now or was is refused."""
    with pytest.raises(InvalidField, match="future"):
        create(start_at=start)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ({"17": "Student"}, {"17": "Student"}),
        ({"17": 3, "18": None, "19": True}, {"17": "3", "19": "true"}),
        ({"17": ["a", "b"]}, {"17": "a, b"}),
        ([{"id": 17, "name": "Role", "value": "Student"}], {"17": "Student"}),
        ([], {}),
        ({}, {}),
        (None, {}),
    ],
)
def test_template(template, expected):
    """Metadata comes as an object of field ids, or as it was answered."""
    assert create(template=template).metadata.template == expected


@pytest.mark.parametrize("groups", ["user_groups", "users_groups", "groups"])
@pytest.mark.parametrize(
    ("value", "ids"),
    [("1,7,12", (1, 7, 12)), ([1, 7], (1, 7)), (["1", "7"], (1, 7)), ("", ()), (4, (4,))],
)
def test_share(groups, value, ids):
    """Sharing takes comma strings and arrays, under each of the vendor's three spellings."""
    labels = parse_labels({"share": {"users": value, groups: value}})
    assert (labels.shared_users, labels.shared_groups) == (ids, ids)


@pytest.mark.parametrize("author", [4, "4", {"id": 4, "name": "rlopez"}], ids=repr)
def test_author(author):
    """The author may be named, as an extension."""
    assert parse_wish({"author": author}).labels.author == 4


def test_labels_left_out_stay():
    """An edit that does not speak of metadata leaves it."""
    known = Metadata(origin="cli", template={"1": "a"}, shared_users=(1,), shared_groups=(2,))
    assert parse_labels({}).laid_over(known) == known


@pytest.mark.parametrize("value", ["1,3", ["1", "3"], [1, 3], [3, 1, 3]])
def test_weekdays(value):
    """Weekdays come as text, as texts, as numbers."""
    assert rule_of(type="weekly", weeks_range=value) == Recurrence(
        Frequency.WEEKLY, weekdays=frozenset({1, 3})
    )


@pytest.mark.parametrize(
    ("value", "weekday"), [(0, 7), ("0", 7), (1, 1), (6, 6), ([0], 7)], ids=repr
)
def test_weeks_begin_on_sunday(value, weekday):
    """0 is Sunday; a bare number is understood."""
    rule = rule_of(type="weekly", weeks_range=value)
    assert rule is not None
    assert rule.weekdays == {weekday}


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({}, None),
        ({"type": "none"}, None),
        ({"type": "none", "weeks_range": [9]}, None),
        ({"type": "daily"}, Recurrence(Frequency.DAILY)),
        ({"type": "daily", "weeks_range": []}, Recurrence(Frequency.DAILY)),
        ({"type": "monthly"}, Recurrence(Frequency.MONTHLY)),
        ({"type": "weekly"}, Recurrence(Frequency.WEEKLY)),
        ({"type": "weekly", "weeks_range": None}, Recurrence(Frequency.WEEKLY)),
        ({"weeks_range": "2"}, Recurrence(Frequency.WEEKLY, weekdays=frozenset({2}))),
        ({"type": "daily", "range_type": "no"}, Recurrence(Frequency.DAILY)),
        (
            {"type": "daily", "range_type": "no_end_date", "end_after": 0, "end_by": ""},
            Recurrence(Frequency.DAILY),
        ),
        (
            {"type": "daily", "range_type": "after", "end_after": "5"},
            Recurrence(Frequency.DAILY, count=5),
        ),
        (
            {"type": "daily", "range_type": "end_after", "end_after": 5},
            Recurrence(Frequency.DAILY, count=5),
        ),
        ({"type": "daily", "end_after": 5}, Recurrence(Frequency.DAILY, count=5)),
        (
            {"type": "daily", "range_type": "by", "end_by": "04-30-2027"},
            Recurrence(Frequency.DAILY, until=date(2027, 4, 30)),
        ),
        (
            {"type": "daily", "range_type": "end_by", "end_by": "2027-04-30"},
            Recurrence(Frequency.DAILY, until=date(2027, 4, 30)),
        ),
        (
            {"type": "daily", "end_by": 1_809_122_400},  # 2027-04-30 22:00 UTC, May in Berlin
            Recurrence(Frequency.DAILY, until=date(2027, 5, 1)),
        ),
        (
            {"type": "daily", "range_type": "by", "end_by": "1809122400"},
            Recurrence(Frequency.DAILY, until=date(2027, 5, 1)),
        ),
    ],
)
def test_recurrence(fields, rule):
    """Every documented and attested word of a recurrence is understood."""
    assert rule_of(**fields) == rule


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "yearly"},
        {"type": 5},
        {"type": ["weekly"]},
        {"type": "weekly", "weeks_range": []},
        {"type": "weekly", "weeks_range": ""},
        {"type": "weekly", "weeks_range": 7},
        {"type": "weekly", "weeks_range": [-1]},
        {"type": "weekly", "weeks_range": "mon"},
        {"type": "daily", "range_type": "never"},
        {"type": "daily", "range_type": 1},
        {"type": "daily", "range_type": "after"},
        {"type": "daily", "range_type": "after", "end_after": 0},
        {"type": "daily", "range_type": "after", "end_after": -2},
        {"type": "daily", "range_type": "after", "end_after": "many"},
        {"type": "daily", "range_type": "by"},
        {"type": "daily", "range_type": "by", "end_by": ""},
        {"type": "daily", "range_type": "by", "end_by": "13-40-2027"},
        {"type": "daily", "range_type": "by", "end_by": "30.04.2027"},
        {"type": "daily", "range_type": "by", "end_by": "11-23-2026"},
    ],
)
def test_senseless_recurrence(fields):
    """A recurrence that cannot be meant is refused."""
    with pytest.raises(InvalidField, match="recurrence"):
        rule_of(**fields)


def test_series_keeps_time_of_day():
    """A series keeps the server's time of day; a one-shot keeps its instant."""
    draft = create(recurrence={"type": "daily"})
    assert isinstance(draft.start, WallStart)
    assert draft.start.zone == ZONE
    assert instant_at(draft.start.local, ZONE) == at(SOON)
    assert create().start == InstantStart(at(SOON))


def test_series_in_hour_shown_twice():
    """A series whose start lies in the second of two equal hours begins then, not an hour early."""
    second = datetime(2027, 10, 31, 1, 30, tzinfo=UTC)  # 02:30 in Berlin, for the second time
    draft = create(start_at=int(second.timestamp()), recurrence={"type": "daily"})
    assert draft.dst_overlap is DstOverlap.SECOND
    assert isinstance(draft.start, WallStart)
    assert instant_at(draft.start.local, ZONE, draft.dst_overlap) == second


SERIES = create(
    recurrence={"type": "weekly", "weeks_range": [2], "range_type": "after", "end_after": 5}
)
NEXT = at(SOON + 7 * 86400)


def edit(known: Draft = SERIES, shown: datetime = NEXT, **fields: object) -> Draft:
    """Edit a schedule."""
    return edited_draft(parse_wish(fields), Booked(known, shown), None, ZONE, NOW)


def test_edit_of_nothing():
    """An edit that sends nothing changes nothing."""
    assert edit() == SERIES


def test_edit_of_name_and_length():
    """What is not sent keeps its value."""
    assert edit(name="B", duration="60") == replace(SERIES, name="B", duration=timedelta(minutes=1))


def test_edit_with_what_was_shown():
    """A client that sends back all that it was shown changes neither start nor count."""
    shown = {"type": "weekly", "weeks_range": [2], "range_type": "after", "end_after": 5}
    assert edit(start_at=int(NEXT.timestamp()), recurrence=shown) == SERIES


def test_edit_with_weekday_of_start():
    """The weekday that a series has from its start counts as the same when it is sent."""
    series = create(recurrence={"type": "weekly"})
    assert edit(series, recurrence={"type": "weekly", "weeks_range": "2"}) == series


def test_edit_of_part_of_rule():
    """Of a recurrence of the same type, too, what is not sent keeps its value."""
    assert edit(recurrence={"weeks_range": [1, 3]}).recurrence == Recurrence(
        Frequency.WEEKLY, weekdays=frozenset({1, 3}), count=5
    )
    assert edit(recurrence={"range_type": "no"}).recurrence == Recurrence(
        Frequency.WEEKLY, weekdays=frozenset({2})
    )
    assert edit(recurrence={"range_type": "after"}) == SERIES


def test_edit_of_end_keeps_anchor():
    """Another number of occurrences counts from the first one as before."""
    assert edit(recurrence={"end_after": 9}).start == SERIES.start


def test_edit_of_start():
    """Another start moves the whole series to another time of day."""
    later = edit(start_at=SOON + 3600)
    assert isinstance(later.start, WallStart)
    assert instant_at(later.start.local, ZONE) == at(SOON + 3600)
    assert later.recurrence == SERIES.recurrence


def test_edit_from_series_to_once():
    """A series made a single recording happens when it was next to happen."""
    once = edit(recurrence={"type": "none"})
    assert (once.start, once.recurrence) == (InstantStart(NEXT), None)


def test_edit_from_once_to_series():
    """A single recording made a series goes on from its start."""
    series = edit(create(), at(SOON), recurrence={"type": "daily"})
    assert series.start == create(recurrence={"type": "daily"}).start


def test_edit_into_past():
    """A start that was is refused in an edit, too."""
    with pytest.raises(InvalidField, match="future"):
        edit(start_at=int(NOW.timestamp()))


def test_edit_to_end_before_start():
    """A series cannot be made to end before it begins."""
    with pytest.raises(InvalidField, match="end_by"):
        edit(recurrence={"range_type": "by", "end_by": "11-20-2026"})


@pytest.mark.parametrize(
    "body", [b"{", b"", b"nope", b"[1", b'{"a":NaN}', b'"\xff"', b"[" * 100_000, b'{"a":}']
)
def test_malformed(body):
    """A body that is no JSON is told apart from one that makes no sense; none at all is empty."""
    if not body:
        assert parse_body(body) == {}
        return
    with pytest.raises(MalformedBody):
        parse_body(body)


@pytest.mark.parametrize("body", [b"[]", b"5", b'"x"', b"null"])
def test_no_object(body):
    """JSON that is no object is refused."""
    with pytest.raises(InvalidField):
        parse_body(body)


@pytest.mark.parametrize("body", [b"{}", b'{"nothing":"nothing"}', b"  "])
def test_dummy_bodies(body):
    """What clients post where they have nothing to say is no wish at all."""
    wish = parse_wish(parse_body(body))
    assert wish == parse_wish({})
