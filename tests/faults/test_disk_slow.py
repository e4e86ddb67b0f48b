"""Row 35 of the fault catalogue: a disk that takes 200 kB/s, and a third of a second to sync."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from disk_rig import can_slow_down, disk, throttled
from recordings_rig import CAMERA, IN_THE_LOOP, SIMULATED, Site, late_s, site
from tallyd.domain.model import Outcome

pytestmark = [
    pytest.mark.skipif(not can_slow_down(), reason="needs root, strace and a blkio controller"),
    pytest.mark.timeout(240),
]

SLOW_SYNC = (
    *("strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"),
    *("-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:delay_enter=300000"),
)
BYTES_PER_S = 200_000
LATER_S = 4
ON_TIME_S = 1.0
FIRST = ["hall1", "hall2", "hall3"]
SECOND = ["annex1", "annex2", "sim1", "sim2", "sim3", "sim4"]
CAMERAS = dict.fromkeys((*FIRST, "annex1", "annex2"), CAMERA)
ROOMS = {**CAMERAS, **{f"sim{number}": SIMULATED for number in range(1, 5)}}


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[Site]:
    """Give an installation of which everything lies on a slow disk."""
    with disk(tmp_path) as made, site(tmp_path, made.path / "rec", made.path / "state") as place:
        place.configure(**ROOMS)
        yield place


def book(place: Site) -> datetime:
    """Book rooms for now and more for later, which record at once; gives when the later begin."""
    place.book(dict.fromkeys(FIRST, 10))
    return place.book(dict.fromkeys(SECOND, 3), in_s=LATER_S)


def test_row_35_a_slow_disk_delays_no_start(tmp_path: Path, place: Site) -> None:
    """Row 35: recordings and the database wait for it, starts do not; nothing is lost."""
    place.start(under=SLOW_SYNC)
    with throttled(tmp_path / "disk", BYTES_PER_S, place.pid):
        book(place)
        for room in FIRST:
            place.heard("run.started", target=f"rooms.{room}")
        lines = [place.heard("run.started", target=f"rooms.{room}") for room in SECOND]
    assert max(map(late_s, lines)) < ON_TIME_S
    for room in (*FIRST, *SECOND):
        assert place.finished(room).outcome is Outcome.RECORDED, room
    place.stop()


def test_row_35_control_else_starts_wait_for_it(tmp_path: Path, place: Site) -> None:
    """Row 35, control: where the daemon waits for the disk itself, some start late or never."""
    place.start(under=SLOW_SYNC, patch=IN_THE_LOOP)
    with throttled(tmp_path / "disk", BYTES_PER_S, place.pid):
        at = book(place)
        time.sleep((at - datetime.now(UTC)).total_seconds() + ON_TIME_S)
        started = [room for room in SECOND if place.said("run.started", target=f"rooms.{room}")]
    assert started != SECOND
