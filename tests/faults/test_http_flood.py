"""A flood of requests: the server bears it, and nothing that is due notices."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from house_rig import House, house_at
from tallyd import app
from tallyd.app.accounts import open_accounts
from tallyd.domain.accounts import Purpose, Role
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart, Outcome, Run
from tallyd.domain.outcomes import late

FULL = bool(os.environ.get("FULL_FAULTS"))
FLOOD_S = 60 if FULL else 8
CLIENTS = 200
ROOMS = 10
EVERY_S = 0.25
LENGTH_S = 1.5
HAMMER = Path(__file__).parents[1] / "http_hammer.py"


@pytest.fixture
def flooded(tmp_path: Path) -> Iterator[House]:
    """Give an installation of ten rooms that serves HTTP."""
    with house_at(tmp_path) as house:
        house.more = '\n[http]\nenabled = true\nlisten = ["tcp:127.0.0.1:0"]\n'
        house.configure(**{f"room{n}": 'driver = "simulated"' for n in range(ROOMS)})
        yield house


async def _key(house: House) -> str:
    async with open_accounts(await house.settings()) as accounts:
        await accounts.add("alice", Role.OPERATOR, "correct horse")
        return (await accounts.issue("alice", Purpose.NATIVE)).secret


async def _book_starts(house: House) -> int:
    """Book a start every quarter of a second while the flood lasts; gives how many."""
    number = round((FLOOD_S - 2) / EVERY_S)
    async with app.open_for_changes(await house.settings()) as appliance:
        first = appliance.clock.now() + timedelta(seconds=4)
        for n in range(number):
            draft = Draft(
                target=f"rooms.room{n % ROOMS}",
                name=f"Start {n}",
                start=InstantStart(first + timedelta(seconds=n * EVERY_S)),
                duration=timedelta(seconds=LENGTH_S),
            )
            await appliance.bookings.add(lambda _now, draft=draft: draft)
    return number


def _resident(pid: int) -> int:
    """Give the bytes of memory that a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _hammer(url: str, key: str) -> dict[str, int]:
    words = ["nice", "-n", "15", sys.executable, str(HAMMER), url, key, str(CLIENTS), str(FLOOD_S)]
    told: dict[str, int] = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    return told


@pytest.mark.timeout(300)
async def test_no_start_is_late_for_a_flood(flooded: House) -> None:
    """Two hundred clients at once get their answers, or are told to wait; what is due starts."""
    key = await _key(flooded)
    daemon = await flooded.start()
    server = await daemon.heard("server.started")
    url = f"http://127.0.0.1:{server['listen'][0].rpartition(':')[2]}"
    number = await _book_starts(flooded)
    before = _resident(server["pid"])
    told = await anyio.to_thread.run_sync(_hammer, url, key)
    grown = _resident(server["pid"]) - before
    runs = await _finished(flooded, number)
    assert [run.outcome for run in runs] == [Outcome.RECORDED] * number
    lates = sorted(_late_s(run) for run in runs)
    p99, worst = lates[int(0.99 * (number - 1))], lates[-1]
    print(f"told {told}, grown {grown >> 20} MiB, p99 {p99 * 1e3:.1f} ms, max {worst * 1e3:.1f} ms")  # noqa: T201 - the figures
    assert set(told) <= {"200", "429"}, told
    assert told.get("200", 0) > (CLIENTS if FULL else 0)
    assert grown < 64 << 20
    assert p99 <= (0.02 if FULL else 0.5)
    assert worst <= (0.1 if FULL else 1.0)
    assert daemon.said("server.died") == []


async def _finished(house: House, number: int) -> tuple[Run, ...]:
    """Wait until all that was booked is over."""
    async with app.open_for_reports(await house.settings()) as appliance:
        with anyio.fail_after(40):
            while True:
                runs = await appliance.reports.runs(None, None, 10_000)
                if len(runs) == number and all(run.outcome is not None for run in runs):
                    return runs
                await appliance.clock.sleep(0.2)


def _late_s(run: Run) -> float:
    found: Any = late(run.parts[0])
    return abs(found.total_seconds())
