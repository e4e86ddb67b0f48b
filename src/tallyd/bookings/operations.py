"""What an operator does to runs and targets while they work: stop, pause, extend, lock."""

from dataclasses import replace
from datetime import timedelta

from tallyd.bookings.policy import Policy, guarded
from tallyd.bookings.rows import (
    begun_runs,
    end_by,
    known_override,
    open_run,
    target_of,
)
from tallyd.bookings.writer import Writer
from tallyd.domain.errors import InvalidBooking, Problem, Refused
from tallyd.domain.model import Run, Target
from tallyd.domain.window import MILLISECOND, Window


class Operations(Writer):
    """Changes what runs now, and what may start."""

    async def stop_run(self, run_id: int) -> Run:
        """Let a run that has begun end now.

        Raises:
            NotFound: there is no such run.
            Refused: it is finished, or has not begun.
        """
        async with self._store.write() as tx:
            now = self._now()
            run = await open_run(tx, run_id)
            if now < run.planned.start:
                raise Refused(f"run {run_id} has not begun; skip its occurrence instead")
            await end_by(tx, run, now)
        self._nudge()
        return run

    async def stop_all_runs(self) -> tuple[Run, ...]:
        """Let every run that has begun end now."""
        async with self._store.write() as tx:
            now = self._now()
            begun = await begun_runs(tx, now)
            for run in begun:
                await end_by(tx, run, now)
        self._nudge()
        return begun

    async def pause_run(self, run_id: int) -> Run:
        """Let a run record nothing until it is resumed; it keeps its target.

        Raises:
            NotFound: there is no such run.
            Refused: it is finished, or has not begun.
        """
        return await self._set_paused(run_id, paused=True)

    async def resume_run(self, run_id: int) -> Run:
        """Let a paused run record on; one that is not paused stays as it is.

        Raises:
            NotFound, Refused: as for `pause_run`.
        """
        return await self._set_paused(run_id, paused=False)

    async def _set_paused(self, run_id: int, *, paused: bool) -> Run:
        async with self._store.write() as tx:
            run = await open_run(tx, run_id)
            if self._now() < run.planned.start:
                raise Refused(f"run {run_id} has not begun; skip its occurrence instead")
            known = await known_override(tx, run)
            await tx.put_override(replace(known, paused=paused))
        self._nudge()
        return run

    async def lock_target(self, key: str, policy: Policy = Policy.REPORT) -> Target:
        """Let nothing start on a target from now on, until it is unlocked.

        Raises:
            NotFound: there is no such target.
            Refused: something records there now.
        """
        async with self._store.write() as tx:
            target = await target_of(tx, key)
            now = self._now()
            locked = replace(target, locked_since=target.locked_since or now)
            async with guarded(tx, policy, now, {key}):
                await tx.change_target(locked)
        self._nudge()
        return locked

    async def unlock_target(self, key: str) -> Target:
        """Let things start on a target again.

        Raises:
            NotFound: there is no such target.
        """
        async with self._store.write() as tx:
            free = replace(await target_of(tx, key), locked_since=None)
            await tx.change_target(free)
        self._nudge()
        return free

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
            run = await open_run(tx, run_id)
            known = await known_override(tx, run)
            longer = Window(run.planned.start, (known.stop or run.planned.stop) + by)
            async with guarded(tx, policy, now, {run.target}):
                await tx.put_override(replace(known, stop=longer.stop))
        self._nudge()
        return longer
