"""Recordings by hand: begun at once where the target is free, refused with the reason elsewhere."""

from datetime import datetime, timedelta
from uuid import uuid4

from tallyd.bookings.policy import Policy, guarded
from tallyd.bookings.rows import target_of
from tallyd.bookings.writer import Writer
from tallyd.catalogue import load_wishes
from tallyd.domain.errors import Locked, NoDriver, Occupied, Victim
from tallyd.domain.ledger import due_runs
from tallyd.domain.manual import ManualRecording, manual_schedule
from tallyd.domain.model import Run, Target
from tallyd.domain.occupancy import Holder, occupancy
from tallyd.domain.window import MILLISECOND, Window
from tallyd.ports.store import StoreError, Transaction


class ManualRecordings(Writer):
    """Starts recordings without a schedule; stopped, paused and extended they are like any run."""

    async def start_recording(self, wanted: ManualRecording, longest: timedelta) -> Run:
        """Let a target record from now on; gives the run, which is then begun.

        It ends when it is stopped, or after its length, or after `longest`.

        Raises:
            NotFound: there is no such target.
            InvalidBooking: the name or the length breaks rules; all of them are listed.
            NoDriver, Locked, Occupied: the target cannot record now, and why.
            Refused: it would cut later what records now beside it.
            StoreError: nothing was stored.
        """
        unusable = await self._why_unusable(wanted.target)
        async with self._store.write() as tx:
            now = self._now()
            target = await target_of(tx, wanted.target)
            schedule = manual_schedule(wanted, now, longest, uuid4().hex)
            await _require_free(tx, target, unusable, now)
            async with guarded(tx, Policy.REPORT, now, {target.key}):
                stored = await tx.add_schedule(schedule)
                starts = Window(now, now + MILLISECOND)
                (due,) = due_runs((stored,), {}, starts)
                await tx.insert_runs((due,))
            run = await tx.run_of(stored.id, due.slot)
            if run is None:
                raise StoreError(f"the run of schedule {stored.id} is gone")
        self._nudge()
        return run


async def _require_free(
    tx: Transaction, target: Target, unusable: str | None, now: datetime
) -> None:
    """Make sure that a target can record at once."""
    if not target.known:
        raise NoDriver(target.key, "it is not in the configuration")
    if unusable is not None:
        raise NoDriver(target.key, unusable)
    if target.locked_since is not None:
        raise Locked(target.key, target.locked_since)
    there = occupancy(await load_wishes(tx, target.key, now), now)
    if there.is_full:
        listed = ", ".join(map(_named, there.holders))
        victims = tuple(
            Victim(run.id, run.shown_schedule, run.name, Window(now, stop))
            for run, stop in ((each.run, each.piece.stop) for each in there.holders)
            if run is not None
        )
        raise Occupied(target.key, listed, victims)


def _named(holder: Holder) -> str:
    schedule = holder.entry.schedule
    what = f"schedule {schedule.id}" if holder.run is None else f"run {holder.run.id}"
    until = f"until {holder.piece.stop:%Y-%m-%d %H:%M:%S} UTC"
    return f'{what} "{schedule.name}"{" (paused)" if holder.paused else ""} {until}'
