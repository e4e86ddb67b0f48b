"""What every store promises about the ledger: runs, parts, the watermark."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from tallyd.domain.model import (
    MANUAL_SLOT,
    EndReason,
    Outcome,
    Reason,
    RemovedBecause,
    RemovedFile,
    Run,
    Status,
)
from tallyd.domain.window import Window
from tallyd.ports.store import StoreError

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hours(start: float, stop: float) -> Window:
    """Give a window in hours after noon."""
    return Window(NOON + start * HOUR, NOON + stop * HOUR)


async def test_an_occurrence_has_one_run(store, booked, run_of):
    """Writing the same starts again adds what is new and leaves alone what is there."""
    async with store.write() as tx:
        assert await tx.insert_runs([run_of("@1"), run_of("@2")]) == 2
    async with store.write() as tx:
        assert await tx.insert_runs([run_of("@2", name="Other"), run_of("@3"), run_of("@3")]) == 1
        found = [await tx.run_of(booked.id, slot) for slot in ("@1", "@2", "@3")]
        assert [run.name for run in found] == [booked.name] * 3
        assert await tx.unfinished_runs() == tuple(found)
        assert await tx.insert_runs([]) == 0


async def test_two_processes_write_the_same_starts_at_once(store, other, run_of):
    """Whoever comes second finds the rows there: each occurrence is in the ledger once."""
    runs = [run_of(f"@{number}") for number in range(50)]
    inserted = []

    async def materialise(mine):
        async with mine.write() as tx:
            inserted.append(await tx.insert_runs(runs))

    async with anyio.create_task_group() as tasks:
        for each in (store, other) * 3:
            tasks.start_soon(materialise, each)
    assert sorted(inserted) == [0, 0, 0, 0, 0, 50]
    async with store.read() as reader:
        assert len(await reader.runs()) == 50


async def test_a_recording_by_hand_has_one_run_and_says_what_it_is(store, wish):
    """Two that look alike are two; each is told apart from what was booked."""
    async with store.write() as tx:
        made = [await tx.add_schedule(wish(manual=True)) for _ in range(2)]
        rows = [Run(0, each.target, each.name, hours(0, 4), each.id, MANUAL_SLOT) for each in made]
        assert await tx.insert_runs([*rows, *rows]) == 2
        found = await tx.unfinished_runs()
        assert [await tx.run_of(each.id, MANUAL_SLOT) for each in made] == list(found)
    assert [run.manual for run in found] == [True, True]


async def test_a_run_comes_back_as_it_was_stored(store, run_of):
    """Whatever the ledger says of a run is there again when it is read."""
    finished = {
        "status": Status.FINISHED,
        "outcome": Outcome.BLOCKED,
        "reason": Reason.OCCUPIED,
        "sentence": "Seminar held the room",
        "blocker": 17,
        "since": NOON,
        "finished_at": NOON + HOUR,
    }
    async with store.write() as tx:
        await tx.insert_runs([run_of("@1", **finished), run_of("@2")])
        done, pending = reversed(await tx.runs())
        assert replace(done, id=0) == run_of("@1", **finished)
        assert await tx.unfinished_runs() == (pending,)
        changed = replace(pending, planned=hours(0, 0.5), **finished)
        assert await tx.move_run(changed, Status.PENDING)
        assert await tx.run(pending.id) == changed


async def test_a_run_moves_only_from_where_it_stands(store, other, booked, run_of):
    """Of two that move the same run from the same status one loses, and changes nothing."""
    async with store.write() as tx:
        await tx.insert_runs([run_of()])
        run = await tx.run_of(booked.id, run_of().slot)
        assert await tx.move_run(replace(run, status=Status.STARTING), Status.PENDING)
    async with other.write() as tx:
        late = replace(run, status=Status.FINISHED, outcome=Outcome.MISSED)
        assert not await tx.move_run(late, Status.PENDING)
        assert await tx.run(run.id) == replace(run, status=Status.STARTING)
        assert not await tx.move_run(replace(run, id=4711), Status.PENDING)


async def test_a_run_never_becomes_another_occurrences(store, booked, run_of):
    """Moving a run changes what became of it, never whose it is."""
    async with store.write() as tx:
        await tx.insert_runs([run_of()])
        run = await tx.run_of(booked.id, run_of().slot)
        await tx.move_run(replace(run, slot="@9", name="Renamed"), Status.PENDING)
        assert await tx.run_of(booked.id, "@9") is None
        assert await tx.run_of(booked.id, run_of().slot) == replace(run, name="Renamed")


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": Status.FINISHED},
        {"outcome": Outcome.RECORDED},
        {"target": "rooms.none"},
        {"schedule_id": 4711},
        {"schedule_id": None},
    ],
    ids=str,
)
async def test_the_ledger_holds_nothing_that_contradicts_itself(store, run_of, wrong):
    """A finished run has an outcome and no other has; every run has its target and schedule."""
    with pytest.raises(StoreError):
        async with store.write() as tx:
            await tx.insert_runs([run_of("@1"), run_of("@2", **wrong)])
    async with store.read() as reader:
        assert await reader.runs() == ()


@pytest.mark.parametrize("run_id", [0, -1, 4711, 10**30])
async def test_a_run_that_is_not_there_is_none(store, run_id):
    """Asking for a run that nobody has gives nothing, however absurd the number."""
    async with store.read() as reader:
        assert await reader.run(run_id) is None
        assert await reader.run_of(run_id, "@1") is None


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "dcba"),
        ({"limit": 2}, "dc"),
        ({"limit": 0}, ""),
        ({"target": "rooms.lab"}, "d"),
        ({"target": "rooms.aula", "limit": 1}, "c"),
        ({"start": NOON + HOUR}, "dcb"),
        ({"stop": NOON + HOUR}, "ba"),
        ({"start": NOON + HOUR, "stop": NOON + 2 * HOUR}, "cb"),
        ({"start": NOON + 2 * HOUR, "stop": NOON + 2 * HOUR}, "b"),
        ({"start": NOON + 9 * HOUR}, ""),
    ],
    ids=str,
)
async def test_runs_are_found_by_their_planned_window(store, run_of, asked, expected):
    """A run counts where its window intersects [start, stop), back to back not; newest first."""
    windows = {"a": hours(0, 1), "b": hours(0, 4), "c": hours(1, 2), "d": hours(2, 3)}
    async with store.write() as tx:
        for name, planned in windows.items():
            target = "rooms.lab" if name == "d" else "rooms.aula"
            await tx.insert_runs([run_of(name, name=name, planned=planned, target=target)])
    async with store.read() as reader:
        assert "".join(run.name for run in await reader.runs(**asked)) == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 10**30])
async def test_a_limit_counts_runs_whatever_their_parts(store, booked, run_of, part, limit):
    """Who asks for the newest two runs gets two, whole, also where one of them has three parts."""
    async with store.write() as tx:
        await tx.insert_runs([run_of(f"@{hour}", planned=hours(hour, 9)) for hour in range(3)])
        for hour in range(3):
            run = await tx.run_of(booked.id, f"@{hour}")
            for number in range(1, 4):
                await tx.put_part(run.id, part(number))
    async with store.read() as reader:
        for target in (None, "rooms.aula"):
            found = await reader.runs(limit=limit, target=target)
            assert [run.slot for run in found] == ["@2", "@1", "@0"][:limit]
            assert {len(run.parts) for run in found} == {3}


async def test_unfinished_runs_can_be_those_of_some_targets(store, booked, run_of, part):
    """Who changed one room is told of the runs of that room alone, in order of id, whole."""
    final = {"status": Status.FINISHED, "outcome": Outcome.MISSED}
    async with store.write() as tx:
        await tx.insert_runs(
            [run_of("@1", target="rooms.lab"), run_of("@2"), run_of("@3", **final), run_of("@4")]
        )
        second = await tx.run_of(booked.id, "@2")
        for number in (1, 2):
            await tx.put_part(second.id, part(number))
    async with store.read() as reader:
        lab, *aula = await reader.unfinished_runs()
        assert [len(run.parts) for run in aula] == [2, 0]
        assert await reader.unfinished_runs({"rooms.aula"}) == tuple(aula)
        assert await reader.unfinished_runs(["rooms.lab", "rooms.none"]) == (lab,)
        assert await reader.unfinished_runs(("rooms.lab", "rooms.aula")) == (lab, *aula)
        assert await reader.unfinished_runs(()) == ()


async def test_parts_are_kept_with_their_run(store, booked, run_of, part):
    """The facts of a part are there with its run, in order of number, the last word of each."""
    full = part(
        2,
        input=3,
        lead=timedelta(milliseconds=350),
        first_data_at=NOON,
        last_data_at=NOON + HOUR,
        stopped_at=NOON + HOUR,
        reference="pid 4711",
        files=("/srv/a.mkv", "/srv/ö.mkv"),
        bytes=2**40,
        end=EndReason.PLANNED,
        detail="exit 0",
    )
    async with store.write() as tx:
        await tx.insert_runs([run_of("@1"), run_of("@2")])
        run = await tx.run_of(booked.id, "@1")
        begun = part(1)
        await tx.put_part(run.id, replace(full, end=None))
        await tx.put_part(run.id, begun)
        await tx.put_part(run.id, full)
        assert (await tx.run(run.id)).parts == (begun, full)
        assert await tx.move_run(replace(run, status=Status.STARTING), Status.PENDING)
    async with store.read() as reader:
        whole = replace(run, status=Status.STARTING, parts=(begun, full))
        second, first = await reader.runs()
        assert (first, second.parts) == (whole, ())
        assert await reader.unfinished_runs() == (whole, second)


async def test_a_part_needs_a_run_and_a_token_of_its_own(store, booked, run_of, part):
    """A token names one part for ever, and there is no part of nothing."""
    first = part(1)
    async with store.write() as tx:
        await tx.insert_runs([run_of()])
        run = await tx.run_of(booked.id, run_of().slot)
        await tx.put_part(run.id, first)
    for run_id, refused in ((run.id, replace(first, number=2)), (4711, part(1))):
        with pytest.raises(StoreError):
            async with store.write() as tx:
                await tx.put_part(run_id, refused)


async def test_recent_parts_are_the_newest_that_saw_data(store, booked, run_of, part):
    """What a device's start-up time is learnt from: its own last starts that worked."""
    async with store.write() as tx:
        for hour in range(4):
            target = "rooms.lab" if hour == 2 else "rooms.aula"
            slot = f"@{hour}"
            await tx.insert_runs([run_of(slot, planned=hours(hour, hour + 1), target=target)])
            run = await tx.run_of(booked.id, slot)
            await tx.put_part(run.id, part(1, first_data_at=NOON, detail=f"{hour}.1"))
            await tx.put_part(run.id, part(2, detail=f"{hour}.2"))
            await tx.put_part(run.id, part(3, first_data_at=NOON, detail=f"{hour}.3"))
    async with store.read() as reader:
        found = [part.detail for part in await reader.recent_parts("rooms.aula", 5)]
        assert found == ["3.3", "3.1", "1.3", "1.1", "0.3"]
        assert await reader.recent_parts("rooms.none", 5) == ()


