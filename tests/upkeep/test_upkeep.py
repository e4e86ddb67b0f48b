"""The daemon's care for its database: saved after changes, looked over daily, room kept."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from anyio import to_thread

from database_rig import DAMAGES, NOON, Installation, install
from tallyd.app.upkeep import Upkeep
from tallyd.engine.announcer import Announcer
from tallyd.store import open_store
from tallyd.store.rhythm import FIRST_LOOK_AFTER_S, LATEST_S, LOOK_EVERY_S, QUIET_S
from tallyd.store.wal import RESERVED_BYTES, empty

T = TypeVar("T")


class Log(Announcer):
    """Keeps what is said, and when."""

    def __init__(self, clock: "FastClock") -> None:
        super().__init__()
        self.clock = clock
        self.events: list[tuple[str, dict[str, Any]]] = []

    def say_at(self, level: str, event: str, **fields: object) -> None:
        """Keep an event."""
        self.events.append((event, {"level": level, "after_s": self.clock.passed, **fields}))

    def names(self) -> list[str]:
        """Give the names of what was said, less each backup."""
        return [name for name, _ in self.events if name != "store.backed_up"]


class FastClock:
    """A clock on which waiting takes no time."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        """Give the time."""
        return NOON + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        """Give the seconds."""
        return self.passed

    async def sleep(self, seconds: float) -> None:
        """Let time pass, and others do something."""
        self.passed += seconds
        await anyio.sleep(0.001)


class Care:
    """The upkeep of an installation, and what it says."""

    def __init__(self, house: Installation, upkeep: Upkeep, clock: FastClock, log: Log) -> None:
        self.house = house
        self.upkeep = upkeep
        self.clock = clock
        self.log = log

    async def until(self, look: Callable[[], Any]) -> None:
        """Wait until there is something to see."""
        with anyio.fail_after(10):
            while not await to_thread.run_sync(look):  # noqa: ASYNC110 - files are looked at
                await anyio.sleep(0.005)

    async def save(self) -> None:
        """Save as a daemon does that has nothing else to do."""
        await self.upkeep.save(lambda: True)

    async def do(self, work: Callable[..., T], *arguments: object) -> T:
        """Do something that blocks."""
        return await to_thread.run_sync(partial(work, *arguments))

    def serials(self) -> list[int]:
        """Give the numbers of the backups; it blocks."""
        return [each.serial for each in self.house.backups.generations()]


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    """Give an installation with a few lectures."""
    return install(tmp_path / "state", *(f"Lecture {number}" for number in range(20)))


@pytest.fixture
async def care(house: Installation) -> AsyncIterator[Care]:
    """Give the upkeep of it, on a clock that runs fast."""
    clock = FastClock()
    log = Log(clock)
    async with open_store(house.state.database) as store:
        upkeep = Upkeep(
            state=house.state, backups=house.backups, store=store, clock=clock, announcer=log
        )
        yield Care(house, upkeep, clock, log)


@asynccontextmanager
async def running(task: Callable[[], Any]) -> AsyncIterator[None]:
    """Run a task beside."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(task)
        yield
        tasks.cancel_scope.cancel()


async def test_a_change_is_saved_in_seconds(care: Care) -> None:
    """What is booked is in a backup soon after, and nothing is saved where nothing changed."""
    async with running(care.save):
        await care.until(lambda: care.serials() == [1])
        assert QUIET_S <= care.clock.passed < LATEST_S
        await care.do(care.house.book, "Later")
        begun = care.clock.passed
        await care.until(lambda: care.serials() == [2, 1])
        assert care.clock.passed - begun < LATEST_S
        later = care.clock.passed + 10 * LATEST_S
        await care.until(lambda: care.clock.passed > later)
    assert await care.do(care.serials) == [2, 1]
    assert [name for name, _ in care.log.events] == ["store.backed_up"] * 2


async def test_a_backup_waits_for_a_free_moment_but_not_for_ever(care: Care) -> None:
    """Where something is always due, a change is in a backup within thirty seconds all the same."""
    async with running(partial(care.upkeep.save, lambda: False)):
        await care.until(lambda: care.log.events)
    (name, told), *_ = care.log.events
    assert name == "store.backed_up"
    assert LATEST_S <= told["after_s"] <= 30


async def test_what_is_not_saved_is_saved_at_the_end(care: Care) -> None:
    """A daemon that is stopped right after a change leaves a backup of it, and only then."""
    await care.upkeep.finish()
    assert await care.do(care.serials) == [1]
    await care.upkeep.finish()
    assert await care.do(care.serials) == [1]


async def test_a_backup_that_fails_is_told_once_and_made_later(care: Care) -> None:
    """An operator reads that backups fail, once, and that they work again."""
    care.house.state.backups.write_text("in the way")
    async with running(care.save):
        await care.until(lambda: care.clock.passed > 60)
        assert care.log.names() == ["store.backup_failed"]
        care.house.state.backups.unlink()
        await care.until(care.serials)
        await care.until(lambda: len(care.log.names()) == 2)
    assert care.log.names() == ["store.backup_failed", "store.backup_recovered"]


