"""Rows 27 to 29 of the fault catalogue: hours that are missing or come twice, zones that change."""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import pytest
from whenever import PlainDateTime, ZonedDateTime

from engine_rig import VIRTUAL_TIME, Rig, two_rooms, unhurried
from process_rig import Processes, processes, until
from tallyd.domain import recurrence
from tallyd.domain.drafts import Draft
from tallyd.domain.model import DstOverlap, Frequency, Outcome, Recurrence, WallStart
from tallyd.testing.virtual_time import FakeClock

LENGTH = timedelta(hours=2)
NIGHTS = {
    "row 27, 02:30 is left out": (
        "Europe/Berlin",
        datetime.fromisoformat("2027-03-27T02:30"),
        # UTC: the night before, the one of the change (03:30 in its place), the one after.
        ("2027-03-27T01:30", "2027-03-28T01:30", "2027-03-29T00:30"),
    ),
    "row 28, 01:30 comes twice": (
        "America/New_York",
        datetime.fromisoformat("2026-11-07T01:30") - timedelta(days=7),
        ("2026-11-01T05:30", "2026-11-02T06:30"),
    ),
}
STANDARD = {"Europe/Berlin": "Etc/GMT-1", "America/New_York": "Etc/GMT+5"}


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run every test here on virtual time."""
    return VIRTUAL_TIME


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let days pass in a second."""
    unhurried(monkeypatch)


async def recorded(zone: str, local: datetime, nights: int) -> list[tuple[datetime, timedelta]]:
    """Record a nightly series; gives when each recording began, and how long it was."""
    first = recurrence.instant_at(local, zone)
    rig: Rig = await two_rooms(FakeClock(max(first - LENGTH, datetime(2026, 11, 1, tzinfo=UTC))))
    await rig.bookings.add(
        lambda _now: Draft(
            "rooms.a", "nightly", WallStart(local, zone), LENGTH, Recurrence(Frequency.DAILY)
        )
    )
    async with rig.running():
        await rig.clock.sleep(timedelta(days=nights, hours=4).total_seconds())
    async with rig.store.read() as reader:
        runs = sorted(await reader.runs(), key=lambda run: run.planned.start)
    done = [run for run in runs if run.outcome is Outcome.RECORDED]
    assert [len(run.parts) for run in done] == [1] * len(done)
    assert len(rig.log.of("run.starting")) == len(done)
    return [
        (part.first_data_at, part.last_data_at - part.first_data_at)
        for run in done
        for part in run.parts
        if part.first_data_at and part.last_data_at
    ]


@pytest.mark.parametrize("night", NIGHTS)
async def test_rows_27_and_28_each_night_has_one_recording_of_its_whole_length(night: str) -> None:
    """Rows 27 and 28: an hour left out moves the start on, of one that comes twice it is the first.

    How long it is recorded is elapsed time, whatever the clock on the wall does meanwhile.
    """
    zone, local, expected = NIGHTS[night]
    found = await recorded(zone, local, len(expected))
    starts = [datetime.fromisoformat(f"{each}+00:00") for each in expected]
    assert [start for start, _ in found[: len(starts)]] == starts
    assert all(abs(length - LENGTH) < timedelta(seconds=2) for _, length in found)


