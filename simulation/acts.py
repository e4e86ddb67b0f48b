"""Does what a script asks for, through the same bookings as people, and notes what was promised."""

from datetime import timedelta
from typing import TYPE_CHECKING

import anyio

from simulation.device import Device, Faults
from simulation.history import Hold, Wish
from simulation.operator import Act, Step, between, draft, edited
from tallyd.bookings import Policy
from tallyd.domain.errors import InvalidBooking, NotFound, Refused
from tallyd.domain.manual import ManualRecording
from tallyd.domain.model import Run, Schedule
from tallyd.domain.recurrence import local_date
from tallyd.ports.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from simulation.world import World

LONGEST_BY_HAND = timedelta(hours=4)
_LONGEST_FAULT_S = 6 * 3_600.0
_LONGEST_DOWN_S = 86_400.0
_LONGEST_HOLD_S = 4 * 3_600.0
_ASKED_AGAIN_AFTER_S = 60.0
_FOR_ALL_UP_TO = 0.2


class Operator:
    """Performs steps on a world, one after another; faults pass by themselves."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._named = 0
        self._turn = anyio.Lock()
        self._acts: dict[Act, Callable[[Step], Awaitable[None]]] = {
            Act.BOOK: self._book,
            Act.BOOK_NOW: self._book,
            Act.RECORD_NOW: self._record_now,
            Act.EDIT: self._edit,
            Act.REMOVE: self._remove,
            Act.REMOVE_AND_STOP: self._remove,
            Act.SKIP: self._skip,
            Act.STOP_RUN: self._stop_run,
            Act.EXTEND_RUN: self._extend_run,
            Act.PAUSE_RUN: self._pause_run,
            Act.LOCK: self._lock,
            Act.ADD_EXCEPTION: self._add_exception,
            Act.REMOVE_EXCEPTION: self._remove_exception,
            Act.STEP_CLOCK: self._step_clock,
            Act.RELOAD: self._reload,
            Act.TAKE_AWAY: self._take_away,
        }

    async def perform(self, step: Step) -> None:
        """Do one step; what is refused is noted and changes nothing."""
        world = self._world
        if step.act not in self._acts:
            world.later(self._trouble, step)
            return
        async with self._turn:
            try:
                await self._acts[step.act](step)
            except (InvalidBooking, NotFound, Refused, StoreError) as error:
                world.note(f"{step.act} refused: {type(error).__name__}")

    async def remove_all(self) -> None:
        """Remove every schedule that stands."""
        for schedule in self._standing():
            await self._world.bookings.remove(schedule.id)
            await self._promise(schedule.id, "remove")

    # wishes

    async def _book(self, step: Step) -> None:
        self._named += 1
        world = self._world
        name, target = f"wish {self._named}", self._device(step).target
        _, policy = draft(step, name, target, world.clock.now())
        change = await world.bookings.add(lambda now: draft(step, name, target, now)[0], policy)
        await self._promise(change.after.id, step.act, change.after)

    async def _record_now(self, step: Step) -> None:
        self._named += 1
        length = between(5, 2 * 3_600, step.size) if step.pick % 2 else None
        wanted = ManualRecording(self._device(step).target, f"by hand {self._named}", length)
        run = await self._world.bookings.start_recording(wanted, LONGEST_BY_HAND)
        await self._promise(run.schedule_id, step.act)

    async def _edit(self, step: Step) -> None:
        if (schedule := self._picked(step)) is None:
            return
        policy = Policy.FORCE if step.room % 3 == 0 else Policy.REPORT
        change = await self._world.bookings.edit(
            schedule.id, lambda before: edited(before, step), policy
        )
        await self._promise(schedule.id, step.act, change.after)

    async def _remove(self, step: Step) -> None:
        if (schedule := self._picked(step)) is None:
            return
        bookings = self._world.bookings
        stop = step.act is Act.REMOVE_AND_STOP
        change = await (bookings.remove_and_stop if stop else bookings.remove)(schedule.id)
        await self._promise(schedule.id, step.act, change.after)

    async def _skip(self, step: Step) -> None:
        if (schedule := self._picked(step)) is None:
            return
        skipped = await self._world.bookings.skip(schedule.id, "next")
        wish = await self._promise(schedule.id, step.act)
        if not any(o.slot == skipped.slot and o.excluded for o in wish.overrides):
            self._world.history.broken.append(f"(a) the skip of {skipped} was not stored")

    async def _stop_run(self, step: Step) -> None:
        if (run := await self._picked_run(step)) is None:
            return
        await self._world.bookings.stop_run(run.id)
        await self._promise(run.schedule_id, step.act)

    async def _extend_run(self, step: Step) -> None:
        if (run := await self._picked_run(step)) is None:
            return
        policy = Policy.FORCE if step.room % 4 == 0 else Policy.REJECT
        longer = await self._world.bookings.extend_run(run.id, between(5, 3_600, step.size), policy)
        wish = await self._promise(run.schedule_id, step.act)
        if not any(o.slot == run.slot and o.stop == longer.stop for o in wish.overrides):
            self._world.history.broken.append(f"(a) the longer {longer} was not stored")

    async def _pause_run(self, step: Step) -> None:
        if (run := await self._picked_run(step)) is None:
            return
        await self._world.bookings.pause_run(run.id)
        await self._promise(run.schedule_id, step.act)
        self._world.later(self._after, step, lambda: self._resume(run))

    async def _resume(self, run: Run) -> None:
        await self._world.bookings.resume_run(run.id)
        await self._promise(run.schedule_id, "resume_run")

    async def _lock(self, step: Step) -> None:
        world = self._world
        target = self._device(step).target
        if any(lock.target == target and lock.to_s is None for lock in world.history.locks):
            return
        policy = Policy.FORCE if step.pick % 3 == 0 else Policy.REPORT
        await world.bookings.lock_target(target, policy)
        world.note(f"{step.act}: {target}")
        lock = Hold(target, world.clock.monotonic())
        world.history.locks.append(lock)
        world.later(self._after, step, lambda: self._unlock(lock))

    async def _unlock(self, lock: Hold) -> None:
        await self._world.bookings.unlock_target(lock.target)
        self._world.note(f"unlock: {lock.target}")
        lock.to_s = self._world.clock.monotonic()

    async def _after(self, step: Step, undo: "Callable[[], Awaitable[None]]") -> None:
        """Take something back after a while; a disk that refuses is asked again."""
        with self._world.passing():
            await self._world.clock.sleep(between(5, _LONGEST_HOLD_S, step.size).total_seconds())
            while True:
                async with self._turn:
                    try:
                        return await undo()
                    except StoreError:
                        pass
                    except (NotFound, Refused) as error:
                        return self._world.note(f"end of {step.act} refused: {error}")
                await self._world.clock.sleep(_ASKED_AGAIN_AFTER_S)

    async def _reload(self, step: Step) -> None:
        await self._world.reload(self._at_work(step))

    async def _take_away(self, step: Step) -> None:
        world = self._world
        device = self._at_work(step)
        if await world.take_away(device):
            world.later(self._after, step, lambda: world.put_back(device))

    def _at_work(self, step: Step) -> Device:
        """Give a device that records where there is one: what happens then is of interest."""
        devices = self._world.devices
        chosen = [device for device in devices if device.running()] or devices
        return chosen[step.pick % len(chosen)]

    async def _add_exception(self, step: Step) -> None:
        device = self._device(step)
        ahead = timedelta(days=step.pick % 4)
        zone = self._world.history.targets[device.target].zone
        day = local_date(self._world.clock.now() + ahead, zone)
        await self._world.bookings.add_exception_day(
            day, "a day off", device.target if step.size > _FOR_ALL_UP_TO else None
        )
        await self._promise_days(step.act)

    async def _remove_exception(self, step: Step) -> None:
        days = self._world.history.days[-1][1] if self._world.history.days else ()
        if days:
            await self._world.bookings.remove_exception_day(days[step.pick % len(days)].id)
            await self._promise_days(step.act)

    async def _promise(self, schedule_id: int, what: str, schedule: Schedule | None = None) -> Wish:
        """Note a schedule as it was acknowledged; its overrides are read back."""
        async with self._world.store.read() as reader:
            overrides = await reader.overrides({schedule_id})
            stored = await reader.schedule(schedule_id)
        assert stored is not None  # noqa: S101 - schedules are never deleted
        wish = Wish(self._world.clock.monotonic(), schedule or stored, overrides)
        self._world.history.wishes.setdefault(schedule_id, []).append(wish)
        self._world.note(f"{what}: {_spell(wish)}")
        return wish

    async def _promise_days(self, what: str) -> None:
        async with self._world.store.read() as reader:
            days = await reader.exception_days()
        self._world.history.days.append((self._world.clock.monotonic(), days))
        self._world.note(f"{what}: {[(str(day.day), day.target) for day in days]}")

    def _standing(self) -> list[Schedule]:
        newest = (wishes[-1].schedule for wishes in self._world.history.wishes.values())
        return [schedule for schedule in newest if schedule.ended is None]

    def _picked(self, step: Step) -> Schedule | None:
        standing = self._standing()
        return standing[step.pick % len(standing)] if standing else None

    async def _picked_run(self, step: Step) -> Run | None:
        now = self._world.clock.now()
        async with self._world.store.read() as reader:
            begun = [run for run in await reader.unfinished_runs() if run.planned.start <= now]
        return begun[step.pick % len(begun)] if begun else None

    # troubles

    def _device(self, step: Step) -> Device:
        return self._world.devices[step.room % len(self._world.devices)]

    async def _step_clock(self, step: Step) -> None:
        by = between(1, 600, step.size)
        self._world.step_clock(by if step.pick % 2 else -by)

    async def _trouble(self, step: Step) -> None:
        world = self._world
        match step.act:
            case Act.RESTART:
                await world.end(_down_s(step))
            case Act.KILL:
                await world.kill(_down_s(step))
            case Act.REFUSE_WRITES:
                with world.trouble(step.act):
                    world.store.refuses = True
                    await world.clock.sleep(between(1, 900, step.size).total_seconds())
                    world.store.refuses = False
            case _:
                await self._fault(step, self._device(step))

    async def _fault(self, step: Step, device: Device) -> None:
        world = self._world
        with world.trouble(step.act, device.target):
            if step.act in {Act.DIE, Act.GO_AWAY}:
                device.die()
            if step.act is Act.DIE:
                return
            if step.act is Act.FALL_SILENT:
                device.fall_silent()
            else:
                _inflict(device.faults, step)
            await world.clock.sleep(between(5, _LONGEST_FAULT_S, step.size).total_seconds())
            device.repair()


def _down_s(step: Step) -> float:
    """Give how long the daemon is down: now and then a night, mostly no longer than an upgrade."""
    longest_s = _LONGEST_DOWN_S if step.pick % 5 == 0 else _LONGEST_DOWN_S / 48
    return between(1, longest_s, step.size).total_seconds()


def _inflict(faults: Faults, step: Step) -> None:
    match step.act:
        case Act.FAIL_STARTS:
            faults.failing_starts = 1 + step.pick % 8
        case Act.REFUSE:
            faults.refuses = True
        case Act.HANG_STARTS:
            faults.hangs_at_start = True
        case Act.HANG_STOPS:
            faults.hangs_at_stop = True
        case _:
            faults.gone = True


def _spell(wish: Wish) -> str:
    schedule = wish.schedule
    overrides = [(o.slot, o.excluded, str(o.stop), o.paused) for o in wish.overrides]
    return (
        f"{schedule.id} {schedule.name!r} {schedule.target} {schedule.start} {schedule.recurrence}"
        f" for {schedule.duration} priority {schedule.priority} ended {schedule.ended} {overrides}"
    )
