"""The schema says the same as the domain: words, bounds, and every field of every value."""

import re
import sqlite3
from contextlib import closing
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.model import (
    MAX_DURATION,
    MAX_NAME,
    MAX_PRIORITY,
    MIN_DURATION,
    MIN_PRIORITY,
    Content,
    ContentKind,
    DstGap,
    DstOverlap,
    EndReason,
    Frequency,
    InstantStart,
    Metadata,
    Outcome,
    Part,
    Reason,
    Recurrence,
    Run,
    Schedule,
    Status,
    TargetKind,
    WallStart,
)
from tallyd.domain.window import MILLISECOND, Window, floor_ms
from tallyd.store.connection import READING, connect
from tallyd.store.migrate import MIGRATIONS, statements
from tallyd.store.queries import QUERIES
from tallyd.store.runs import _part_row, _run, _run_row
from tallyd.store.schedule_rows import schedule_from, schedule_row


def table(path, name):
    """Give the statement that made a table, on one line."""
    with closing(connect(path, READING)) as connection:
        row = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", [name]).fetchone()
    return " ".join(row["sql"].split())


@pytest.mark.parametrize(
    ("name", "column", "words"),
    [
        ("schedules", "frequency", Frequency),
        ("schedules", "dst_gap", DstGap),
        ("schedules", "dst_overlap", DstOverlap),
        ("schedules", "content_kind", ContentKind),
        ("runs", "status", Status),
        ("runs", "outcome", Outcome),
        ("runs", "reason", Reason),
        ("parts", "end_reason", EndReason),
    ],
)
def test_the_database_knows_the_words_of_the_domain(database, name, column, words):
    """A word that the domain may use is one that the database takes, and no other."""
    (listed,) = re.findall(rf"CHECK \( ?{column} IN \(([^)]+)\)", table(database, name))
    assert re.findall(r"'(\w+)'", listed) == list(words)


def test_the_database_knows_the_bounds_of_the_domain(database):
    """What a booking may say at most is what the database takes at most."""
    schedules = table(database, "schedules")
    longest, shortest = MAX_DURATION // MILLISECOND, MIN_DURATION // MILLISECOND
    assert f"duration_ms BETWEEN {shortest} AND {longest}" in schedules
    assert f"priority BETWEEN {MIN_PRIORITY} AND {MAX_PRIORITY}" in schedules
    assert f"length(name) <= {MAX_NAME}" in schedules
    assert re.findall(r"GLOB '(\w+)\.", table(database, "targets")) == list(TargetKind)


def test_every_table_is_strict(database):
    """No column takes a value of another type."""
    with closing(connect(database, READING)) as connection:
        rows = connection.execute("PRAGMA table_list").fetchall()
    tables = {row["name"]: row["strict"] for row in rows if not row["name"].startswith("sqlite_")}
    assert set(tables) == {
        "meta",
        "targets",
        "schedules",
        "overrides",
        "exception_days",
        "runs",
        "parts",
        "users",
        "groups",
        "memberships",
        "keys",
        "requests",
        "oauth_tokens",
        "oauth_redirects",
        "assets",
        "playlists",
    }
    assert all(tables.values())


