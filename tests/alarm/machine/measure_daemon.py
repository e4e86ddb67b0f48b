"""Guest program: a whole `tallyd run`, and a clock that is set under it."""

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import guest

from tallyd import app
from tallyd.config import Settings, load
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart

CONFIG = Path("/house/tallyd.toml")
ROOMS = {"jumped_into": (0, 30), "passed_over": (5, 5), "later": (60, 10)}
"""Name of each room and of what is booked in it: minutes after ten, and how many."""

TEN = datetime(2031, 3, 4, 10, tzinfo=UTC)
PROGRAM = """
from tallyd.engine import trust
trust.SETTLES_WITHIN_S = 3.0  # a minute of an emulated processor is long
from tallyd.__main__ import main
main()
"""
WITHIN_S = 20.0
QUIET_S = 1.5
"""How long to wait for what should not come, and for the daemon to rest."""


class Daemon:
    """One `tallyd run`, and its log."""

    def __init__(self) -> None:
        self._log = CONFIG.with_name("log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, "--config", CONFIG, "run"],
                env={"PYTHONPATH": sys.path[0], "LC_ALL": "C.UTF-8"},
                stdout=log,
            )
        self._given = 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it has logged and nobody has taken yet."""
        logged = self._log.read_bytes().splitlines(keepends=True)[self._given :]
        return [json.loads(line) for line in logged if line.endswith(b"\n")]

    def take_lines(self) -> dict[str, Any]:
        """Give what it has logged since this was asked last."""
        lines = self.lines
        self._given += len(lines)
        return {"lines": lines}

    async def heard(self, event: str, **fields: object) -> None:
        """Wait until it has logged this; where it does not in time, what it logged shows that."""
        with anyio.move_on_after(WITHIN_S):
            while not any(  # noqa: ASYNC110 - what another process does sets no event
                line["event"] == event and fields.items() <= line.items() for line in self.lines
            ):
                await anyio.sleep(0.05)

    async def end(self) -> int:
        """Ask it to end, and give its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return await anyio.to_thread.run_sync(self._process.wait)


def set_clock(minutes: int) -> None:
    """Set it to so many minutes after ten."""
    at = TEN + timedelta(minutes=minutes)
    time.clock_settime(time.CLOCK_REALTIME, at.timestamp())


def lose_the_time() -> None:
    """Set it to a few minutes after the epoch: the kernel takes none before its own start."""
    time.clock_settime(time.CLOCK_REALTIME, time.monotonic() + 300)


async def book(settings: Settings, name: str, start: int, minutes: int) -> None:
    """Book a room, so many minutes after ten, under its own name."""
    draft = Draft(
        target=f"rooms.{name}",
        name=name,
        start=InstantStart(TEN + timedelta(minutes=start)),
        duration=timedelta(minutes=minutes),
    )
    async with app.open_for_changes(settings) as appliance:
        await appliance.bookings.add(lambda _now: draft)


async def results() -> guest.Results:
    """Give what the daemon logs as the clock is set again and again, and after a boot in 1970."""
    furnish()
    set_clock(-2)
    settings = load(CONFIG)
    for name, (start, minutes) in ROOMS.items():
        await book(settings, name, start, minutes)
    daemon = Daemon()
    await daemon.heard("daemon.ready")
    await anyio.sleep(QUIET_S)
    yield "boot", daemon.take_lines()
    set_clock(15)
    await daemon.heard("run.started", name="jumped_into")
    await daemon.heard("run.finished", name="passed_over")
    yield "ahead", daemon.take_lines()
    set_clock(-1)
    await daemon.heard("alarm.clock_stepped")
    await anyio.sleep(QUIET_S)
    yield "back", daemon.take_lines()
    set_clock(61)
    await daemon.heard("run.started", name="later")
    await daemon.heard("run.finished", name="jumped_into")
    await daemon.heard("run.finished", name="passed_over")
    yield "ahead_by_an_hour", daemon.take_lines()
    yield "end", {"exit_status": await daemon.end(), "runs": await runs_of(settings)}
    lose_the_time()
    daemon = Daemon()
    await daemon.heard("daemon.ready")
    await daemon.heard("clock.doubted")
    await anyio.sleep(QUIET_S)
    yield "in_1970", daemon.take_lines()
    set_clock(62)
    await daemon.heard("run.started", name="later")
    yield "right_again", daemon.take_lines()
    await daemon.end()


def furnish() -> None:
    """Write the configuration of an installation that does not exist yet."""
    CONFIG.parent.mkdir()
    tables = "".join(f'[rooms.{name}]\ndriver = "simulated"\n' for name in ROOMS)
    CONFIG.write_text(f'[appliance]\nstate_dir = "state"\ntimezone = "UTC"\n{tables}')


async def runs_of(settings: Settings) -> dict[str, Any]:
    """Give what reports show of each room's run."""
    async with app.open_for_reports(settings) as appliance:
        runs = await appliance.reports.runs(None, None, 100)
    return {
        run.name: {"outcome": run.outcome, "reason": run.reason, "sentence": run.sentence}
        for run in runs
    }


if __name__ == "__main__":
    guest.measure(results)
