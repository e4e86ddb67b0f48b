"""The files for systemd are well-formed, strict, and fit what the daemon does."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tallyd.app.daemon import SURROUNDINGS_END_WITHIN_S
from tallyd.cli.exits import Exit
from tallyd.engine.supervisor import LEDGER_WRITTEN_WITHIN_S, SESSIONS_END_WITHIN_S

FILES = Path(__file__).parents[2] / "systemd"
UNIT = FILES / "tallyd.service"
API_UNIT = FILES / "tallyd-api.service"
DROP_INS = sorted((FILES / "tallyd.service.d").iterdir())
ACCOUNT = FILES / "sysusers.d" / "tallyd.conf"
DIRECTORIES = FILES / "tmpfiles.d" / "tallyd.conf"
PROGRAM = "/opt/tallyd/bin/tallyd"


needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="no systemd is installed"
)


def settings(unit: Path) -> dict[str, list[str]]:
    """Give the values of each key of a unit."""
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^([A-Za-z]+)=(.*)$", unit.read_text(), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


UNITS = [(UNIT,), *((UNIT, drop_in) for drop_in in DROP_INS), (API_UNIT,)]


@pytest.fixture(params=UNITS, ids=lambda parts: parts[-1].name)
def unit(request, tmp_path: Path) -> Path:
    """Give each unit, alone and with each drop-in, its program being one that is there."""
    parts = request.param
    whole = tmp_path / parts[0].name
    program = str(Path(sys.executable).with_name("tallyd"))
    # One file: verify and the offline check do not read drop-ins of a unit that is not installed.
    whole.write_text("\n".join(part.read_text() for part in parts).replace(PROGRAM, program))
    return whole


@needs_systemd
def test_systemd_finds_nothing_to_complain_of(unit):
    """Loading the unit leaves no warning in the journal."""
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_systemd_would_complain_of_a_mistake(unit):
    """The check before this one can fail: systemd exits with 0 even then."""
    unit.write_text(unit.read_text().replace("RestartSec=", "ReStartSec="))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert "ReStartSec" in done.stderr


@needs_systemd
def test_the_sandbox_is_tight(unit):
    """Who gets hold of a recorder gets hold of little else: exposure at most 2.0 of 10."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_a_stop_has_the_time_that_it_may_need():
    """Nothing is killed that still finishes a file."""
    (stop_s,) = settings(UNIT)["TimeoutStopSec"]
    needed_s = SESSIONS_END_WITHIN_S + LEDGER_WRITTEN_WITHIN_S + SURROUNDINGS_END_WITHIN_S
    assert int(stop_s) >= needed_s


def test_what_a_restart_does_not_mend_is_not_restarted():
    """The unit's exit code is that of the command line."""
    assert settings(UNIT)["RestartPreventExitStatus"] == [str(Exit.CONFIG.value)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("StartLimitIntervalSec", "0"),
        ("RestartSec", "100ms"),
        ("Restart", "always"),
        ("KillMode", "process"),
        ("OOMPolicy", "continue"),
        ("Type", "notify"),
        ("SystemCallErrorNumber", "EPERM"),
    ],
)
def test_what_keeps_recordings_alive_stands_in_the_unit(key, value):
    """Each of these is other by default, and each default would cost recordings one day."""
    assert settings(UNIT)[key] == [value]


def test_a_hang_is_over_within_20_s():
    """Besides the watchdog's patience there is the abort, the restart and the boot."""
    (watchdog_s,) = settings(UNIT)["WatchdogSec"]
    assert int(watchdog_s) <= 15


def test_the_account_is_the_same_everywhere():
    """The unit, the account and the directories speak of one user."""
    (user,), (group,) = settings(UNIT)["User"], settings(UNIT)["Group"]
    kind, name, *_ = entries(ACCOUNT)[0]
    assert (kind, name, name) == ("u", user, group)
    groups = {line[4] for line in entries(DIRECTORIES)}
    assert groups == {group, "root"}


def entries(path: Path) -> list[list[str]]:
    """Give the fields of each line that is no comment."""
    lines = path.read_text().splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


@needs_systemd
def test_the_account_would_be_made_without_a_complaint(tmp_path):
    """The daemon gets a system account with a group of its name."""
    done = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", "--dry-run", str(ACCOUNT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("Would write")]
    assert [re.sub("[0-9]+", "N", line) for line in said] == [
        "Creating group 'tallyd' with GID N.",
        "Creating user 'tallyd' (tallyd recorder) with UID N and GID N.",
    ]
