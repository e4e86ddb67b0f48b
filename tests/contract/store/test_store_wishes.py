"""What every store promises about wishes: targets, schedules, overrides, exception days."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tallyd.domain.model import (
    Content,
    ContentKind,
    DstGap,
    DstOverlap,
    Frequency,
    InstantStart,
    Metadata,
    Outcome,
    Override,
    Recurrence,
    Status,
    Target,
    WallStart,
)
from tallyd.domain.planner import Wishes
from tallyd.domain.window import Window
from tallyd.ports.store import Changes, StoreError

AT = datetime(2027, 3, 14, 9, 30, 0, 250_000, tzinfo=UTC)

RICH = [
    {"start": InstantStart(AT), "duration": timedelta(milliseconds=1), "ended": AT},
    {"start": InstantStart(AT), "manual": True, "ended": AT},
    {
        "start": WallStart(datetime(2026, 12, 1, 9, 0), "Europe/Vienna"),  # noqa: DTZ001 - a wall
        "recurrence": Recurrence(Frequency.WEEKLY, 2, frozenset({1, 7}), count=10),
        "dst_gap": DstGap.SKIP,
        "dst_overlap": DstOverlap.SECOND,
        "priority": -100,
    },
    {
        "start": WallStart(datetime(2026, 1, 31, 23, 59, 59), "Asia/Kathmandu"),  # noqa: DTZ001
        "recurrence": Recurrence(Frequency.MONTHLY, last_day=True, until=date(2030, 2, 28)),
        "duration": timedelta(days=31),
        "priority": 100,
    },
    {
        "target": "rooms.lab",
        "name": "Vorlesung „Öl & Gas“\u2028; DROP TABLE runs",
        "content": Content(ContentKind.AD, "x", "o", timedelta(seconds=5), (90, 0, 1.5)),
        "metadata": Metadata(
            description="",
            origin="uplynk",
            author="a",
            owner="b",
            external_id="ext-1",
            template={"kürs": "101", "": ""},
            shared_users=(3, 1),
            shared_groups=(2,),
            batch="batch-9",
        ),
    },
    {"content": Content(ContentKind.LIVE), "recurrence": Recurrence(Frequency.DAILY)},
]


@pytest.mark.parametrize("fields", RICH)
async def test_a_schedule_comes_back_as_it_was_stored(store, wish, fields):
    """Whatever a schedule carries is there again when it is read, booked or changed."""
    async with store.write() as tx:
        added = await tx.add_schedule(wish(**fields))
        plain = await tx.add_schedule(wish())
        changed = wish(**fields, id=plain.id)
        await tx.change_schedule(changed)
    async with store.read() as reader:
        assert await reader.schedules() == (added, changed)
        assert await reader.schedule(added.id) == added


async def test_ids_count_up_in_the_order_of_booking(store, wish):
    """An older schedule has the smaller id, and what the caller put there does not matter."""
    async with store.write() as tx:
        ids = [(await tx.add_schedule(wish(id=99))).id for _ in range(3)]
    assert ids == sorted(set(ids))
    assert 99 not in ids


async def test_one_target_is_found_by_its_key(store):
    """A room is found alone as among all, and a key that nobody has gives none."""
    async with store.write() as tx:
        await tx.change_target(replace(await tx.target("rooms.lab"), known=False))
        assert (await tx.target("rooms.aula"), await tx.target("rooms.lab")) == await tx.targets()
        assert await tx.target("rooms.none") is None


async def test_the_wishes_of_a_target_come_whole(store, booked, wish, run_of, part):
    """All that decides who holds a room is there at one question, and nothing of another room."""
    hour = timedelta(hours=1)
    over = {"status": Status.FINISHED, "outcome": Outcome.MISSED}
    async with store.write() as tx:
        lecture = await tx.add_schedule(wish(ended=AT))
        away = await tx.add_schedule(wish(target="rooms.lab"))
        seminar = await tx.add_schedule(wish())
        said = [Override(seminar.id, "@1", paused=True), Override(seminar.id, "@2", excluded=True)]
        for override in (*said, Override(away.id, "@1", paused=True)):
            await tx.put_override(override)
        days = [await tx.add_exception_day(AT.date(), "Fair", key) for key in (None, "rooms.lab")]
        for slot, stop, changes in [
            ("open", AT - hour, {}),
            ("over", AT, over),
            ("lately", AT + hour, over),
            ("elsewhere", AT + hour, {"target": "rooms.lab"}),
        ]:
            await tx.insert_runs([run_of(slot, planned=Window(AT - 2 * hour, stop), **changes)])
        for run in await tx.unfinished_runs():
            for number in (1, 2):
                await tx.put_part(run.id, part(number))
        runs = [await tx.run_of(booked.id, slot) for slot in ("open", "lately")]
    async with store.read() as reader:
        aula = await reader.wishes_of("rooms.aula", AT)
        target = await reader.target("rooms.aula")
        assert await reader.wishes_of("rooms.none", AT) is None
    schedules = (booked, lecture, seminar)
    overrides = {seminar.id: tuple(said)}
    assert aula == Wishes(target, schedules, overrides, tuple(days), tuple(runs))


async def test_schedules_are_found_by_target_also_when_ended(store, wish):
    """The schedules of a room are those of that room alone, the removed ones included."""
    async with store.write() as tx:
        here = await tx.add_schedule(wish(ended=AT))
        there = await tx.add_schedule(wish(target="rooms.lab"))
    async with store.read() as reader:
        assert await reader.schedules("rooms.aula") == (here,)
        assert await reader.schedules("rooms.lab") == (there,)
        assert await reader.schedules("rooms.none") == ()


@pytest.mark.parametrize("schedule_id", [0, -1, 4711, 10**30])
async def test_a_schedule_that_is_not_there_is_none(store, schedule_id):
    """Asking for an id that nobody has gives nothing, however absurd the number."""
    async with store.read() as reader:
        assert await reader.schedule(schedule_id) is None
        assert await reader.overrides([schedule_id]) == ()


async def test_nothing_is_kept_of_what_has_nothing_to_hang_on(store, booked, wish):
    """A schedule of no target, or the change of no schedule, is refused and leaves no trace."""
    refused = [
        lambda tx: tx.add_schedule(wish(target="rooms.none")),
        lambda tx: tx.change_schedule(wish(id=4711)),
        lambda tx: tx.change_schedule(replace(booked, target="rooms.none")),
        lambda tx: tx.put_override(Override(4711, "x", excluded=True)),
        lambda tx: tx.add_exception_day(date(2026, 12, 25), "Christmas", "rooms.none"),
        lambda tx: tx.change_target(Target("rooms.none", "N", 0, "c" * 32, "UTC")),
        lambda tx: tx.add_target(Target("rooms.aula", "A", 0, "c" * 32, "UTC")),
        lambda tx: tx.add_target(Target("rooms.new", "A", 1, "c" * 32, "UTC")),
        lambda tx: tx.add_target(Target("rooms.new", "A", 0, "a" * 32, "UTC")),
    ]
    async with store.read() as reader:
        before = await reader.changes_since(-1)
    for refuse in refused:
        with pytest.raises(StoreError):
            async with store.write() as tx:
                await refuse(tx)
    async with store.read() as reader:
        assert await reader.changes_since(-1) == before


async def test_public_ids_are_never_given_twice(empty):
    """A target without a number gets the next one that no target ever had."""
    numbers = []
    async with empty.write() as tx:
        for index, wanted in enumerate([0, 7, 3, 0]):
            target = Target(f"rooms.r{index}", "R", wanted, f"{index:032x}", "UTC")
            numbers.append((await tx.add_target(target)).public_id)
    assert numbers == [1, 7, 3, 8]


async def test_a_target_changes_all_but_its_identity(store):
    """What the configuration says of a room is taken over; its numbers stay."""
    changed = Target("rooms.lab", "Labor", 99, "f" * 32, "Asia/Tokyo", 4, timedelta(0), False, AT)  # noqa: FBT003
    async with store.write() as tx:
        await tx.change_target(changed)
    async with store.read() as reader:
        aula, lab = await reader.targets()
    assert aula.key == "rooms.aula"
    assert lab == replace(changed, public_id=2, uid="b" * 32)


async def test_overrides_are_kept_by_occurrence(store, booked):
    """The last word on an occurrence counts, and forgetting takes all words on the schedule."""
    first = Override(booked.id, "@2", excluded=True)
    second = Override(booked.id, "@1", stop=AT, paused=True)
    async with store.write() as tx:
        await tx.put_override(Override(booked.id, "@2", paused=True))
        await tx.put_override(first)
        await tx.put_override(second)
    async with store.write() as tx:
        assert await tx.overrides() == (second, first)
        assert await tx.overrides([booked.id, 4711]) == (second, first)
        assert await tx.overrides([]) == ()
        await tx.drop_overrides(booked.id)
        assert await tx.overrides() == ()


async def test_an_exception_day_is_there_once(store):
    """The same day for the same target is one row, under the name that it was given first."""
    christmas = date(2026, 12, 25)
    async with store.write() as tx:
        lab = await tx.add_exception_day(christmas, "Lab closed", "rooms.lab")
        everywhere = await tx.add_exception_day(christmas, "Christmas", None)
        eve = await tx.add_exception_day(date(2026, 12, 24), "Eve", None)
        assert await tx.add_exception_day(christmas, "Xmas", None) == everywhere
        assert await tx.exception_days() == (eve, lab, everywhere)


@pytest.mark.parametrize("day_id", [0, 4711, 10**30])
async def test_removing_a_day_that_is_not_there_says_so(store, day_id):
    """Only a day that was there can be removed, and only once."""
    async with store.write() as tx:
        there = await tx.add_exception_day(date(2026, 12, 25), "Christmas", None)
        assert await tx.remove_exception_day(day_id) is False
        assert await tx.remove_exception_day(there.id) is True
        assert await tx.remove_exception_day(there.id) is False


async def test_a_transaction_raises_the_revision_once(store, wish):
    """Many changes that become visible together are one revision, and none is none."""
    async with store.write() as tx:
        before = await tx.revision()
        added = await tx.add_schedule(wish())
        await tx.put_override(Override(added.id, "@1", excluded=True))
        await tx.add_exception_day(date(2026, 12, 25), "Christmas", None)
        assert await tx.revision() == before + 1
    async with store.write() as tx:
        await tx.drop_overrides(4711)
        await tx.remove_exception_day(4711)
        await tx.add_exception_day(date(2026, 12, 25), "Christmas", None)
    async with store.read() as reader:
        assert await reader.revision() == before + 1


async def test_the_ledger_leaves_the_revision_alone(store, booked, run_of, part):
    """A run that starts is no change of wishes: nobody has to plan anew."""
    async with store.read() as reader:
        before = await reader.revision()
    async with store.write() as tx:
        await tx.insert_runs([run_of()])
        run = await tx.run_of(booked.id, run_of().slot)
        await tx.move_run(run, run.status)
        await tx.put_part(run.id, part())
        await tx.move_watermark(None, AT)
    async with store.read() as reader:
        assert await reader.changes_since(before) == Changes(before, (), (), None, None)


async def test_only_what_changed_is_told(store, wish, booked):
    """A reader that knows a revision gets whole schedules that changed since, and no others."""
    async with store.write() as tx:
        await tx.put_override(Override(booked.id, "@1", excluded=True))
        untouched = await tx.add_schedule(wish())
        known = await tx.revision()
    async with store.write() as tx:
        await tx.put_override(Override(booked.id, "@2", paused=True))
        revision = await tx.revision()
    async with store.read() as reader:
        changes = await reader.changes_since(known)
        everything = await reader.changes_since(-1)
    both = (Override(booked.id, "@1", excluded=True), Override(booked.id, "@2", paused=True))
    assert changes == Changes(revision, (booked,), both, None, None)
    assert everything.schedules == (booked, untouched)
    assert everything.overrides == both


async def test_a_transaction_tells_what_it_has_changed(store, wish, booked):
    """Who decides on a change sees it as others will, and nothing that was there before it."""
    async with store.write() as tx:
        before = await tx.revision()
        assert await tx.changed() == Changes(before, (), (), None, None)
        day = await tx.add_exception_day(date(2026, 12, 25), "Christmas", None)
        assert await tx.changed() == Changes(before + 1, (), (), (day,), None)
        added = await tx.add_schedule(wish(target="rooms.lab"))
        moved = replace(booked, target="rooms.lab")
        await tx.change_schedule(moved)
        await tx.put_override(Override(moved.id, "@1", paused=True))
        await tx.change_target(replace(await tx.target("rooms.lab"), locked_since=AT))
        changed = await tx.changed()
        everything = await tx.targets()
    said = (Override(moved.id, "@1", paused=True),)
    assert changed == Changes(before + 1, (moved, added), said, (day,), everything)
    async with store.read() as reader:
        assert await reader.changes_since(before) == changed


async def test_days_and_targets_are_told_when_they_changed(store):
    """A changed exception day brings all of them, and so does a changed target."""
    async with store.write() as tx:
        known = await tx.revision()
    async with store.write() as tx:
        day = await tx.add_exception_day(date(2026, 12, 25), "Christmas", None)
    async with store.read() as reader:
        changes = await reader.changes_since(known)
        aula, lab = await reader.targets()
    assert (changes.exception_days, changes.targets) == ((day,), None)
    async with store.write() as tx:
        await tx.remove_exception_day(day.id)
        await tx.change_target(replace(lab, locked_since=AT))
    async with store.read() as reader:
        changes = await reader.changes_since(changes.revision)
    assert changes.exception_days == ()
    assert changes.targets == (aula, replace(lab, locked_since=AT))


async def test_dropping_overrides_is_a_change_of_the_schedule(store, booked):
    """A schedule whose exclusions are lifted is told again, without them."""
    async with store.write() as tx:
        await tx.put_override(Override(booked.id, "@1", excluded=True))
        known = await tx.revision()
    async with store.write() as tx:
        await tx.drop_overrides(booked.id)
    async with store.read() as reader:
        changes = await reader.changes_since(known)
    assert (changes.schedules, changes.overrides) == ((booked,), ())


async def test_a_new_database_tells_everything_it_has(empty):
    """Whoever knows nothing yet is told everything, also where there is nothing."""
    async with empty.read() as reader:
        assert await reader.changes_since(-1) == Changes(0, (), (), (), (), ())
        assert await reader.changes_since(0) == Changes(0, (), (), None, None)


async def test_a_renamed_target_keeps_what_is_booked_on_it(store, booked):
    """Schedules, days and ids follow a target to its new key, and the engine is told of them."""
    async with store.write() as tx:
        before = {target.key: target for target in await tx.targets()}[booked.target]
        await tx.add_exception_day(date(2026, 12, 24), "closed", booked.target)
        revision = await tx.revision()
    async with store.write() as tx:
        await tx.rename_target(booked.target, "rooms.renamed")
    async with store.read() as reader:
        after = {target.key: target for target in await reader.targets()}["rooms.renamed"]
        assert (after.public_id, after.uid) == (before.public_id, before.uid)
        assert [s.id for s in await reader.schedules("rooms.renamed")] == [booked.id]
        assert [day.target for day in await reader.exception_days()] == ["rooms.renamed"]
        assert [s.id for s in (await reader.changes_since(revision)).schedules] == [booked.id]


async def test_a_renumbered_target_takes_its_number_for_good(store, booked):
    """A public id that is configured is used, and not given to another target later."""
    async with store.write() as tx:
        await tx.renumber_target(booked.target, 70)
    async with store.write() as tx:
        added = await tx.add_target(
            Target(key="rooms.next", name="next", public_id=0, uid="f" * 32, zone="UTC")
        )
    assert added.public_id == 71
    with pytest.raises(StoreError):
        async with store.write() as tx:
            await tx.renumber_target("rooms.next", 70)
