"""The commands beside a running daemon: what runs now, stopping, extending, ending in order."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

Call = Callable[..., Any]
PATIENCE_S = 20.0


def until(look: Callable[[], Any]) -> Any:
    """Look until there is something to see."""
    give_up = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < give_up, "nothing came of it"
        time.sleep(0.02)
    return seen


def spawn(config: Path, *args: str) -> subprocess.Popen[str]:
    """Start the real command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tallyd", "--config", str(config), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.fixture
def daemon(config: Path, tallyd: Call) -> Iterator[subprocess.Popen[str]]:
    """Run the daemon of the installation until the test is over."""
    with spawn(config, "run") as process:
        try:
            until(lambda: tallyd("status").code == 0 and tallyd("status", "--json").json["ready"])
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def booked(book: Call) -> None:
    """Have a database with a schedule in it."""
    book("A", "2030-12-01T09:00", "1h")


def test_a_booking_for_now_runs_is_extended_and_stopped(
    daemon: subprocess.Popen[str], book: Call, tallyd: Call
) -> None:
    """Status, runs and targets show it; the commands take effect and say nothing needless."""
    assert daemon.poll() is None
    book("Now", "now", "10m")

    def recording() -> Any:
        doing = tallyd("status", "--json").json["targets"]["rooms.aula"]
        return doing if doing["status"] == "recording" else None

    doing = until(recording)
    assert (doing["name"], doing["schedule_id"], doing["driver"]) == ("Now", 1, "simulated")
    assert tallyd("targets", "--json").json[1]["status"] == "recording"
    shown = tallyd("status")
    assert "since (Europe/Rome)" in shown.out
    assert "recording" in shown.out
    (run,) = until(lambda: [r for r in tallyd("runs", "--json").json if r["status"] == "started"])
    assert (run["id"], run["outcome"], len(run["parts"])) == (doing["run_id"], None, 1)
    number = str(run["id"])

    extended = tallyd("runs", "extend", number, "5m", "--json")
    assert (extended.code, extended.err) == (0, "")
    assert extended.json["affects"] == []
    assert extended.json["start"] == run["planned"]["start"]
    assert extended.json["stop"] > run["planned"]["stop"]

    stopped = tallyd("runs", "stop", number, "--json")
    assert (stopped.code, stopped.err) == (0, "")
    assert [each["id"] for each in stopped.json] == [run["id"]]
    (final,) = until(lambda: [r for r in tallyd("runs", "--json").json if r["outcome"]])
    assert (final["status"], final["outcome"], final["reason"]) == (
        "finished",
        "recorded",
        "operator",
    )
    assert "operator" in tallyd("runs").out
    again = tallyd("runs", "stop", number)
    assert (again.code, again.out) == (4, "")
    assert "is finished" in again.err
    assert tallyd("runs", "stop", "--all").err == "nothing is running\n"


def test_what_records_is_cut_only_by_force(
    daemon: subprocess.Popen[str], book: Call, tallyd: Call
) -> None:
    """Exit 4 names the victim; --force does it; an extension names who gives way."""
    assert daemon.poll() is None
    book("Now", "now", "10m")
    until(lambda: [r for r in tallyd("runs", "--json").json if r["status"] == "started"])
    urgent = ("--target", "rooms.aula", "--name", "Urgent", "--start", "now", "--duration", "1m")
    refused = tallyd("schedule", "add", *urgent, "--priority", "9")
    assert (refused.code, refused.out) == (4, "")
    assert "would cut what is recording now" in refused.err
    assert "'Now' would lose" in refused.err
    assert len(tallyd("schedule", "list", "--json").json) == 1
    forced = tallyd("schedule", "add", *urgent, "--priority", "9", "--force", "--json")
    assert forced.code == 0
    assert forced.json["affects"] == [{"schedule_id": 1, "name": "Now", "verdict": "conflict"}]


def test_an_extension_names_who_gives_way(
    daemon: subprocess.Popen[str], book: Call, tallyd: Call
) -> None:
    """Only by force, and then with a warning for each."""
    assert daemon.poll() is None
    book("Now", "now", "10m")
    (run,) = until(lambda: [r for r in tallyd("runs", "--json").json if r["status"] == "started"])
    book("After", run["planned"]["stop"], "1h")
    refused = tallyd("runs", "extend", str(run["id"]), "10m")
    assert refused.code == 4
    assert '"After"' in refused.err
    forced = tallyd("runs", "extend", str(run["id"]), "10m", "--force", "--json")
    assert [row["name"] for row in forced.json["affects"]] == ["After"]
    assert 'warning: schedule 2 "After" is in conflict' in forced.err


