"""The one way to change wishes: load, decide purely, store in one transaction, nudge the engine.

Whoever books - command line, server, tests - goes through here. Nothing here drives a device.
"""

from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from tallyd.catalogue import load_wishes
from tallyd.domain.drafts import (
    Draft,
    draft_of,
    revise,
    timing,
    to_schedule,
    validate,
    validate_edit,
)
from tallyd.domain.errors import InvalidBooking, NotFound, Problem, Refused
from tallyd.domain.impact import victims, worsened
from tallyd.domain.ledger import AHEAD, due_runs
from tallyd.domain.model import MAX_NAME, ExceptionDay, Occurrence, Override, Run, Schedule, Status
from tallyd.domain.planner import HORIZON, Wishes
from tallyd.domain.recurrence import in_utc, slots_from
from tallyd.domain.selection import select
from tallyd.domain.window import MILLISECOND, Window, floor_ms
from tallyd.ports.clock import Clock
from tallyd.ports.store import Store, Transaction

_NAMED_AT_MOST = 5


class Policy(StrEnum):
    """What a booking may do to others.

    `report` stores what overlaps and says so, but cuts nothing that runs now; `reject` stores
    nothing that overlaps; `force` stores whatever it does to others.
    """

    REPORT = "report"
    REJECT = "reject"
    FORCE = "force"


@dataclass(frozen=True, slots=True)
class Change:
    """A schedule before (None where there was none) and after; removed, `after` has an end."""

    before: Schedule | None
    after: Schedule


