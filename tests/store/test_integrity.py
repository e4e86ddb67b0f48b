"""Which databases contradict their backup: none that the store wrote, and every altered one."""

import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from anyio import to_thread
from hypothesis import given, settings
from hypothesis import strategies as st

import tallyd.store
from database_rig import NOON, Installation, install
from tallyd.domain.model import (
    InstantStart,
    Outcome,
    Override,
    Part,
    Run,
    Schedule,
    Status,
    Target,
)
from tallyd.domain.window import Window
from tallyd.ports.store import StoreError
from tallyd.store import (
    DatabaseDamagedError,
    DatabaseForeignError,
    SqliteStore,
    initialise,
    open_store,
    require_descent,
    require_sound,
    require_sound_throughout,
)
from tallyd.store.integrity import QUERIES
from tallyd.store.salvage import divergences

HOUR = timedelta(hours=1)
PACKAGE = Path(tallyd.store.__file__).parent


class Writer:
    """Does with a store what bookings and engine do, one numbered act after another."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._made = 0

    async def begin(self) -> None:
        """Put in what the acts need."""
        async with self._store.write() as tx:
            for key in ("rooms.a", "rooms.b"):
                await tx.add_target(Target(key, key, 0, key.ljust(32, "x"), "UTC"))
        await self.add()
        await self.record()

    async def add(self) -> None:
        """Book."""
        self._made += 1
        async with self._store.write() as tx:
            target = (await tx.targets())[0].key
            start = InstantStart(NOON + self._made * HOUR)
            uid = f"{self._made:032x}"
            await tx.add_schedule(Schedule(0, uid, target, "Lecture", start, HOUR, NOON, NOON))

    async def edit(self) -> None:
        """Change the oldest booking."""
        self._made += 1
        async with self._store.write() as tx:
            (first, *_) = await tx.schedules()
            await tx.change_schedule(replace(first, name=f"Edited {self._made}"))

    async def override(self) -> None:
        """Leave an occurrence out."""
        self._made += 1
        async with self._store.write() as tx:
            (first, *_) = await tx.schedules()
            await tx.put_override(Override(first.id, f"@{self._made % 3}", excluded=True))

    async def drop(self) -> None:
        """Forget what was said of single occurrences."""
        async with self._store.write() as tx:
            (first, *_) = await tx.schedules()
            await tx.drop_overrides(first.id)

    async def exception(self) -> None:
        """Keep a day free, and another one no longer."""
        self._made += 1
        async with self._store.write() as tx:
            days = await tx.exception_days()
            if len(days) > 2:
                await tx.remove_exception_day(days[0].id)
            target = (await tx.targets())[0].key
            day = (NOON + timedelta(days=self._made)).date()
            await tx.add_exception_day(day, "Free", target)

    async def rename(self) -> None:
        """Give a target another key."""
        self._made += 1
        async with self._store.write() as tx:
            (first, *_) = await tx.targets()
            await tx.rename_target(first.key, f"rooms.renamed-{self._made}")

    async def lock(self) -> None:
        """Let nothing start in a room, or something again."""
        async with self._store.write() as tx:
            (first, *_) = await tx.targets()
            since = None if first.locked_since else NOON
            await tx.change_target(replace(first, locked_since=since))

    async def renumber(self) -> None:
        """Give a target another public id."""
        self._made += 1
        async with self._store.write() as tx:
            (first, *_) = await tx.targets()
            await tx.renumber_target(first.key, 1000 + self._made)

    async def record(self) -> None:
        """Have a run that recorded and is over."""
        run = await self._due()
        async with self._store.write() as tx:
            part = Part(1, 0, run.planned, f"token-{run.id}", NOON, timedelta(0), timedelta(0))
            await tx.put_part(run.id, replace(part, first_data_at=NOON, last_data_at=NOON))
            done = replace(
                run, status=Status.FINISHED, outcome=Outcome.RECORDED, finished_at=NOON + HOUR
            )
            await tx.move_run(done, Status.PENDING)

    async def record_on(self) -> None:
        """Know better when the data of what is being recorded began; else begin to record."""
        async with self._store.read() as reader:
            recording = [run for run in await reader.unfinished_runs() if run.parts]
        if not recording:
            run = await self._due()
            part = Part(1, 0, run.planned, f"token-{run.id}", NOON, first_data_at=NOON)
        else:
            (run, *_) = recording
            (part,) = run.parts
        began = (part.first_data_at or NOON) - timedelta(milliseconds=20)
        async with self._store.write() as tx:
            await tx.put_part(run.id, replace(part, first_data_at=began, last_data_at=NOON + HOUR))

    async def miss(self) -> None:
        """Have a run that is over with nothing recorded."""
        run = await self._due()
        async with self._store.write() as tx:
            over = replace(run, status=Status.FINISHED, outcome=Outcome.CANCELLED, finished_at=NOON)
            await tx.move_run(over, Status.PENDING)

    async def bring_back(self) -> None:
        """Have one of those wanted again."""
        async with self._store.write() as tx:
            for run in await tx.runs():
                if run.outcome is Outcome.CANCELLED:
                    again = replace(
                        run, status=Status.PENDING, outcome=None, finished_at=None, name="Again"
                    )
                    await tx.move_run(again, Status.FINISHED)
                    return

    async def forget(self) -> None:
        """Forget what is long over."""
        async with self._store.write() as tx:
            await tx.forget_runs(NOON + self._made * HOUR)

    async def move_watermark(self) -> None:
        """Say up to when starts are written."""
        async with self._store.write() as tx:
            was = await tx.watermark()
            await tx.move_watermark(was, (was or NOON) + HOUR)

    async def _due(self) -> Run:
        self._made += 1
        async with self._store.write() as tx:
            (first, *_) = await tx.schedules()
            slot = f"@{self._made}"
            start = NOON + self._made * HOUR
            new = Run(0, first.target, "Lecture", Window(start, start + HOUR), first.id, slot)
            await tx.insert_runs([new])
            run = await tx.run_of(first.id, slot)
        assert run is not None
        return run


ACTS = [
    Writer.add,
    Writer.edit,
    Writer.override,
    Writer.drop,
    Writer.exception,
    Writer.rename,
    Writer.lock,
    Writer.renumber,
    Writer.record,
    Writer.record_on,
    Writer.miss,
    Writer.bring_back,
    Writer.forget,
    Writer.move_watermark,
]


@settings(max_examples=40)
@given(st.lists(st.sampled_from(ACTS), max_size=8), st.lists(st.sampled_from(ACTS), max_size=12))
def test_what_the_store_writes_never_contradicts_a_backup(before, after):
    """No booking, no run and no edit is ever taken for damage, whatever came before or after."""

    async def scenario(directory: Path) -> None:
        path = directory / "tallyd.db"
        await to_thread.run_sync(initialise, path)
        async with open_store(path) as store:
            writer = Writer(store)
            await writer.begin()
            for act in before:
                await act(writer)
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("VACUUM INTO ?", [str(directory / "backup.db")])
            for act in after:
                await act(writer)

    with TemporaryDirectory() as name:
        directory = Path(name)
        anyio.run(scenario, directory)
        require_descent(directory / "tallyd.db", directory / "backup.db")
        require_sound(directory / "tallyd.db")
        require_sound_throughout(directory / "tallyd.db")


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    """Give an installation with three lectures, each recorded, and much beside."""
    made = install(tmp_path / "state", "One", "Two", "Three")
    with closing(made.open()) as connection:
        connection.execute("INSERT INTO overrides VALUES (1, '@1', 1, NULL, 0)")
        connection.execute("INSERT INTO exception_days VALUES (1, '2026-12-24', 'Eve', NULL)")
        connection.execute("UPDATE meta SET targets_revision = 1, exception_days_revision = 1")
    made.backups.make(made.now())
    return made


@pytest.mark.parametrize(
    ("alteration", "words"),
    [
        ("UPDATE meta SET revision = revision - 1", "older than its newest backup"),
        ("UPDATE meta SET targets_revision = 0", "older than its newest backup"),
        ("UPDATE meta SET exception_days_revision = 0", "older than its newest backup"),
        ("UPDATE sqlite_sequence SET seq = 1 WHERE name = 'runs'", "rows of it are gone"),
        ("DELETE FROM sqlite_sequence", "rows of it are gone"),
        ("DELETE FROM schedules WHERE id = 2", "schedules are gone: 2"),
        ("UPDATE schedules SET name = 'Twu' WHERE id = 2", "schedules differ .*: 2$"),
        ("UPDATE schedules SET duration_ms = 7", "schedules differ .*: 1, 2, 3$"),
        ("UPDATE schedules SET revision = 2 WHERE id = 3", "a time that was over: 3$"),
        ("UPDATE schedules SET revision = 99 WHERE id = 3", "a time that was over: 3$"),
        ("UPDATE overrides SET excluded = 0", "overrides differ .*: 1$"),
        ("DELETE FROM overrides", "overrides differ .*: 1$"),
        ("UPDATE targets SET name = 'Bula'", "targets differ .*: rooms.aula$"),
        ("UPDATE exception_days SET day = '2026-12-25'", "exception days differ .*: 1$"),
        ("DELETE FROM exception_days", "exception days differ .*: 1$"),
        ("UPDATE runs SET name = 'Twu' WHERE id = 2", "final runs differ: 2$"),
        ("UPDATE runs SET outcome = 'failed' WHERE id = 2", "final runs differ: 2$"),
        (
            "UPDATE runs SET status = 'pending', outcome = NULL WHERE id = 2",
            "final runs differ: 2$",
        ),
        ("UPDATE parts SET token = 'x' WHERE run_id = 3", "of the runs: 3$"),
    ],
)
def test_what_nobody_can_have_changed_is_damage(house, alteration, words):
    """A database that cannot have come from its backup is recognised, and what differs is named."""
    backup = house.backups.path_of(house.backups.generations()[0])
    require_descent(house.state.database, backup)
    with closing(sqlite3.connect(house.state.database)) as connection, connection:
        connection.execute(alteration)
    require_sound(house.state.database)
    with pytest.raises(DatabaseDamagedError, match=words) as caught:
        require_descent(house.state.database, backup)
    assert caught.value.path == house.state.database


def test_many_differences_are_cut_short(tmp_path):
    """A sentence in the log stays one that can be read."""
    house = install(tmp_path / "state", *(f"Lecture {number}" for number in range(30)))
    house.backups.make(house.now())
    with closing(sqlite3.connect(house.state.database)) as connection, connection:
        connection.execute("UPDATE schedules SET name = 'x'")
    with pytest.raises(DatabaseDamagedError, match=r"1, 2, 3, 4, 5, \.\.\.$"):
        require_descent(house.state.database, house.backups.path_of(house.backups.generations()[0]))


def test_a_backup_of_another_schema_is_not_compared(house):
    """What a migration changed is no damage."""
    with closing(sqlite3.connect(house.state.database)) as connection, connection:
        connection.execute("UPDATE schedules SET name = 'migrated'")
        connection.execute("PRAGMA user_version = 9")
    require_descent(house.state.database, house.backups.path_of(house.backups.generations()[0]))


def test_a_damaged_database_is_not_backed_up(house):
    """What contradicts the last backup does not become the next one, nor lets old ones go."""
    names = [each.name for each in house.backups.generations()]
    with closing(sqlite3.connect(house.state.database)) as connection, connection:
        connection.execute("UPDATE schedules SET name = 'Twu' WHERE id = 2")
    with pytest.raises(DatabaseDamagedError):
        house.backups.make(house.now())
    assert [path.name for path in house.state.backups.iterdir()] == names


def test_a_damaged_backup_is_not_held_against_the_database(house):
    """A backup that rotted accuses nobody; it is put aside when it is read again."""
    house.book("Four")
    second = house.backups.make(house.now())
    path = house.backups.path_of(second)
    path.write_bytes(bytes(4096) + path.read_bytes()[4096:])
    house.book("Five")
    assert house.backups.make(house.now()).serial == 3
    (aside,) = house.backups.put_aside_damaged(house.now())
    assert aside.name.startswith(second.name)
    assert [each.serial for each in house.backups.generations()] == [3, 1]
    assert house.backups.put_aside_damaged(house.now()) == ()


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        ("CREATE INDEX more ON runs (name)", None),
        ("UPDATE runs SET target = 'rooms.nowhere' WHERE id = 1", DatabaseDamagedError),
        ("PRAGMA application_id = 7", DatabaseForeignError),
    ],
)
def test_a_thorough_look_sees_more(house, damage, error):
    """Orphans are found by the daily look, which costs more than a start may."""
    with closing(sqlite3.connect(house.state.database)) as connection, connection:
        connection.execute(damage)
    if error is None:
        require_sound_throughout(house.state.database)
        return
    with pytest.raises(error):
        require_sound_throughout(house.state.database)


def test_a_thorough_look_can_be_given_up(tmp_path):
    """A daemon that ends does not wait for it."""
    house = install(tmp_path / "state", *(f"Lecture {number}" for number in range(300)))
    with pytest.raises(StoreError, match="interrupted"):
        require_sound_throughout(house.state.database, lambda: True)


def test_rows_on_both_sides_of_a_damaged_page_are_read(tmp_path):
    """What can be read is compared; what cannot is not taken for a difference."""
    house = install(tmp_path / "state", *(f"Lecture {number}" for number in range(200)))
    damaged = tmp_path / "damaged.db"
    shutil.copy(house.state.database, damaged)
    assert divergences(damaged, house.state.database) == ()
    content = damaged.read_bytes()
    where = content.index(b"Lecture 100") // 4096 * 4096
    damaged.write_bytes(content[:where] + bytes(4096) + content[where + 4096 :])
    assert divergences(damaged, house.state.database) == ()
    house.book("New")
    with closing(house.open()) as connection:
        connection.execute("UPDATE schedules SET name = 'First', priority = 3 WHERE id = 1")
    found = [str(each) for each in divergences(damaged, house.state.database)]
    assert "schedule 1 'Lecture 0': differs in name, priority" in found
    assert divergences(tmp_path / "nothing.db", house.state.database) == ()


def test_rows_that_came_back_are_named(house, tmp_path):
    """Where all of the damaged database can be read, what it had lost is told too."""
    damaged = tmp_path / "damaged.db"
    shutil.copy(house.state.database, damaged)
    with closing(sqlite3.connect(damaged)) as connection, connection:
        connection.execute("DELETE FROM schedules WHERE id = 2")
    found = [str(each) for each in divergences(damaged, house.state.database)]
    assert found == ["schedule 2 'Two': back"]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_about_damage_is_used_and_described(name):
    """There is no statement that nobody runs, and none without its sentence."""
    code = "".join(file.read_text() for file in PACKAGE.glob("*.py"))
    walked = re.fullmatch(r"read_(schedules|runs)_(upwards|downwards)", name)
    assert walked or f'"{name}"' in code
    assert re.fullmatch(r"[A-Z].+\.", QUERIES[name].sentence)