async def test_the_watermark_moves_only_from_where_it_stands(store, other):
    """Of two that move the watermark one loses, and it stays where the other put it."""
    async with store.write() as tx:
        assert await tx.watermark() is None
        assert not await tx.move_watermark(NOON, NOON + HOUR)
        assert await tx.move_watermark(None, NOON)
    async with other.write() as tx:
        assert not await tx.move_watermark(None, NOON + HOUR)
        assert await tx.watermark() == NOON
        assert await tx.move_watermark(NOON, NOON + HOUR)
    async with store.read() as reader:
        assert await reader.watermark() == NOON + HOUR


async def test_old_finished_runs_are_forgotten(store, booked, run_of, part):
    """What is past its keeping time goes, parts and all; what has no outcome stays."""
    async with store.write() as tx:
        for hour in range(3):
            await tx.insert_runs([run_of(f"@{hour}", planned=hours(hour, hour + 1))])
        for hour in range(2):
            run = await tx.run_of(booked.id, f"@{hour}")
            await tx.put_part(run.id, part(1, first_data_at=NOON))
            if hour == 0:
                final = replace(run, status=Status.FINISHED, outcome=Outcome.RECORDED)
                await tx.move_run(final, Status.PENDING)
    async with store.write() as tx:
        assert await tx.forget_runs(NOON + 10 * HOUR) == 1
        assert await tx.forget_runs(NOON + 10 * HOUR) == 0
    async with store.read() as reader:
        assert [run.slot for run in await reader.runs()] == ["@2", "@1"]
        assert await reader.run_of(booked.id, "@0") is None