class Bookings:
    """Changes schedules, overrides and exception days, wholly or not at all."""

    def __init__(self, store: Store, clock: Clock, nudge: Callable[[], object]) -> None:
        self._store = store
        self._clock = clock
        self._nudge = nudge

    async def add(
        self, make: Callable[[datetime], Draft], policy: Policy = Policy.REPORT
    ) -> Change:
        """Book the draft that `make` gives for the instant of the booking.

        Raises:
            InvalidBooking: the draft breaks rules; all of them are listed.
            Refused: the policy forbids what it would do to others.
            StoreError: nothing was stored.
        """
        async with self._store.write() as tx:
            now = self._now()
            draft = make(now)
            validate(draft, now, await _known_targets(tx))
            async with self._guarded(tx, policy, now, {draft.target}):
                schedule = await tx.add_schedule(to_schedule(draft, now, uuid4().hex))
                await self._materialise(tx, schedule, now)
        self._nudge()
        return Change(None, schedule)

    async def edit(
        self, schedule_id: int, change: Callable[[Draft], Draft], policy: Policy = Policy.REPORT
    ) -> Change:
        """Make a schedule what `change` makes of it.

        Excluded occurrences stay excluded unless start or rule change, which resets them.

        Raises:
            NotFound: there is no such schedule.
            InvalidBooking, Refused, StoreError: as for `add`.
        """
        async with self._store.write() as tx:
            now = self._now()
            before = await _standing(tx, schedule_id)
            draft = change(draft_of(before))
            validate_edit(before, draft, now, await _known_targets(tx))
            after = revise(before, draft, now)
            async with self._guarded(tx, policy, now, {before.target, after.target}):
                await self._write_due(tx, before, now)
                await tx.change_schedule(after)
                if timing(after) != timing(before):
                    await tx.drop_overrides(schedule_id)
                await self._materialise(tx, after, now)
        self._nudge()
        return Change(before, after)

    async def remove(self, schedule_id: int) -> Change:
        """Remove what lies ahead of a schedule; what records now goes on to its planned end.

        Raises:
            NotFound: there is no such schedule.
        """
        async with self._store.write() as tx:
            now = self._now()
            change = await self._end(tx, schedule_id, now)
            for run in await _begun(tx, now, schedule_id):
                if not run.confirmed:
                    await _leave_out(tx, run)
        self._nudge()
        return change

    async def remove_and_stop(self, schedule_id: int) -> Change:
        """Remove a schedule and stop what it records now.

        Raises:
            NotFound: there is no such schedule.
        """
        async with self._store.write() as tx:
            now = self._now()
            change = await self._end(tx, schedule_id, now)
            for run in await _begun(tx, now, schedule_id):
                if run.confirmed:
                    await _end_by(tx, run, now)
                else:
                    await _leave_out(tx, run)
        self._nudge()
        return change

    async def skip(
        self, schedule_id: int, wanted: str, policy: Policy = Policy.REPORT
    ) -> Occurrence:
        """Leave out one occurrence: a slot, a start, a date, or `next`.

        Raises:
            NotFound: there is no such schedule or occurrence.
            InvalidBooking: the occurrence is over.
            Refused: it records now.
        """
        async with self._store.write() as tx:
            now = self._now()
            schedule = await _standing(tx, schedule_id)
            overrides = await tx.overrides({schedule_id})
            occurrence = select(schedule, overrides, wanted, now)
            if occurrence.window.stop <= now:
                raise InvalidBooking(Problem("occurrence", wanted, "that one is over"))
            known = _override_of(overrides, schedule_id, occurrence.slot)
            async with self._guarded(tx, policy, now, {schedule.target}):
                await self._write_due(tx, schedule, now)
                await tx.put_override(replace(known, excluded=True))
        self._nudge()
        return occurrence

    async def stop_run(self, run_id: int) -> Run:
        """Let a run that has begun end now.

        Raises:
            NotFound: there is no such run.
            Refused: it is finished, or has not begun.
        """
        async with self._store.write() as tx:
            now = self._now()
            run = await _open_run(tx, run_id)
            if now < run.planned.start:
                raise Refused(f"run {run_id} has not begun; skip its occurrence instead")
            await _end_by(tx, run, now)
        self._nudge()
        return run

    async def stop_all_runs(self) -> tuple[Run, ...]:
        """Let every run that has begun end now."""
        async with self._store.write() as tx:
            now = self._now()
            begun = await _begun(tx, now)
            for run in begun:
                await _end_by(tx, run, now)
        self._nudge()
        return begun

    async def extend_run(
        self, run_id: int, by: timedelta, policy: Policy = Policy.REJECT
    ) -> Window:
        """Let a run end later; gives its new window. Only free time is taken unless forced.

        Raises:
            NotFound: there is no such run.
            Refused: it is finished, or somebody else holds the time.
            InvalidBooking: `by` is not above zero.
        """
        if by < MILLISECOND:
            raise InvalidBooking(Problem("by", str(by), "an extension is longer than nothing"))
        async with self._store.write() as tx:
            now = self._now()
            run = await _open_run(tx, run_id)
            known = await _known_override(tx, run)
            longer = Window(run.planned.start, (known.stop or run.planned.stop) + by)
            async with self._guarded(tx, policy, now, {run.target}):
                await tx.put_override(replace(known, stop=longer.stop))
        self._nudge()
        return longer

    async def add_exception_day(
        self, day: date, name: str, target: str | None, policy: Policy = Policy.REPORT
    ) -> ExceptionDay:
        """Let nothing start on a day, on one target or on all.

        Raises:
            NotFound: there is no such target.
            Refused: something that would not have started records now.
        """
        if not name.strip() or not name.isprintable() or len(name) > MAX_NAME:
            fix = f"name the day, in at most {MAX_NAME} printable characters"
            raise InvalidBooking(Problem("name", name[:MAX_NAME], fix))
        async with self._store.write() as tx:
            keys = {known.key for known in await tx.targets()}
            if target is not None and target not in keys:
                raise NotFound("target", target)
            touched = keys if target is None else {target}
            async with self._guarded(tx, policy, self._now(), touched):
                added = await tx.add_exception_day(day, name, target)
        self._nudge()
        return added

    async def remove_exception_day(self, day_id: int) -> None:
        """Let things start again on a day.

        Raises:
            NotFound: there is no exception day of that id.
        """
        async with self._store.write() as tx:
            if not await tx.remove_exception_day(day_id):
                raise NotFound("exception day", str(day_id))
        self._nudge()

    def _now(self) -> datetime:
        return floor_ms(self._clock.now())

    async def _end(self, tx: Transaction, schedule_id: int, now: datetime) -> Change:
        before = await _standing(tx, schedule_id)
        await self._write_due(tx, before, now)
        after = replace(before, ended=now)
        await tx.change_schedule(after)
        return Change(before, after)

    @asynccontextmanager
    async def _guarded(
        self, tx: Transaction, policy: Policy, now: datetime, targets: Collection[str]
    ) -> AsyncGenerator[None]:
        """Refuse the change made inside where the policy forbids what it does to others."""
        if policy is Policy.FORCE:
            yield
            return
        unfinished = [run for run in await tx.unfinished_runs() if run.target in targets]
        recording = {run.target for run in unfinished if run.confirmed}
        before: dict[str, Wishes] = {}
        for key in sorted(targets if policy is Policy.REJECT else recording):
            # Also what is final already: it holds nothing of what is left of its window.
            runs = {run.id: run for run in (*await tx.runs(start=now, target=key), *unfinished)}
            before[key] = await load_wishes(tx, key, runs.values())
        yield
        for key, then in before.items():
            after = await load_wishes(tx, key, then.runs)
            _refuse_victims(then, after, now)
            if policy is Policy.REJECT:
                _refuse_overlap(then, after, now)

    async def _materialise(self, tx: Transaction, schedule: Schedule, now: datetime) -> None:
        """Write the rows of what starts soon: that also is the intent of a start for now."""
        until = max(now + AHEAD, await tx.watermark() or now)
        await self._insert_due(tx, schedule, Window(now, until + MILLISECOND))

    async def _write_due(self, tx: Transaction, schedule: Schedule, now: datetime) -> None:
        """Write the rows of what fell due under the old wishes, before they change."""
        since = await tx.watermark() or schedule.effective_from
        if since <= now:
            await self._insert_due(tx, schedule, Window(since, now + MILLISECOND))

    async def _insert_due(self, tx: Transaction, schedule: Schedule, starts: Window) -> None:
        overrides = {schedule.id: await tx.overrides({schedule.id})}
        await tx.insert_runs(due_runs((schedule,), overrides, starts))


