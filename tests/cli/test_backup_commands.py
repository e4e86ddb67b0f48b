"""`tallyd backup`, `restore` and `doctor`: what an operator does on the worst day."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tallyd.state_dir import StateDir

Call = Callable[..., Any]


@pytest.fixture
def state(config: Path) -> StateDir:
    """Give the state directory of the installation."""
    return StateDir(config.parent / "state")


@pytest.fixture
def booked(book: Call) -> None:
    """Have two lectures, each saved as it was booked: the first backup has only the first."""
    book("Kept", "2030-12-01T09:00", "1h")
    book("Since", "2030-12-02T09:00", "1h")


def names(tallyd: Call) -> list[str]:
    """Give what is booked."""
    return [row["name"] for row in tallyd("schedule", "list", "--json").json]


def findings(tallyd: Call) -> dict[str, list[str]]:
    """Give the grades that the doctor gives, by what was looked at."""
    grades: dict[str, list[str]] = {}
    for row in tallyd("doctor", "--json").json["findings"]:
        grades.setdefault(row["check"], []).append(row["grade"])
    return grades


@pytest.fixture
def locked(state: StateDir) -> Iterator[None]:
    """Hold the lock as a daemon does."""
    with state.locked():
        yield


@pytest.mark.usefixtures("booked")
def test_a_backup_is_made_among_the_others_or_into_a_file(
    tallyd: Call, state: StateDir, tmp_path: Path
) -> None:
    """Both are whole databases; a file that is there is never written over."""
    made = tallyd("backup", "--json").json
    assert made["generation"] == 3
    copy = tmp_path / "copy.db"
    assert tallyd("backup", str(copy), "--json").json == {"generation": None, "file": str(copy)}
    for file in (Path(made["file"]), copy):
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("SELECT count(*) FROM schedules").fetchone() == (2,)
    again = tallyd("backup", str(copy))
    assert (again.code, again.out) == (1, "")
    assert "File exists" in again.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "state", "tallyd.toml"]
    assert not list(state.path.glob("tallyd.db-*"))


def test_before_the_first_booking_there_is_nothing_to_back_up(tallyd: Call, tmp_path: Path) -> None:
    """It says so, and makes nothing."""
    for arguments in (["backup"], ["backup", str(tmp_path / "copy.db")]):
        result = tallyd(*arguments)
        assert (result.code, result.out) == (1, "")
        assert "there is no database" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["tallyd.toml"]


@pytest.mark.usefixtures("booked")
def test_backups_are_listed_newest_first(tallyd: Call) -> None:
    """With when they were made, how large they are, and where."""
    tallyd("backup")
    rows = tallyd("restore", "--list", "--json").json
    assert [row["generation"] for row in rows] == [3, 2, 1]
    assert all(row["bytes"] == Path(row["file"]).stat().st_size for row in rows)
    assert "made (Europe/Rome)" in tallyd("restore", "--list").out


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize("by", ["number", "file"])
def test_a_restore_puts_a_backup_back_and_lists_what_differs(
    tallyd: Call, state: StateDir, by: str
) -> None:
    """The database is as it was then, the one of before is kept, and what only it had is named."""
    (first,) = state.backups.glob("00000001-*")
    before = state.database.read_bytes()
    done = tallyd("restore", "1" if by == "number" else str(first), "--json").json
    assert names(tallyd) == ["Kept"]
    assert Path(done["aside"]).read_bytes() == before
    assert done["differences"] == [
        {"table": "schedules", "id": 2, "sentence": "schedule 2 'Since': lost"}
    ]
    assert done["generation"] == 3
    assert done["made_at"] == tallyd("restore", "--list", "--json").json[-1]["made_at"]
    # It is the newest one from now on: the next start has nothing to mend.
    assert findings(tallyd)["database"] == ["ok"]


@pytest.mark.usefixtures("booked")
def test_a_restore_shows_people_what_it_did(tallyd: Call) -> None:
    """The generation, its age, where the old one is, and each row that differs."""
    done = tallyd("restore", "1")
    assert "restored generation" in done.out
    assert "schedule 2 'Since': lost" in done.out
    again = tallyd("restore")
    assert again.code == 0
    assert "nothing differs" in again.err
    assert names(tallyd) == ["Kept"]


@pytest.mark.usefixtures("booked")
def test_an_id_is_not_given_out_again(tallyd: Call, book: Call) -> None:
    """What a client knows under the id of a lost booking never becomes another one."""
    assert tallyd("restore", "1").code == 0
    assert book("New", "2030-12-03T09:00", "1h")["id"] == 3


@pytest.mark.usefixtures("booked")
def test_a_backup_that_fails_does_not_fail_the_booking(
    tallyd: Call, state: StateDir, book: Call
) -> None:
    """What was booked is booked, and stderr says that it is in no backup."""
    state.backups.rename(state.path / "elsewhere")
    state.backups.write_text("in the way")
    assert "store.backup_failed" in book("New", "2030-12-03T09:00", "1h")["warnings"]
    assert names(tallyd) == ["Kept", "Since", "New"]


@pytest.mark.usefixtures("booked")
def test_what_is_not_there_is_not_restored(tallyd: Call, tmp_path: Path) -> None:
    """A number or a file that does not exist is named, and the database stays."""
    missing = tallyd("restore", "7")
    assert (missing.code, missing.err) == (3, "tallyd: there is no generation 7\n")
    assert tallyd("restore", str(tmp_path / "nothing.db")).code == 1
    (tmp_path / "notes.txt").write_text("not a database " * 99)
    assert tallyd("restore", str(tmp_path / "notes.txt")).code == 1
    assert tallyd("restore", "--take-over").code == 2
    assert names(tallyd) == ["Kept", "Since"]


@pytest.mark.usefixtures("booked", "locked")
@pytest.mark.parametrize(
    "arguments", [["restore"], ["restore", "1"], ["doctor", "--start-anew"]], ids=" ".join
)
def test_a_running_daemon_keeps_its_database(
    tallyd: Call, state: StateDir, arguments: list[str]
) -> None:
    """Nothing is put in the place of a database that is in use: exit 4."""
    before = state.database.read_bytes()
    refused = tallyd(*arguments)
    assert (refused.code, refused.out) == (4, "")
    assert "stop it first" in refused.err
    assert state.database.read_bytes() == before
    assert tallyd("backup").code == 0


@pytest.mark.usefixtures("booked")
def test_another_installation_is_taken_over_only_when_told(
    tallyd: Call, book: Call, state: StateDir, tmp_path: Path
) -> None:
    """A new machine goes on as the old one; its own past is kept aside."""
    assert tallyd("backup", str(tmp_path / "old.db")).code == 0
    old_id = state.appliance_id()
    state.path.rename(tmp_path / "old")
    book("New", "2030-12-01T09:00", "1h")
    own = state.appliance_id()
    assert own != old_id
    refused = tallyd("restore", str(tmp_path / "old.db"))
    assert refused.code == 1
    assert "another installation" in refused.err
    assert names(tallyd) == ["New"]
    assert tallyd("restore", str(tmp_path / "old.db"), "--take-over").code == 0
    assert names(tallyd) == ["Kept", "Since"]
    assert state.appliance_id() == old_id
    assert len(list(state.path.glob("*.damaged-*"))) >= 2


@pytest.mark.usefixtures("booked")
def test_a_new_machine_takes_a_backup_as_it_is(
    tallyd: Call, state: StateDir, tmp_path: Path
) -> None:
    """Where nothing ever was, a file is restored without more ado."""
    tallyd("backup", str(tmp_path / "old.db"))
    own = state.appliance_id()
    state.path.rename(tmp_path / "old")
    assert tallyd("restore", str(tmp_path / "old.db")).code == 0
    assert names(tallyd) == ["Kept", "Since"]
    assert state.appliance_id() == own


@pytest.mark.usefixtures("booked")
def test_the_doctor_finds_a_sound_installation_sound(tallyd: Call) -> None:
    """Exit 0, and a sentence for each thing that was looked at."""
    result = tallyd("doctor")
    assert result.code == 0
    for word in ("configuration", "daemon", "appliance id", "database", "backups", "disk"):
        assert word in result.out
    assert findings(tallyd)["daemon"] == ["warning"]


def test_the_doctor_knows_a_new_installation(tallyd: Call, tmp_path: Path) -> None:
    """Nothing is wrong with what was never used, and looking creates nothing."""
    assert tallyd("doctor").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tallyd.toml"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_the_daemon(tallyd: Call, book: Call, state: StateDir) -> None:
    """After `sudo tallyd restore` the daemon, which is not root, can use its own database."""
    state.prepare()
    os.chown(state.path, 12345, 12345)
    book("Kept", "2030-12-01T09:00", "1h")
    for arguments in (["backup"], ["restore"], ["restore", "1"]):
        assert tallyd(*arguments).code == 0
    book("Since", "2030-12-02T09:00", "1h")
    owners = {path.stat().st_uid for path in state.path.rglob("*")}
    assert owners == {12345}
    assert all(path.stat().st_mode & 0o007 == 0 for path in state.backups.glob("*.db"))


def damage_database(state: StateDir, config: Path) -> None:
    """Turn a byte over in a text."""
    assert config.exists()
    content = state.database.read_bytes()
    state.database.write_bytes(content.replace(b"Kept", b"Kepp"))


def lose_database(state: StateDir, config: Path) -> None:
    """Take the database away."""
    assert config.exists()
    state.database.unlink()


def lose_backups(state: StateDir, config: Path) -> None:
    """Take the backups away."""
    assert config.exists()
    for path in state.backups.iterdir():
        path.unlink()


def damage_backups(state: StateDir, config: Path) -> None:
    """Cut every backup."""
    assert config.exists()
    for path in state.backups.iterdir():
        path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.usefixtures("booked")
@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (damage_database, "database"),
        (lose_database, "database"),
        (lose_backups, "backups"),
        (damage_backups, "backups"),
    ],
)
def test_the_doctor_names_what_is_wrong(
    tallyd: Call, state: StateDir, config: Path, spoil: Callable[..., None], check: str
) -> None:
    """Exit 1, with the problem under its name; and it mends nothing by itself."""
    spoil(state, config)
    result = tallyd("doctor", "--json")
    assert result.code == 1
    assert result.json["ok"] is False
    assert "problem" in findings(tallyd)[check]
    assert tallyd("doctor").code == 1


@pytest.mark.usefixtures("booked", "locked")
def test_the_doctor_sees_the_daemon(tallyd: Call) -> None:
    """Who holds the lock is told without touching it."""
    assert findings(tallyd)["daemon"] == ["ok"]


@pytest.mark.usefixtures("booked")
def test_beginning_anew_is_for_a_database_that_is_lost(
    tallyd: Call, book: Call, state: StateDir
) -> None:
    """What can be used is not thrown away; what cannot is kept aside, and the next start is new."""
    refused = tallyd("doctor", "--start-anew")
    assert refused.code == 4
    assert names(tallyd) == ["Kept", "Since"]
    state.database.write_bytes(b"rubbish" * 99)
    lost = state.appliance_id()
    done = tallyd("doctor", "--start-anew", "--json")
    assert done.code == 0
    assert len(done.json) == 3
    assert all(Path(row["file"]).exists() for row in done.json)
    book("New", "2030-12-01T09:00", "1h")
    assert names(tallyd) == ["New"]
    assert state.appliance_id() not in {lost, None}
