"""Old recordings are removed as the operator wishes: oldest first, told, written down, beside."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tallyd.domain.model import (
    EndReason,
    InstantStart,
    Outcome,
    Part,
    RemovedBecause,
    Run,
    Schedule,
    Status,
)
from tallyd.domain.naming import DEFAULT_TEMPLATE, parse_template
from tallyd.domain.retention import Rules
from tallyd.domain.window import Window
from tallyd.ports.disk import NotRecordedError
from tallyd.testing.virtual_time import START

DAY = timedelta(days=1)
MB = 10**6


async def recorded(rig, name, days_ago, target="rooms.a"):
    """Have a recording of 10 MB in the ledger and on the disk."""
    at = START - days_ago * DAY
    window = Window(at, at + timedelta(hours=1))
    path = Path(f"/recordings/{name}.mkv")
    rig.disk.files[path] = 10 * MB
    async with rig.store.write() as tx:
        booked = Schedule(0, name, target, name, InstantStart(at), window.length, at, at)
        made = await tx.add_schedule(booked)
        await tx.insert_runs([Run(0, target, name, window, made.id, "@0")])
        run = (await tx.unfinished_runs())[-1]
        part = Part(
            1, 0, window, name, at, files=(str(path),), bytes=10 * MB, end=EndReason.PLANNED
        )
        await tx.put_part(run.id, part)
        over = replace(
            run, status=Status.FINISHED, outcome=Outcome.RECORDED, finished_at=window.stop
        )
        await tx.move_run(over, Status.PENDING)


async def wish(engine, **rules):
    """Have the operator want something."""
    await engine.refit({}, parse_template(DEFAULT_TEMPLATE), Rules(**rules))


def names(rig):
    """Give what is left on the disk."""
    return [path.stem for path in rig.disk.files]


async def removed(rig):
    """Give what the ledger says is removed, and why."""
    async with rig.store.read() as reader:
        runs = await reader.runs()
    return {each.path: each.why for run in runs for part in run.parts for each in part.removed}


async def test_what_is_too_old_goes(rig):
    """Each room by its own age; nothing before the operator says so."""
    for name, days_ago, target in [
        ("old", 91, "rooms.a"),
        ("new", 89, "rooms.a"),
        ("short", 8, "rooms.b"),
        ("fresh", 6, "rooms.b"),
    ]:
        await recorded(rig, name, days_ago, target)
    async with rig.running() as engine:
        await rig.until(200)
        assert len(names(rig)) == 4
        await wish(engine, keep=90 * DAY, keep_of={"rooms.b": 7 * DAY})
        await rig.until(300)
        assert names(rig) == ["new", "fresh"]
        await rig.until(DAY.total_seconds() * 2)
    assert names(rig) == []
    told = rig.log.of("recording.removed")
    assert [each["name"] for each in told][:2] == ["old", "short"]
    assert {each["why"] for each in told} == {RemovedBecause.AGE}
    assert told[0]["file"] == "/recordings/old.mkv"
    assert len(await removed(rig)) == 4


async def test_the_oldest_go_for_room_and_no_more_than_needed(rig):
    """25 MB are wanted: three of 10 MB go."""
    rig.disk.total, rig.disk.free = 1000 * MB, 75 * MB
    for number in range(6):
        await recorded(rig, f"day{number}", 10 - number)
    async with rig.running() as engine:
        await wish(engine, min_free=100 * MB)
        await rig.until(100)
    assert names(rig) == ["day3", "day4", "day5"]
    assert set((await removed(rig)).values()) == {RemovedBecause.ROOM}
    assert rig.log.of("retention.short") == []


async def test_many_are_looked_through_in_pages(rig):
    """Those that cannot be removed are passed over, and said once."""
    rig.disk.total, rig.disk.free = 1000 * MB, 90 * MB
    for number in range(60):
        await recorded(rig, f"n{number}", 100 - number)
        if number < 55:
            path = Path(f"/recordings/n{number}.mkv")
            rig.disk.refused[path] = NotRecordedError("it was changed")
    async with rig.running() as engine:
        await wish(engine, min_free=100 * MB)
        await rig.until(200)
    assert len(names(rig)) == 59
    assert "n55" not in names(rig)
    assert len(rig.log.of("recording.kept")) == 55


async def test_when_nothing_helps_it_says_so_once(rig):
    """Also where more is wanted than the disk has: then nothing is removed for nothing."""
    rig.disk.total, rig.disk.free = 1000 * MB, 90 * MB
    async with rig.running() as engine:
        await wish(engine, min_free=100 * MB)
        await rig.until(200)
        assert len(rig.log.of("retention.short")) == 1
        await recorded(rig, "kept", 9)
        await wish(engine, min_free=2000 * MB)
        await rig.until(400)
    assert names(rig) == ["kept"]


async def test_what_somebody_else_removed_is_noted(rig):
    """The ledger says that it is gone; it was not removed by us, and no line says so."""
    await recorded(rig, "old", 91)
    rig.disk.files.clear()
    async with rig.running() as engine:
        await wish(engine, keep=90 * DAY)
        await rig.until(100)
    assert await removed(rig) == {"/recordings/old.mkv": RemovedBecause.GONE}
    assert rig.log.of("recording.removed") == []


async def test_a_ledger_that_cannot_be_written_stops_it(rig):
    """One file at most is gone that the ledger does not know of, and it learns of that later."""
    for number in range(3):
        await recorded(rig, f"old{number}", 91 + number)
    async with rig.running() as engine:
        await wish(engine, keep=90 * DAY)
        with rig.store.refusing():
            await rig.until(300)
            assert len(names(rig)) == 2
        assert len(rig.log.of("retention.failed")) == 1
        await rig.until(500)
    assert names(rig) == []
    assert len(await removed(rig)) == 3


async def test_a_disk_that_hangs_or_is_missing_is_left_alone(rig):
    """It is said once, and gone on with later."""
    await recorded(rig, "old", 91)
    rig.disk.hangs = True
    async with rig.running() as engine:
        await wish(engine, keep=90 * DAY)
        await rig.until(400)
        assert len(rig.log.of("retention.failed")) == 1
        rig.disk.hangs = False
        await rig.until(600)
    assert names(rig) == []


async def test_a_start_goes_first(rig):
    """Nothing is removed in the seconds before one."""
    await recorded(rig, "old", 91)
    await rig.book("lecture", 31, 60)
    async with rig.running() as engine:
        await wish(engine, keep=90 * DAY)
        await rig.until(30.9)
        assert names(rig) == ["old"]
        await rig.until(40)
    assert names(rig) == []
