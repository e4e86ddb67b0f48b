"""What every store promises about lists: so many schedules at a time, or those of some ids."""

from datetime import UTC, datetime


async def test_a_target_is_read_a_stretch_at_a_time(store, wish):
    """Whoever asks on from the last id sees every schedule of the target that stands, once."""
    async with store.write() as tx:
        ended = datetime(2027, 1, 1, tzinfo=UTC)
        for number in range(7):
            await tx.add_schedule(wish(name=f"{number}"))
            await tx.add_schedule(wish(target="rooms.lab"))
            await tx.add_schedule(wish(ended=ended))
    seen, after = [], 0
    async with store.read() as reader:
        while found := await reader.standing_schedules("rooms.aula", after=after, limit=3):
            assert len(found) <= 3
            seen += [schedule.name for schedule in found]
            after = found[-1].id
    assert seen == [f"{number}" for number in range(7)]


async def test_schedules_of_some_ids(store, wish):
    """Those that there are come in order of id, ended or not; others are left out."""
    async with store.write() as tx:
        made = [await tx.add_schedule(wish()) for _ in range(4)]
    async with store.read() as reader:
        found = await reader.schedules_of([made[3].id, 4711, made[1].id])
        assert found == (made[1], made[3])
        assert await reader.schedules_of(()) == ()
