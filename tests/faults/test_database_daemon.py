"""Rows 38 to 40 of the fault catalogue with the whole daemon: what it says, and how it exits."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from database_rig import DAMAGES, Installation, book, booked
from tallyd.state_dir import StateDir

PATIENCE_S = 20.0
CONFIG = """
[appliance]
state_dir = "state"

[rooms.aula]
driver = "simulated"
"""


def until(look: Callable[[], Any]) -> Any:
    """Look until there is something to see."""
    give_up = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < give_up, "nothing came of it"
        time.sleep(0.02)
    return seen


class Place:
    """An installation in which commands and daemons are run as processes."""

    def __init__(self, root: Path) -> None:
        self.state = StateDir(root / "state")
        self._config = root / "tallyd.toml"
        self._config.write_text(CONFIG)
        self._log = root / "log"
        self._daemon: subprocess.Popen[bytes] | None = None

    def tallyd(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._command(*arguments), capture_output=True, text=True, check=False
        )

    def book(self, name: str) -> None:
        """Book something far ahead."""
        told = ("--target", "rooms.aula", "--start", "2031-03-03T09:00", "--duration", "1h")
        done = self.tallyd("schedule", "add", "--name", name, *told)
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the daemon and wait until it is ready."""
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            self._daemon = subprocess.Popen(self._command("run"), stdout=log)
        until(lambda: self.said("daemon.ready"))

    def stop(self) -> None:
        """End the daemon in order."""
        if self._daemon is not None:
            self._daemon.terminate()
            assert self._daemon.wait(PATIENCE_S) == 0
        self._daemon = None

    def kill(self) -> None:
        """End it at once, if it runs."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
        self._daemon = None

    def said(self, event: str) -> list[dict[str, Any]]:
        """Give the lines of an event in the log of the daemon that was started last."""
        with self._log.open("rb") as log:
            lines = [json.loads(line) for line in log if line.endswith(b"\n")]
        return [line for line in lines if line["event"] == event]

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "tallyd", "--config", str(self._config), *arguments]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Give an installation with one lecture, which a daemon has seen and saved."""
    made = Place(tmp_path)
    made.book("Lecture")
    yield made
    made.kill()


def test_row_38_the_daemon_mends_and_says_so(place: Place) -> None:
    """Row 38: the log says what was wrong, which backup it is, how old, and what differs."""
    place.book("Second")
    DAMAGES["header zeroed"](place.state.database)
    place.start()
    (line,) = place.said("store.restored")
    assert line["level"] == "error"
    assert line["generation"] == 2
    assert "not a database" in line["damage"]
    assert 0 <= line["age_s"] < 60
    assert Path(line["aside"]).exists()
    place.stop()
    assert booked(place.state.database) == ["Lecture", "Second"]


def test_row_38_rows_that_differ_are_in_the_log(place: Place) -> None:
    """Row 38: an operator reads which rows the damaged file had and the backup has not."""
    with closing(Installation(place.state).open()) as connection:
        book(connection, "Behind the back")
    content = place.state.database.read_bytes()
    place.state.database.write_bytes(content.replace(b"Lecture", b"Lectern", 1))
    place.start()
    sentences = [line["sentence"] for line in place.said("store.difference_found")]
    assert any("Behind the back" in sentence for sentence in sentences)
    assert place.said("store.restored")[0]["differences"] == len(sentences)


def test_row_39_what_is_removed_from_under_the_daemon_is_put_back(place: Place) -> None:
    """Row 39: bookings of before and after are there, for the commands and for the next daemon."""
    place.start()
    place.book("Before")
    place.state.database.unlink()
    until(lambda: place.said("store.put_back"))
    place.book("After")
    place.kill()
    place.start()
    assert place.said("store.restored") == []
    place.stop()
    assert booked(place.state.database) == ["Lecture", "Before", "After"]


def test_row_39_without_any_backup_the_daemon_refuses(place: Place) -> None:
    """Row 39: exit 78 and a sentence that says what to do; nothing is made in its place."""
    place.state.database.unlink()
    for path in place.state.backups.iterdir():
        path.unlink()
    before = sorted(path.name for path in place.state.path.iterdir())
    refused = place.tallyd("run")
    assert refused.returncode == 78
    assert "tallyd restore FILE" in refused.stderr
    assert "tallyd doctor --start-anew" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert sorted({*before, "daemon.lock"}) == sorted(
        path.name for path in place.state.path.iterdir() if path.name != "recordings"
    )


def test_a_change_is_in_a_backup_seconds_later(place: Place) -> None:
    """Nobody has to ask for backups: each booking is in one within seconds."""
    place.start()
    place.book("New")

    backups = Installation(place.state).backups

    def saved() -> bool:
        newest = backups.newest_good(None)
        assert newest is not None
        return booked(backups.path_of(newest)) == ["Lecture", "New"]

    until(saved)
    place.stop()