EARLIEST, LATEST = datetime(1970, 1, 1), datetime(9998, 1, 1)  # noqa: DTZ001 - Hypothesis wants them
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
instants = st.datetimes(EARLIEST, LATEST, timezones=st.just(UTC)).map(floor_ms)
walls = st.datetimes(EARLIEST, LATEST)
lengths = st.integers(1, MAX_DURATION // MILLISECOND).map(lambda ms: timedelta(milliseconds=ms))
optional = st.none() | text
windows = st.tuples(instants, instants).map(lambda pair: Window(*sorted(pair)))
recurrences = st.builds(
    Recurrence,
    frequency=st.sampled_from(Frequency),
    every=st.integers(1, 999),
    weekdays=st.frozensets(st.integers(1, 7)),
    last_day=st.booleans(),
    count=st.none(),
    until=st.none() | st.dates(),
) | st.builds(Recurrence, frequency=st.sampled_from(Frequency), count=st.integers(1, 10**6))
contents = st.builds(
    Content,
    kind=st.sampled_from(ContentKind),
    id=optional,
    owner=optional,
    offset=lengths,
    ad_breaks_s=st.lists(st.floats(0, 1e6)).map(tuple),
    replay=st.none() | windows,
)
ids = st.lists(st.integers(0, 2**40)).map(tuple)
metadata = st.builds(
    Metadata,
    description=text,
    origin=text,
    author=optional,
    owner=optional,
    external_id=text,
    template=st.dictionaries(text, text),
    shared_users=ids,
    shared_groups=ids,
    batch=optional,
    playlist=optional,
)
schedules = st.builds(
    Schedule,
    id=st.just(1),
    uid=text,
    target=st.just("rooms.aula"),
    name=text,
    start=st.builds(InstantStart, instants) | st.builds(WallStart, walls, text),
    duration=lengths,
    effective_from=instants,
    created=instants,
    recurrence=st.none() | recurrences,
    priority=st.integers(MIN_PRIORITY, MAX_PRIORITY),
    dst_gap=st.sampled_from(DstGap),
    dst_overlap=st.sampled_from(DstOverlap),
    ended=st.none() | instants,
    content=st.none() | contents,
    metadata=metadata,
    modified=st.none() | instants,
)
runs = st.builds(
    Run,
    id=st.just(1),
    target=st.just("rooms.aula"),
    name=text,
    planned=windows,
    schedule_id=st.just(1),
    slot=text,
    status=st.just(Status.FINISHED),
    outcome=st.sampled_from(Outcome),
    reason=st.none() | st.sampled_from(Reason),
    sentence=optional,
    blocker=st.none() | st.integers(1, 2**40),
    since=st.none() | instants,
    finished_at=st.none() | instants,
    parts=st.just(()),
)
parts = st.builds(
    Part,
    number=st.integers(1, 99),
    input=st.integers(0, 9),
    piece=windows,
    token=text,
    commanded_at=instants,
    lead=lengths,
    spread=lengths,
    first_data_at=st.none() | instants,
    last_data_at=st.none() | instants,
    stopped_at=st.none() | instants,
    reference=optional,
    files=st.lists(text).map(tuple),
    bytes=st.integers(0, 2**60),
    end=st.none() | st.sampled_from(EndReason),
    detail=optional,
)


@pytest.fixture(scope="module")
def rows():
    """Give a database in memory that only the shape of rows matters to."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        for migration in MIGRATIONS:
            for statement in statements(migration.script):
                connection.execute(statement)
        yield connection


@given(schedule=schedules)
def test_no_field_of_a_schedule_is_lost(rows, schedule):
    """Any schedule that can be said can be stored, and comes back equal."""
    rows.execute("DELETE FROM schedules")
    (id_,) = rows.execute(QUERIES["insert_schedule"].sql, schedule_row(schedule)).fetchone()
    found = schedule_from(rows.execute(QUERIES["get_schedule"].sql, {"id": id_}).fetchone())
    assert {f.name: getattr(found, f.name) for f in fields(Schedule)} == {
        f.name: getattr(schedule, f.name) for f in fields(Schedule)
    } | {"id": id_}


@given(run=runs, part=parts)
def test_no_field_of_a_run_or_part_is_lost(rows, run, part):
    """Any run and any part that can be said can be stored, and comes back equal."""
    rows.execute("DELETE FROM parts")
    rows.execute("DELETE FROM runs")
    rows.execute(QUERIES["insert_run"].sql, _run_row(run))
    newest = {"start_ms": -(2**63), "stop_ms": 2**63 - 1, "limit": 1}
    (row,) = rows.execute(QUERIES["list_runs"].sql, newest).fetchall()
    found = _run(row)
    assert (found.planned, found.name, found.slot) == (run.planned, run.name, run.slot)
    assert _run_row(found) == _run_row(run) | {"id": found.id}
    rows.execute(QUERIES["put_part"].sql, _part_row(part) | {"run_id": found.id})
    (row,) = rows.execute(QUERIES["get_run"].sql, {"id": found.id}).fetchall()
    assert _run(row) == replace(found, parts=(part,))


def test_a_date_is_stored_as_a_date():
    """What looks like a date to an operator at the database's prompt is one."""
    rule = Recurrence(Frequency.DAILY, until=date(2026, 12, 24))
    at = datetime(2026, 12, 1, tzinfo=UTC)
    wish = Schedule(1, "u", "rooms.aula", "n", InstantStart(at), MIN_DURATION, at, at, rule)
    assert schedule_row(wish)["until"] == "2026-12-24"
    assert schedule_row(wish)["start_ms"] == 1_796_083_200_000
