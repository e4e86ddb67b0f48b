"""What the configuration makes of the targets in the database, and what planners are given."""

from dataclasses import replace

import pytest

from tallyd.catalogue import (
    add_missing_targets,
    load_all_wishes,
    load_wishes,
    sync_targets,
    with_changes,
)
from tallyd.config import ConfigError
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Override, Run, Target
from tallyd.domain.planner import Wishes

NEW = Target("rooms.new", "New", 0, "", "UTC")


async def targets(desk) -> dict[str, Target]:
    """Give the targets by key."""
    return {target.key: target for target in await desk.reports.targets()}


async def configured(desk, *changes: Target) -> tuple[Target, ...]:
    """Let the configuration have exactly these targets; gives those that are gone."""
    async with desk.store.write() as tx:
        return await sync_targets(tx, changes)


async def test_a_target_that_leaves_and_returns_is_the_same_one(desk):
    """A key gone from the configuration keeps its row and ids, and is known again with it."""
    before = await targets(desk)
    gone = await configured(desk, replace(NEW, key="rooms.aula", name="Great Hall"))
    assert [target.key for target in gone] == ["rooms.attic", "rooms.lab"]
    after = await targets(desk)
    assert [after[key].known for key in ("rooms.aula", "rooms.lab")] == [True, False]
    aula = before["rooms.aula"]
    assert after["rooms.aula"] == replace(aula, name="Great Hall", zone="UTC")
    await configured(desk, replace(before["rooms.lab"], public_id=0, uid=""))
    assert (await targets(desk))["rooms.lab"] == before["rooms.lab"]


async def test_a_lock_outlives_a_change_of_the_configuration(desk):
    """What an operator locked stays locked, whatever the file says of the room."""
    async with desk.store.write() as tx:
        (aula,) = [target for target in await tx.targets() if target.key == "rooms.aula"]
        await tx.change_target(replace(aula, locked_since=desk.at(0)))
    await configured(desk, replace(NEW, key="rooms.aula"))
    assert (await targets(desk))["rooms.aula"].locked_since == desk.at(0)


async def test_nothing_new_in_the_configuration_is_no_change(desk):
    """A second look at the same file wakes nobody: the revision stands."""
    await configured(desk, NEW)
    before = (await targets(desk))["rooms.new"]
    async with desk.store.read() as reader:
        revision = await reader.revision()
    await configured(desk, NEW)
    async with desk.store.read() as reader:
        assert await reader.revision() == revision
    assert (await targets(desk))["rooms.new"] == before
    assert len(before.uid) == 32


async def test_an_id_follows_a_room_to_its_new_name(desk):
    """The `id` of a room that is gone, under a new key, renames it: its schedules come along."""
    made = (await desk.book(desk.draft(60, 120))).after
    aula = (await targets(desk))["rooms.aula"]
    await configured(desk, replace(NEW, public_id=aula.public_id))
    found = await targets(desk)
    assert "rooms.aula" not in found
    assert (found["rooms.new"].uid, found["rooms.new"].name) == (aula.uid, "New")
    assert (await desk.reports.prospect(made.id)).schedule.target == "rooms.new"


async def test_an_id_may_be_given_to_a_room_later(desk):
    """A room without an `id` of its own takes the one that the file then gives it."""
    await configured(desk, replace(NEW, key="rooms.aula", public_id=77))
    assert (await targets(desk))["rooms.aula"].public_id == 77


@pytest.mark.parametrize("key", ["rooms.new", "rooms.lab"])
async def test_an_id_belongs_to_one_room(desk, key):
    """Two rooms that are both there cannot have one `id`: nothing is changed."""
    before = await targets(desk)
    aula = before["rooms.aula"]
    kept = replace(aula, public_id=0)
    with pytest.raises(ConfigError, match=r"belongs to rooms\.aula"):
        await configured(desk, kept, replace(NEW, key=key, public_id=aula.public_id))
    assert await targets(desk) == before


async def test_the_command_line_adds_only_what_is_missing(desk):
    """A booking before the first run may need a room: it is added, others stay as they are."""
    before = await targets(desk)
    taken = replace(NEW, key="rooms.renamed", public_id=before["rooms.aula"].public_id)
    async with desk.store.write() as tx:
        await add_missing_targets(tx, [replace(NEW, key="rooms.aula", name="x"), NEW, taken])
    after = await targets(desk)
    assert after.keys() - before.keys() == {"rooms.new"}
    assert {key: after[key] for key in before} == before


async def test_a_change_is_seen_before_it_is_stored_as_after_it(desk):
    """What a booking is judged by is what the daemon will find: nothing is missed or made up."""
    first = (await desk.book(desk.draft(5, 60))).after
    second = (await desk.book(desk.draft(70, 90))).after
    away = (await desk.book(desk.draft(5, 60, target="rooms.lab"))).after
    keys = ("rooms.aula", "rooms.lab", "rooms.attic")
    async with desk.store.write() as tx:
        for schedule in (first, second, away):
            await tx.put_override(Override(schedule.id, "@1", excluded=True))
    async with desk.store.write() as tx:
        before = [await load_wishes(tx, key, desk.at(0)) for key in keys]
        await tx.change_schedule(replace(away, target="rooms.aula", ended=desk.at(9)))
        await tx.change_schedule(replace(second, target="rooms.attic"))
        await tx.add_schedule(replace(first, uid="new"))
        await tx.put_override(Override(first.id, "@2", paused=True))
        await tx.drop_overrides(second.id)
        await tx.add_exception_day(desk.at(0).date(), "Fair", None)
        await tx.change_target(replace(before[1].target, locked_since=desk.at(1)))
        changes = await tx.changed()
    async with desk.store.read() as reader:
        after = [await load_wishes(reader, key, desk.at(0)) for key in keys]
    seen = [with_changes(wishes, changes) for wishes in before]
    assert [_told(wishes) for wishes in seen] == [_told(wishes) for wishes in after]
    assert [len(wishes.schedules) for wishes in after] == [3, 0, 1]


def _told(wishes: Wishes) -> Wishes:
    """Give wishes without the overrides of schedules that are not among them."""
    own = {schedule.id for schedule in wishes.schedules}
    return replace(wishes, overrides={i: o for i, o in wishes.overrides.items() if i in own})


async def test_planners_are_given_what_belongs_to_their_target(desk):
    """Schedules, overrides and runs come with the target that they are for; days with each."""
    for target in ("rooms.aula", "rooms.lab"):
        made = (await desk.book(desk.draft(5, 60, target=target))).after
        async with desk.store.write() as tx:
            await tx.put_override(Override(made.id, "@1", excluded=True))
            await tx.add_exception_day(desk.at(0).date(), "Fair", target)
            await tx.insert_runs([Run(0, target, "Talk", desk.span(0, 1), made.id, "@2")])
    async with desk.store.read() as reader:
        runs = await reader.runs()
        every = await load_all_wishes(reader, runs)
        aula = await load_wishes(reader, "rooms.aula", desk.at(0))
        with pytest.raises(NotFound):
            await load_wishes(reader, "rooms.nowhere", desk.at(0))
    attic, also_aula, lab = every
    assert (attic.schedules, attic.runs) == ((), ())
    for wishes, number in ((aula, 1), (also_aula, 1), (lab, 2)):
        assert [schedule.id for schedule in wishes.schedules] == [number]
        assert wishes.overrides[number] == (Override(number, "@1", excluded=True),)
        assert {run.target for run in wishes.runs} == {wishes.target.key}
        assert len(wishes.runs) == len(wishes.exception_days) == 2
