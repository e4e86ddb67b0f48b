"""Rows 38 to 40 of the fault catalogue: a database that is damaged, gone, or from the future."""

import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest

from database_rig import DAMAGES, Installation, book, booked, install
from tallyd.store import (
    DatabaseDamagedError,
    DatabaseStrangeError,
    DatabaseTooNewError,
    NoBackupError,
    appliance_id_of,
)
from tallyd.store.integrity import require_sound
from tallyd.store.migrate import check

LECTURES = tuple(f"Lecture {number}" for number in range(60))


def contents(directory: Path) -> dict[str, bytes]:
    """Give every file of a directory with its bytes, less what a lock or a look leaves."""
    return {
        path.name: path.read_bytes()
        for path in directory.iterdir()
        if path.is_file() and path.name not in {"daemon.lock", "tallyd.db-shm"}
        if path.name != "tallyd.db-wal" or path.stat().st_size
    }


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Make an installation with 60 lectures, a backup of them all, and older ones, once."""
    made = install(tmp_path_factory.mktemp("prepared") / "state", *LECTURES[:20])
    made.backups.make(made.now())
    made.book(*LECTURES[20:])
    made.backups.make(made.now())
    return made


@pytest.fixture
def house(prepared: Installation, tmp_path: Path) -> Installation:
    """Give a copy of it, of a test's own."""
    shutil.copytree(prepared.state.path, tmp_path / "state")
    return Installation(type(prepared.state)(tmp_path / "state"), prepared.time)


@pytest.mark.parametrize("kind", DAMAGES)
def test_row_38_damage_is_noticed_kept_aside_and_mended(house: Installation, kind: str) -> None:
    """Row 38: after any damage every schedule of the newest backup is back, the old file kept."""
    saved_at = house.time
    DAMAGES[kind](house.state.database)
    damaged = contents(house.state.path).get("tallyd.db")

    ready = house.boot()

    assert house.booked() == list(LECTURES)
    assert ready.restoration is not None
    assert ready.damage
    assert ready.restoration.generation.serial == 2
    assert ready.ledger_ends == ready.restoration.ledger_ends == saved_at
    if damaged is not None:
        assert ready.restoration.aside is not None
        assert ready.restoration.aside.read_bytes() == damaged
        assert ready.restoration.aside.name.startswith("tallyd.db.damaged-2026")


@pytest.mark.parametrize("kind", DAMAGES)
def test_row_38_control_the_store_alone_would_not_do(house: Installation, kind: str) -> None:
    """Row 38, control: without the restoring the same damage leaves no usable, whole database."""
    DAMAGES[kind](house.state.database)
    shown: list[str] = []
    if house.state.database.exists():
        with suppress(sqlite3.Error, AssertionError):
            shown = house.booked()
    assert shown != list(LECTURES)


def test_row_38_a_healthy_database_is_left_alone(house: Installation) -> None:
    """Row 38, control: without damage nothing is restored, and later changes stay."""
    house.book("Later")
    for _ in range(2):
        ready = house.boot()
        assert (ready.restoration, ready.damage, ready.ledger_ends) == (None, None, None)
    assert house.booked() == [*LECTURES, "Later"]


def test_row_38_what_was_written_since_is_listed(house: Installation) -> None:
    """Row 38: rows that only the damaged file has are named, as far as it can be read."""
    house.book("Later")
    DAMAGES["page of zeros"](house.state.database)
    ready = house.boot()
    assert ready.restoration is not None
    assert "schedule 61 'Later': lost" in map(str, ready.restoration.divergences)
    assert "Later" not in house.booked()


def test_row_38_no_id_is_given_out_twice(house: Installation) -> None:
    """Row 38: what somebody knows by the id of a lost row never becomes another one."""
    house.book("Lost")
    DAMAGES["byte turned in a text"](house.state.database)
    house.boot()
    house.book("New")
    with closing(house.open()) as connection:
        rows = connection.execute("SELECT id, revision FROM schedules WHERE name = 'New'")
        assert [tuple(row) for row in rows] == [(len(LECTURES) + 2, len(LECTURES) + 2)]


def test_row_38_numbers_that_damage_made_are_disregarded(house: Installation) -> None:
    """Row 38: a counter at its end would let nothing be booked ever again."""
    with closing(sqlite3.connect(house.state.database)) as connection, connection:
        connection.execute("UPDATE sqlite_sequence SET seq = 9223372036854775807")
        connection.execute("UPDATE meta SET revision = 0, last_public_id = 9223372036854775807")
    assert house.boot().restoration is not None
    house.book("New")
    assert house.booked() == [*LECTURES, "New"]


def test_row_38_an_altered_text_is_listed(house: Installation) -> None:
    """Row 38: a byte that turned over is named with the row and the field."""
    DAMAGES["byte turned in a text"](house.state.database)
    ready = house.boot()
    assert ready.restoration is not None
    assert "Lecture 1Z" in str(ready.restoration.divergences[0])
    assert "differs in name" in str(ready.restoration.divergences[0])


def _crashed_with_log(house: Installation, to: Path) -> Installation:
    """Copy the files as a daemon that was killed leaves them: the last changes are in the log."""
    with closing(house.open()) as connection:
        book(connection, "In the log")
        house.backups.make(house.now())
        shutil.copytree(house.state.path, to)
    return Installation(type(house.state)(to), house.time)


