"""Row 34 of the fault catalogue: a daemon is asked to end while the disk of its database hangs."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from disk_rig import can_freeze, disk, frozen
from recordings_rig import SIMULATED, Site, site, until
from tallyd.app import daemon as daemon_module
from tallyd.domain.model import Outcome

pytestmark = [
    pytest.mark.skipif(not can_freeze(), reason="needs root, to hang a disk"),
    pytest.mark.timeout(240),
]

PROMISED_S = (
    daemon_module.SESSIONS_END_WITHIN_S
    + daemon_module.LEDGER_WRITTEN_WITHIN_S
    + daemon_module.SURROUNDINGS_END_WITHIN_S
)
SOON_S = 3.0
SOON = """
from tallyd.app import daemon
daemon.SESSIONS_END_WITHIN_S = daemon.LEDGER_WRITTEN_WITHIN_S = 1.0
daemon.SURROUNDINGS_END_WITHIN_S = 1.0
"""
"""A daemon that gives everything a second."""

PATIENT = """
from tallyd.app.last_resort import LastResort
LastResort.end_within = lambda *_: None
"""
"""A daemon that waits for whatever hangs, for a control."""

SLACK_S = 5.0


@pytest.fixture(name="machine")
def _machine(tmp_path: Path) -> Iterator[Path]:
    """Give a disk that can hang."""
    with disk(tmp_path) as made:
        yield made.path


@pytest.fixture(name="place")
def _place(tmp_path: Path, machine: Path) -> Iterator[Site]:
    """Give an installation whose state lies on it."""
    with site(tmp_path, tmp_path / "recordings", machine / "state") as made:
        made.configure(rehearsal=SIMULATED)
        yield made


def is_over(pid: int) -> bool:
    """Tell whether a process runs no more; what is left in the kernel is not counted."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def second_daemon(config: Path) -> subprocess.CompletedProcess[str]:
    """Start another daemon, as systemd does, and give how it ended."""
    argv = [sys.executable, "-m", "tallyd", "--config", str(config), "run"]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(
    ("patch", "within_s"),
    [
        pytest.param(SOON, SOON_S, id="sooner"),
        pytest.param("", PROMISED_S, id="promised", marks=pytest.mark.full_set),
    ],
)
def test_row_34_a_daemon_ends_though_its_disk_hangs(
    machine: Path, place: Site, patch: str, within_s: float
) -> None:
    """Row 34: it ends in its time, says why, and the next one is told who holds the lock."""
    place.start(patch=patch)
    place.book({"rehearsal": within_s + 15}, in_s=2)
    with frozen(machine):
        place.heard("run.started", target="rooms.rehearsal")
        first = place.pid
        os.kill(first, signal.SIGTERM)
        until(lambda: is_over(first), within_s=within_s + SLACK_S)
        (said,) = place.said("daemon.cut_short")
        assert said["calls"], "it does not say what hangs"
        assert said["within_s"] == within_s
        assert not place.said("daemon.stopped")
        refused = second_daemon(place.config)
        assert refused.returncode == 1
        assert re.search(rf"process {first}\) has ended, but .* hung disk", refused.stderr)
    place.start()
    assert place.finished("rehearsal").outcome in {Outcome.RECORDED, Outcome.PARTIAL}
    place.stop()


def test_row_34_control_else_it_never_ends(machine: Path, place: Site) -> None:
    """Row 34, control: a daemon that waits for its disk is there for as long as that hangs."""
    place.start(patch=SOON + PATIENT)
    place.book({"rehearsal": 3}, in_s=2)
    with frozen(machine):
        place.heard("run.started", target="rooms.rehearsal")
        os.kill(place.pid, signal.SIGTERM)
        place.heard("daemon.stopping")
        with pytest.raises(AssertionError, match="nothing came of it"):
            until(lambda: is_over(place.pid), within_s=2 * SOON_S)
    until(lambda: is_over(place.pid))
    assert place.said("daemon.stopped")