async def test_recordings_are_listed_oldest_first_until_their_files_are_gone(
    store, booked, run_of, part
):
    """What retention may remove: files of finished runs that are still there, page by page."""
    slots = ["@3", "@1", "@2", "@0"]
    async with store.write() as tx:
        for slot in slots:
            hour = int(slot[1:])
            await tx.insert_runs([run_of(slot, planned=hours(hour, hour + 1))])
            run = await tx.run_of(booked.id, slot)
            await tx.put_part(run.id, part(1, files=() if hour == 0 else (f"/r/{hour}", "/r/b")))
            if hour < 3:
                final = replace(run, status=Status.FINISHED, outcome=Outcome.RECORDED)
                await tx.move_run(final, Status.PENDING)

    async def listed(**wanted):
        async with store.read() as reader:
            return [
                run.slot
                for run in await reader.recordings(
                    **{"before": NOON + 9 * HOUR, "limit": 9, **wanted}
                )
            ]

    assert await listed() == ["@1", "@2"]
    assert await listed(limit=1) == ["@1"]
    async with store.read() as reader:
        first = await reader.run_of(booked.id, "@1")
    assert await listed(after=(first.planned.stop, first.id)) == ["@2"]
    assert await listed(before=NOON + 3 * HOUR) == ["@1"]
    assert await listed(targets=[booked.target]) == ["@1", "@2"]
    assert await listed(targets=["rooms.other"]) == []
    gone = RemovedFile("/r/1", NOON, RemovedBecause.AGE)
    also = RemovedFile("/r/b", NOON + HOUR, RemovedBecause.GONE)
    async with store.write() as tx:
        for each in (gone, gone):
            await tx.note_removed(first.id, 1, each)
    assert await listed() == ["@1", "@2"]
    async with store.write() as tx:
        await tx.note_removed(first.id, 1, also)
        await tx.put_part(first.id, first.parts[0])
    assert await listed() == ["@2"]
    async with store.read() as reader:
        (seen,) = (await reader.run(first.id)).parts
    assert seen == replace(first.parts[0], removed=(gone, also))