def test_row_38_a_log_left_behind_is_no_damage(house: Installation, tmp_path: Path) -> None:
    """Row 38, control: after a kill the log is read, and nothing is restored."""
    crashed = _crashed_with_log(house, tmp_path / "crashed")
    assert crashed.boot().restoration is None
    assert crashed.booked() == [*LECTURES, "In the log"]


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(Path.unlink, id="gone"),
        pytest.param(lambda log: log.write_bytes(b"rubbish " * 4096), id="rubbish"),
        pytest.param(lambda log: log.write_bytes(bytes(log.stat().st_size)), id="zeros"),
        pytest.param(lambda log: log.write_bytes(b""), id="empty"),
    ],
)
def test_row_38_a_log_that_is_lost_or_damaged(house: Installation, tmp_path: Path, damage) -> None:
    """Row 38: what SQLite would forget without a word comes back from the backup."""
    crashed = _crashed_with_log(house, tmp_path / "crashed")
    damage(crashed.state.database.with_name("tallyd.db-wal"))
    ready = crashed.boot()
    assert ready.restoration is not None
    assert crashed.booked() == [*LECTURES, "In the log"]


def test_row_38_a_damaged_backup_is_passed_over(house: Installation) -> None:
    """Row 38: a backup whose bytes changed is not restored; the one before it is."""
    newest = house.backups.path_of(house.backups.generations()[0])
    newest.write_bytes(newest.read_bytes().replace(b"Lecture 17", b"Lecture 1Z"))
    DAMAGES["header zeroed"](house.state.database)
    ready = house.boot()
    assert ready.restoration is not None
    assert ready.restoration.generation.serial == 1
    assert house.booked() == list(LECTURES[:20])


@pytest.mark.parametrize("kind", [kind for kind in DAMAGES if kind != "byte turned in a text"])
def test_row_38_without_a_good_backup_nothing_is_touched(house: Installation, kind: str) -> None:
    """Row 38: the daemon says what to do, changes not a byte, and does not begin anew."""
    for generation in house.backups.generations():
        house.backups.path_of(generation).unlink()
    DAMAGES[kind](house.state.database)
    before = contents(house.state.path)
    for _ in range(2):
        with pytest.raises(NoBackupError, match="tallyd restore FILE"):
            house.boot()
        assert contents(house.state.path) == before


@pytest.mark.parametrize("lost", ["tallyd.db", "appliance-id", "both"])
def test_row_39_what_vanished_is_no_new_installation(house: Installation, lost: str) -> None:
    """Row 39: whichever of the files is gone, the schedules are not, and the id is the old one."""
    own = house.state.appliance_id()
    for name in ["tallyd.db", "appliance-id"] if lost == "both" else [lost]:
        (house.state.path / name).unlink()
    house.boot()
    assert house.booked() == list(LECTURES)
    assert house.state.appliance_id() == own == appliance_id_of(house.state.database)


def test_row_39_a_new_installation_is_one(tmp_path: Path) -> None:
    """Row 39, control: where nothing ever was, a database is made, and nothing restored."""
    made = install(tmp_path / "state")
    assert made.boot().restoration is None
    assert made.booked() == []
    assert made.state.appliance_id() == appliance_id_of(made.state.database)


def test_row_39_a_stray_log_does_not_get_into_what_is_restored(
    house: Installation, tmp_path: Path
) -> None:
    """Row 39: the database is gone and its log is not: the log goes aside."""
    crashed = _crashed_with_log(house, tmp_path / "crashed")
    crashed.state.database.unlink()
    log = crashed.state.database.with_name("tallyd.db-wal").read_bytes()
    crashed.boot()
    assert crashed.booked() == [*LECTURES, "In the log"]
    (aside,) = crashed.state.path.glob("tallyd.db.damaged-*-wal")
    assert aside.read_bytes() == log


def test_row_40_a_database_of_the_future_is_not_touched(house: Installation) -> None:
    """Row 40: a newer schema is refused by all, and neither restored nor put aside."""
    with closing(sqlite3.connect(house.state.database, isolation_level=None)) as newer:
        newer.execute("PRAGMA user_version = 999")
        newer.execute("UPDATE meta SET compat_version = 999")
        newer.execute("ALTER TABLE meta DROP COLUMN ledger_ends_ms")
    before = contents(house.state.path)
    with pytest.raises(DatabaseTooNewError):
        house.boot()
    with pytest.raises(DatabaseTooNewError):
        check(house.state.database)
    (house.state.path / "appliance-id").unlink()
    before.pop("appliance-id")
    with pytest.raises(DatabaseTooNewError):
        house.boot()
    assert contents(house.state.path) == before


def test_row_40_control_a_database_of_now_is_opened(house: Installation) -> None:
    """Row 40, control: the same file, its version as it was, is taken."""
    assert house.boot().migrations == ()


def test_a_database_of_another_installation_is_refused(house: Installation, tmp_path: Path) -> None:
    """Somebody else's schedules are neither recorded nor replaced by ours."""
    other = install(tmp_path / "other", "Theirs")
    shutil.copy(other.state.database, house.state.database)
    before = contents(house.state.path)
    with pytest.raises(DatabaseStrangeError, match="--take-over"):
        house.boot()
    assert contents(house.state.path) == before


def test_looking_leaves_a_sound_database_as_it_is(house: Installation) -> None:
    """The check at each start changes nothing."""
    before = contents(house.state.path)
    require_sound(house.state.database)
    assert contents(house.state.path) == before
    DAMAGES["page of zeros"](house.state.database)
    with pytest.raises(DatabaseDamagedError):
        require_sound(house.state.database)


def test_backups_are_databases_that_anyone_can_open(house: Installation) -> None:
    """A backup is one file, sound, with everything in it."""
    newest = house.backups.path_of(house.backups.generations()[0])
    assert booked(newest) == list(LECTURES)
    assert [path.name for path in newest.parent.iterdir() if path.suffix != ".db"] == []