@pytest.mark.parametrize("night", NIGHTS)
async def test_rows_27_and_28_control_who_knows_no_change_of_the_clocks_is_an_hour_off(
    night: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows 27 and 28, control: by standard time all year a recording is missed by an hour."""
    zone, local, expected = NIGHTS[night]
    zoned = recurrence._zoned

    def standard(wall: PlainDateTime, name: str, overlap: DstOverlap) -> ZonedDateTime:
        named = wall == recurrence._ANY_WALL_TIME  # whether there is such a zone at all
        return zoned(wall, name if named else STANDARD[name], overlap)

    monkeypatch.setattr(recurrence, "_zoned", standard)
    found = await recorded(zone, local, len(expected))
    starts = [datetime.fromisoformat(f"{each}+00:00") for each in expected]
    assert [start for start, _ in found[: len(starts)]] != starts


ROOMS = """
[rooms.moved]
driver = "simulated"
[rooms.plain]
driver = "simulated"
"""
ZONE = "Test/Moved"


class Zones:
    """A directory of zones of a test's own; those that it lacks come from the package."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path / ZONE
        self._file.parent.mkdir(parents=True)

    def put(self, hours: int) -> None:
        """Let the zone be so many hours ahead of UTC."""
        with as_file(files("tzdata.zoneinfo") / "Etc" / f"GMT-{hours}") as source:
            shutil.copyfile(source, self._file)

    def remove(self) -> None:
        """Let there be no such zone."""
        self._file.unlink()


@pytest.fixture(name="zones")
def _zones(tmp_path: Path) -> Zones:
    """Give zones, with one that is an hour ahead of UTC."""
    made = Zones(tmp_path / "zones")
    made.put(1)
    return made


@pytest.fixture(name="place")
def _place(tmp_path: Path, zones: Zones) -> Iterator[Processes]:
    """Give an installation that knows these zones, with a daemon."""
    with processes(tmp_path, ROOMS, PYTHONTZPATH=str(zones.path)) as made:
        made.start()
        yield made


def seconds_of_a_command(place: Processes) -> float:
    """Give how long a command takes on this machine now."""
    before = time.monotonic()
    place.tallyd("targets")
    return time.monotonic() - before


def book_in_the_zone(place: Processes, in_s: float) -> int:
    """Book a daily series that starts in an hour and so many seconds, as its zone is now."""
    local = datetime.now(UTC) + timedelta(hours=2, seconds=in_s)
    start = local.replace(tzinfo=None).isoformat(timespec="seconds")
    told = ("--target", "rooms.moved", "--name", "Moved", "--duration", "5m", "--repeat", "daily")
    booked = place.tallyd("schedule", "add", *told, "--start", start, "--timezone", ZONE)
    found: int = booked["id"]
    return found


def test_row_29_a_new_zone_database_moves_what_is_to_come(place: Processes, zones: Zones) -> None:
    """Row 29: a zone that goes an hour further ahead brings its bookings an hour nearer."""
    booked = book_in_the_zone(place, in_s=2 + 4 * seconds_of_a_command(place))
    zones.put(2)
    place.reload()
    (started,) = until(lambda: place.said("run.started", schedule_id=booked))
    assert started["late_ms"] < 60_000, "an hour nearer"


def test_row_29_control_who_never_reads_the_zones_anew_misses_it(
    place: Processes, zones: Zones
) -> None:
    """Row 29, control: a daemon that keeps the zones of its boot starts an hour late."""
    place.kill()
    place.start("from tallyd.app import reloading\nreloading.forget_zones = lambda: None")
    took_s = seconds_of_a_command(place)
    booked = book_in_the_zone(place, in_s=2 + 4 * took_s)
    assert place.said("plan.changed") or until(lambda: place.said("plan.changed"))
    zones.put(2)
    place.reload()
    due = datetime.now(UTC) + timedelta(seconds=2 + 4 * took_s)
    at_last = place.book_here("plain", due, timedelta(minutes=1))
    until(lambda: place.said("run.started", schedule_id=at_last))
    assert place.said("run.started", schedule_id=booked) == []


@pytest.mark.full_set
def test_row_29_a_zone_that_is_gone_costs_its_own_bookings_alone(
    place: Processes, zones: Zones
) -> None:
    """Row 29: they are kept, and told to be blocked; all others start; put back, it is well."""
    booked = book_in_the_zone(place, in_s=120)
    zones.remove()
    place.reload()
    place.kill()
    place.start()
    begins = datetime.now(UTC) + timedelta(seconds=3 + 3 * seconds_of_a_command(place))
    other = place.book("plain", "Plain", begins, "1m")
    until(lambda: place.said("run.started", schedule_id=other))
    assert place.said("task.failed") == []
    shown = place.tallyd("schedule", "show", str(booked))
    assert (shown["id"], shown["verdict"]) == (booked, "blocked")
    assert "zone_unknown" in str(place.tallyd("plan"))
    zones.put(1)
    place.reload()
    assert place.tallyd("schedule", "show", str(booked))["verdict"] == "clear"