def _refuse_victims(before: Wishes, after: Wishes, now: datetime) -> None:
    cut = victims(before, after, now)
    if cut:
        names = ", ".join(
            f'run {victim.run_id} "{victim.name}" (schedule {victim.schedule_id}) from '
            f"{victim.loses.start:%Y-%m-%d %H:%M:%S} to {victim.loses.stop:%H:%M:%S} UTC"
            for victim in cut
        )
        raise Refused(f"it would cut what is recording now: {names}", cut)


def _refuse_overlap(before: Wishes, after: Wishes, now: datetime) -> None:
    short = worsened(before, after, _looked_at(before, after, now))
    if short:
        listed = ", ".join(
            f'"{entry.schedule.name}" (schedule {entry.schedule.id}) at '
            f"{entry.occurrence.window.start:%Y-%m-%d %H:%M:%S} UTC"
            for entry in short[:_NAMED_AT_MOST]
        )
        more = len(short) - _NAMED_AT_MOST
        tail = f" and {more} more" if more > 0 else ""
        raise Refused(f"the time is not free; this would not have all of its time: {listed}{tail}")


def _looked_at(before: Wishes, after: Wishes, now: datetime) -> Window:
    """Give the horizon, and beyond it the first occurrence of what is new, however far off."""
    known = {schedule.id: schedule for schedule in before.schedules}
    changed = (each for each in after.schedules if known.get(each.id) != each)
    firsts = (next(slots_from(in_utc(schedule), now), None) for schedule in changed)
    day = timedelta(days=1)
    return Window(now, max([now + HORIZON, *(each.window.stop + day for each in firsts if each)]))


async def _known_targets(tx: Transaction) -> tuple[str, ...]:
    return tuple(target.key for target in await tx.targets() if target.known)


async def _standing(tx: Transaction, schedule_id: int) -> Schedule:
    schedule = await tx.schedule(schedule_id)
    if schedule is None or schedule.ended is not None:
        raise NotFound("schedule", str(schedule_id))
    return schedule


async def _open_run(tx: Transaction, run_id: int) -> Run:
    run = await tx.run(run_id)
    if run is None:
        raise NotFound("run", str(run_id))
    if run.status is Status.FINISHED:
        raise Refused(f"run {run_id} is finished: {run.outcome}")
    return run


async def _begun(tx: Transaction, now: datetime, schedule_id: int | None = None) -> tuple[Run, ...]:
    """Give the runs, of one schedule or of all, that fell due and have no outcome yet."""
    return tuple(
        run
        for run in await tx.unfinished_runs()
        if run.planned.start <= now and schedule_id in {None, run.schedule_id}
    )


async def _leave_out(tx: Transaction, run: Run) -> None:
    """Take from the occurrence of a run what it still could have held."""
    await tx.put_override(replace(await _known_override(tx, run), excluded=True))


async def _end_by(tx: Transaction, run: Run, now: datetime) -> None:
    """Let the occurrence of a run end now, unless its end has passed already."""
    known = await _known_override(tx, run)
    await tx.put_override(replace(known, stop=min(now, known.stop or run.planned.stop)))


async def _known_override(tx: Transaction, run: Run) -> Override:
    """Give what was said of the occurrence of a run before, or an override that says nothing."""
    if run.schedule_id is None or run.slot is None:
        raise Refused(f"run {run.id} belongs to no schedule")
    return _override_of(await tx.overrides({run.schedule_id}), run.schedule_id, run.slot)


def _override_of(overrides: Iterable[Override], schedule_id: int, slot: str) -> Override:
    return next((o for o in overrides if o.slot == slot), Override(schedule_id, slot))
