"""The statements of the store: each prepares, each is used, the hot ones use an index."""

import re
import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest

import tallyd.store
from tallyd.store.connection import READING, connect
from tallyd.store.queries import QUERIES, parse

PACKAGE = Path(tallyd.store.__file__).parent


def bound(sql: str) -> dict[str, None]:
    """Give every parameter of a statement, with no value."""
    return dict.fromkeys(re.findall(r":(\w+)", sql))


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_prepares_on_a_new_database(database, name):
    """Every table and column that a statement names is there."""
    sql = QUERIES[name].sql
    with closing(connect(database, READING)) as connection:
        assert connection.execute(f"EXPLAIN {sql}", bound(sql)).fetchall() is not None


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_used_and_described(name):
    """There is no statement that nobody runs, and none without its sentence."""
    code = "".join(file.read_text() for file in PACKAGE.glob("*.py"))
    assert f'"{name}"' in code
    assert re.fullmatch(r"[A-Z].+\.", QUERIES[name].sentence)
    assert QUERIES[name].sql.endswith(";")
    assert sqlite3.complete_statement(QUERIES[name].sql)


def test_no_query_is_overlooked():
    """Every name in the file is loaded, once."""
    text = files("tallyd.store").joinpath("queries.sql").read_text()
    assert re.findall(r"name: (\w+)", text) == list(QUERIES)
    assert len(parse("-- name: one\n-- Do.\nSELECT 1;\n\n-- name: two\n-- Do.\nSELECT\n 2;")) == 2


def test_no_statement_is_written_in_code():
    """SQL lives in its file; code opens, begins and ends, and reads its own version."""
    for file in PACKAGE.glob("*.py"):
        found = re.findall(r"(SELECT|INSERT|UPDATE|DELETE) .+", file.read_text())
        assert found == (["SELECT"] if file.name == "connection.py" else []), file.name


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("list_schedules_changed", "schedules_by_revision"),
        ("list_schedules_of_target", "schedules_by_target"),
        ("list_standing_schedules", "schedules_by_target (target=? AND rowid>?)"),
        ("list_schedules_of_ids", "schedules USING INTEGER PRIMARY KEY"),
        ("get_token", "oauth_tokens USING PRIMARY KEY"),
        ("delete_tokens_of_grant", "oauth_tokens_by_grant"),
        ("delete_tokens_of_user", "oauth_tokens_by_user"),
        ("delete_expired_tokens", "oauth_tokens_by_expiry"),
        ("delete_oldest_tokens", "oauth_tokens_by_client"),
        ("list_overrides_changed", "schedules_by_revision"),
        ("get_exception_day", "exception_days_once"),
        ("get_run_of_occurrence", "sqlite_autoindex_runs_1"),
        ("list_overrides_of_target", "schedules_by_target"),
        ("get_target", "sqlite_autoindex_targets_1"),
        ("list_unfinished_runs", "runs_unfinished"),
        ("list_unfinished_runs_of_targets", "runs_unfinished"),
        ("list_standing_runs", "runs_unfinished"),
        ("list_standing_runs", "COVERING INDEX runs_by_target"),
        ("list_runs", "runs_by_window"),
        ("list_runs_of_target", "runs_by_target"),
        ("list_recent_parts", "runs_by_target"),
        ("list_recordings", "parts_with_files"),
        ("get_run", "parts USING PRIMARY KEY"),
        ("list_entries_within", "COVERING INDEX schedules_by_start"),
        ("list_entries_within", "schedules_long"),
        ("list_entries_within", "overrides_by_stop"),
        ("list_wall_times_within", "schedules_by_wall"),
        ("list_wall_times_within", "schedules_repeating"),
        ("list_entries_changed", "schedules_by_change"),
        ("get_entry", "sqlite_autoindex_schedules_1"),
        ("list_entries_of_external_id", "schedules_by_external_id"),
        ("list_batch", "schedules_by_batch"),
        ("list_uses_of_asset", "schedules_by_asset"),
        ("list_keys_of_user", "keys_by_user"),
    ],
)
def test_what_is_asked_often_never_walks_a_table(database, name, index):
    """The cost of a question does not grow with the years that the appliance has run."""
    sql = QUERIES[name].sql
    with closing(connect(database, READING)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", bound(sql)).fetchall()
    plan = [row["detail"] for row in rows]
    assert any(index in step for step in plan), plan
    walked = [step for step in plan if re.match(r"SCAN (?!json_each|\(subquery)", step)]
    assert not any("INDEX" not in step for step in walked), plan