async def test_a_database_that_was_removed_is_written_anew(care: Care) -> None:
    """Row 39: `rm tallyd.db` under a running daemon loses nothing, not even what was not saved."""
    async with running(care.save):
        await care.until(lambda: care.serials() == [1])
        await care.do(care.house.book, "Not saved yet")
        care.house.state.database.unlink()
        await care.until(lambda: "store.put_back" in care.log.names())
        await care.do(care.house.book, "Afterwards")
        before = await care.do(care.serials)
        await care.until(lambda: care.serials() != before)
    async with care.upkeep._store.read() as reader:
        names = [each.name for each in await reader.schedules()]
    assert names[-2:] == ["Not saved yet", "Afterwards"]
    assert care.log.names() == ["store.put_back"]


async def test_another_file_in_its_place_is_damage(care: Care) -> None:
    """Row 39: what somebody put there is told, and does not get among the backups."""
    other = await care.do(install, care.house.state.path.parent / "other", "Theirs")
    async with running(care.save):
        await care.until(lambda: care.serials() == [1])
        other.state.database.rename(care.house.state.database)
        await care.until(care.log.names)
        later = care.clock.passed + 60
        await care.until(lambda: care.clock.passed > later)
    assert care.log.names() == ["store.damaged"]
    assert await care.do(care.serials) == [1]
    assert await care.do(care.house.state.is_suspect)


async def test_damage_that_a_backup_shows_ends_the_backups(care: Care) -> None:
    """Row 38: a damaged database takes the place of no good backup, and is told at once."""
    async with running(care.save):
        await care.until(lambda: care.serials() == [1])
        with closing(sqlite3.connect(care.house.state.database)) as connection, connection:
            connection.execute("UPDATE schedules SET name = 'Damaged' WHERE id = 3")
        await care.until(care.log.names)
        await care.do(care.house.book, "Later")
        later = care.clock.passed + 60
        await care.until(lambda: care.clock.passed > later)
    await care.upkeep.finish()
    ((name, fields),) = [each for each in care.log.events if each[0] != "store.backed_up"]
    assert (name, fields["level"]) == ("store.damaged", "error")
    assert "schedules differ that nobody changed: 3" in fields["damage"]
    assert await care.do(care.serials) == [1]


async def test_the_whole_database_is_looked_over_daily(care: Care) -> None:
    """First an hour after the start, then every day."""
    await care.do(care.house.backups.make, NOON)

    def looked() -> int:
        return care.log.names().count("store.looked_over")

    async with running(lambda: care.upkeep.look_over(lambda: None)):
        await care.until(lambda: looked() == 1)
        assert FIRST_LOOK_AFTER_S <= care.clock.passed < FIRST_LOOK_AFTER_S * 2
        care.clock.passed += LOOK_EVERY_S / 2
        await anyio.sleep(0.05)
        assert looked() == 1
        care.clock.passed += LOOK_EVERY_S / 2
        await care.until(lambda: looked() == 2)


async def test_the_daily_look_waits_until_it_is_quiet(care: Care) -> None:
    """Nothing is read through while something is about to start; but not for ever."""
    soon = timedelta(minutes=1)
    async with running(lambda: care.upkeep.look_over(lambda: care.clock.now() + soon)):
        care.clock.passed += LOOK_EVERY_S
        await anyio.sleep(0.05)
        assert care.log.names() == []
        care.clock.passed += LOOK_EVERY_S
        await care.until(care.log.names)
    assert care.log.names() == ["store.looked_over"]


@pytest.mark.parametrize("kind", ["page of zeros", "byte turned in a text"])
async def test_the_daily_look_finds_damage(care: Care, kind: str) -> None:
    """Row 38: damage of a running daemon's file is told, and mended by the next start."""
    await care.do(care.house.backups.make, NOON)
    async with care.upkeep._store.write():
        pass
    await care.upkeep._store.checkpoint()
    DAMAGES[kind](care.house.state.database)
    async with running(lambda: care.upkeep.look_over(lambda: None)):
        await care.until(care.log.names)
    assert care.log.names() == ["store.damaged"]
    assert await care.do(care.house.state.is_suspect)
    assert care.log.events[0][1]["damage"]


async def test_the_daily_look_reads_the_backups_too(care: Care) -> None:
    """A backup that rotted is put aside before it is needed."""
    for _ in range(2):
        generation = await care.do(care.house.backups.make, care.house.now())
    path = care.house.backups.path_of(generation)
    path.write_bytes(path.read_bytes()[:-1])
    async with running(lambda: care.upkeep.look_over(lambda: None)):
        await care.until(lambda: "store.looked_over" in care.log.names())
    assert care.log.names() == ["store.backup_damaged", "store.looked_over"]
    assert await care.do(care.serials) == [1]


async def test_room_is_kept_for_the_log(care: Care) -> None:
    """Row 31: the log has its room while the daemon runs, also after it was emptied."""
    log = Path(f"{care.house.state.database}-wal")
    async with running(care.upkeep.keep_room):
        await care.until(lambda: log.exists() and log.stat().st_size == RESERVED_BYTES)
        await care.do(empty, care.house.state.database)
        await care.until(lambda: log.stat().st_size == RESERVED_BYTES)
    assert care.log.names() == []


async def test_a_disk_without_room_is_told_once(care: Care, monkeypatch) -> None:
    """Row 31: whoever reads the log knows that a full disk will take no changes."""
    monkeypatch.setattr("tallyd.store.wal.RESERVED_BYTES", 1 << 60)
    async with running(care.upkeep.keep_room):
        await care.until(lambda: care.clock.passed > 600)
    assert care.log.names() == ["store.room_missing"]
