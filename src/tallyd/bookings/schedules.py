"""Schedules, skipped occurrences and exception days: booked, edited, removed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import uuid4

from tallyd.bookings.policy import Policy, guarded
from tallyd.bookings.rows import (
    begun_runs,
    end_by,
    known_targets,
    leave_out,
    materialise,
    override_of,
    standing_schedule,
    target_of,
    write_due,
)
from tallyd.bookings.writer import Writer
from tallyd.domain.drafts import (
    Draft,
    draft_of,
    revise,
    timing,
    to_schedule,
    validate,
    validate_edit,
)
from tallyd.domain.errors import InvalidBooking, NotFound, Problem, RequestDiffers
from tallyd.domain.model import (
    MAX_NAME,
    ContentKind,
    ExceptionDay,
    Occurrence,
    RequestKey,
    Schedule,
)
from tallyd.domain.selection import select
from tallyd.ports.store import Reader, Transaction

Pick = Callable[[Reader, datetime], Awaitable[str | None]]
"""Chooses an occurrence, by its slot, from what is stored at an instant."""


@dataclass(frozen=True, slots=True)
class Change:
    """A schedule before (None where there was none) and after; removed, `after` has an end."""

    before: Schedule | None
    after: Schedule


class ScheduleBookings(Writer):
    """Changes what is wanted, wholly or not at all."""

    async def add(
        self,
        make: Callable[[datetime], Draft],
        policy: Policy = Policy.REPORT,
        request: RequestKey | None = None,
    ) -> Change:
        """Book the draft that `make` gives for the instant of the booking.

        What a `request` has booked before is given as it is now, and nothing is booked.

        Raises:
            InvalidBooking: the draft breaks rules; all of them are listed.
            RequestDiffers: the key of the request stood for another one.
            Refused: the policy forbids what it would do to others.
            StoreError: nothing was stored.
        """
        async with self._store.write() as tx:
            now = self._now()
            if request is not None and (known := await _booked_by(tx, request)):
                return Change(None, known)
            draft = make(now)
            validate(draft, now, await known_targets(tx, draft.target))
            self._require_shown(draft)
            async with guarded(tx, policy, now, {draft.target}, draft.priority):
                schedule = await tx.add_schedule(to_schedule(draft, now, uuid4().hex))
                await materialise(tx, (schedule,), {}, now)
            if request is not None:
                await tx.note_request(request, schedule.id, now)
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
            before = await standing_schedule(tx, schedule_id)
            draft = change(draft_of(before))
            validate_edit(before, draft, now, await known_targets(tx, draft.target))
            if (draft.target, draft.content) != (before.target, before.content):
                self._require_shown(draft)
            after = revise(before, draft, now)
            async with guarded(tx, policy, now, {before.target, after.target}):
                await write_due(tx, before, now)
                await tx.change_schedule(after)
                if timing(after) != timing(before):
                    await tx.drop_overrides(schedule_id)
                known = {schedule_id: await tx.overrides({schedule_id})}
                await materialise(tx, (after,), known, now)
        self._nudge()
        return Change(before, after)

    def _require_shown(self, draft: Draft) -> None:
        """Make sure that a channel has something to show.

        Raises:
            InvalidBooking: nobody has said what, and it has no live input.
        """
        live = draft.content is None or draft.content.kind is ContentKind.LIVE
        if live and draft.target in self._dark:
            fix = "it has no `live` input to show: give it one in the configuration"
            raise InvalidBooking(Problem("target", draft.target, fix))

    async def remove(self, schedule_id: int) -> Change:
        """Remove what lies ahead of a schedule; what records now goes on to its planned end.

        Raises:
            NotFound: there is no such schedule.
        """
        async with self._store.write() as tx:
            now = self._now()
            change = await self._remove(tx, schedule_id, now)
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
            for run in await begun_runs(tx, now, schedule_id):
                if run.confirmed:
                    await end_by(tx, run, now)
                else:
                    await leave_out(tx, run)
        self._nudge()
        return change

    async def drop_next(self, schedule_id: int, pick: Pick) -> None:
        """Leave out the occurrence that `pick` chooses, or remove the schedule if it chooses none.

        It is chosen in the transaction that drops it: of two at once each drops another one.

        Raises:
            NotFound: there is no such schedule.
            Refused: the occurrence records now.
        """
        async with self._store.write() as tx:
            now = self._now()
            slot = await pick(tx, now)
            if slot is None:
                await self._remove(tx, schedule_id, now)
            else:
                await self._skip(tx, schedule_id, slot, Policy.REPORT)
        self._nudge()

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
            occurrence = await self._skip(tx, schedule_id, wanted, policy)
        self._nudge()
        return occurrence

    async def restore(
        self, schedule_id: int, wanted: str, policy: Policy = Policy.REPORT
    ) -> Occurrence:
        """Take back that one occurrence was left out; raises what `skip` does."""
        async with self._store.write() as tx:
            now = self._now()
            schedule = await standing_schedule(tx, schedule_id)
            overrides = await tx.overrides({schedule_id})
            occurrence = select(schedule, overrides, wanted, now)
            if occurrence.window.start <= now:
                raise InvalidBooking(Problem("occurrence", wanted, "that one has begun"))
            known = override_of(overrides, schedule_id, occurrence.slot)
            async with guarded(tx, policy, now, {schedule.target}):
                await tx.put_override(replace(known, excluded=False))
        self._nudge()
        return occurrence

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
            if target is None:
                touched = {known.key for known in await tx.targets()}
            else:
                touched = {(await target_of(tx, target)).key}
            async with guarded(tx, policy, self._now(), touched):
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

    async def _skip(
        self, tx: Transaction, schedule_id: int, wanted: str, policy: Policy
    ) -> Occurrence:
        now = self._now()
        schedule = await standing_schedule(tx, schedule_id)
        overrides = await tx.overrides({schedule_id})
        occurrence = select(schedule, overrides, wanted, now)
        if occurrence.window.stop <= now:
            raise InvalidBooking(Problem("occurrence", wanted, "that one is over"))
        known = override_of(overrides, schedule_id, occurrence.slot)
        async with guarded(tx, policy, now, {schedule.target}):
            await write_due(tx, schedule, now)
            await tx.put_override(replace(known, excluded=True))
        return occurrence

    async def _remove(self, tx: Transaction, schedule_id: int, now: datetime) -> Change:
        change = await self._end(tx, schedule_id, now)
        for run in await begun_runs(tx, now, schedule_id):
            if not run.confirmed:
                await leave_out(tx, run)
        return change

    async def _end(self, tx: Transaction, schedule_id: int, now: datetime) -> Change:
        before = await standing_schedule(tx, schedule_id)
        await write_due(tx, before, now)
        after = replace(before, ended=now, modified=now)
        await tx.change_schedule(after)
        return Change(before, after)


async def _booked_by(tx: Transaction, request: RequestKey) -> Schedule | None:
    found = await tx.booked_by(request)
    if found is None:
        return None
    schedule, fingerprint = found
    if fingerprint != request.fingerprint:
        raise RequestDiffers(request.key)
    return schedule