def test_the_daemon_ends_in_order(config: Path, tallyd: Call) -> None:
    """SIGINT ends it with exit 0; a second daemon is refused; afterwards nobody answers."""
    with spawn(config, "run") as process:
        until(lambda: tallyd("status").code == 0)
        with spawn(config, "run") as second:
            _, err = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == 1
        assert "another tallyd (process " in err
        assert "Traceback" not in err
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert json.loads(out.splitlines()[-1])["event"] == "daemon.stopped"
    assert tallyd("status", "--json").code == 5


def test_without_a_daemon_a_stop_waits(book: Call, tallyd: Call) -> None:
    """It is stored, and stderr says when it will take effect."""
    book("Now", "now", "10m")
    (run,) = tallyd("runs", "--json").json
    assert run["status"] == "pending"
    stopped = tallyd("runs", "stop", str(run["id"]), "--json")
    assert stopped.code == 0
    assert "no daemon runs; it takes effect when one starts" in stopped.err


def from_the_future(state: Path) -> None:
    """Make the database one that a newer release wrote."""
    with closing(sqlite3.connect(state / "tallyd.db")) as connection, connection:
        connection.execute("UPDATE meta SET compat_version = 1000")


def lost(state: Path) -> None:
    """Take the database and all its backups away."""
    (state / "tallyd.db").unlink()
    rmtree(state / "backups")


def misspelt(state: Path) -> None:
    """Make a mistake in the configuration beside the state directory."""
    config = state.parent / "tallyd.toml"
    config.write_text(config.read_text().replace("driver", "drivr"), encoding="utf-8")


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [(from_the_future, 78, "newer tallyd"), (lost, 78, "is gone"), (misspelt, 78, "mean driver")],
)
@pytest.mark.usefixtures("booked")
def test_a_daemon_that_cannot_start_says_why(
    config: Path, spoil: Callable[[Path], None], code: int, words: str
) -> None:
    """One sentence on stderr and the exit code for it, never a traceback."""
    spoil(config.parent / "state")
    with spawn(config, "run") as process:
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert words in err
    assert "Traceback" not in err


def test_a_reader_that_leaves_early_ends_the_report_quietly(config: Path, book: Call) -> None:
    """`tallyd plan | head` prints no error."""
    book("A", "2030-12-01T09:00", "1m", "--repeat", "daily")
    period = ("--from", "2030-12-01", "--to", "2045-12-01")
    with spawn(config, "plan", *period, "--json") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "[\n"
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert err == ""
    assert process.returncode in {0, 141}


def test_a_device_that_is_gone_is_shown_beside_status_and_plan(
    config: Path, book: Call, tallyd: Call
) -> None:
    """With its sentence, and never in the rows of a plan; when the daemon ends nobody knows."""
    config.write_text(config.read_text() + "[rooms.gone]\ndriver = 'simulated'\n"
                      "[rooms.gone.options]\nunreachable = true\n")  # fmt: skip
    soon = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%MZ")
    book("Fine", soon, "1h")
    elsewhere = ("--target", "rooms.gone", "--name", "Lost", "--start", soon, "--duration", "1h")
    assert tallyd("schedule", "add", *elsewhere).code == 0
    assert tallyd("plan").err == ""
    with spawn(config, "run") as process:

        def gone() -> Any:
            result = tallyd("status", "--json")
            found = result.json if result.code == 0 else {"targets": {}}
            health = found["targets"].get("rooms.gone", {}).get("health", {})
            disk_known = found.get("disk", {}).get("checked_at")
            return found if health.get("device") == "gone" and disk_known else None

        found = until(gone)
        assert found["targets"]["rooms.aula"]["health"]["device"] == "ok"
        assert found["disk"]["total_bytes"] > 0
        assert found["clock"]["state"] in {"ok", "unsynchronised", "unknown"}
        shown = tallyd("status").out
        assert "rooms.gone does not answer" in shown
        assert " GB free" in shown
        plan = tallyd("plan")
        assert "in danger" in plan.out
        assert [line.count("device gone") for line in plan.out.splitlines()] == [0, 0, 1]
        assert "warning: rooms.gone: device gone: rooms.gone does not answer\n" in plan.err
        rows = tallyd("plan", "--json")
        assert [len(row) for row in rows.json] == [10, 10]
        assert "device gone" in rows.err
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    after = tallyd("plan")
    assert "in danger" not in after.out
    assert after.err == ("warning: no daemon runs: nothing is known of devices, disk and clock\n")
