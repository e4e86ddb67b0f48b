"""What a boot makes of the time before it, and the rows that the ledger needs ahead of time."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from tallyd.domain.absence import Absence
from tallyd.domain.ledger import AHEAD, due_runs, standing_runs
from tallyd.domain.lifecycle import Event, advance
from tallyd.domain.model import EndReason, Part, Run, Status
from tallyd.domain.window import MILLISECOND, Window, floor_ms
from tallyd.engine.agenda import Agenda
from tallyd.ports.store import Reader, Store


async def materialise(store: Store, agenda: Agenda, now: datetime) -> bool:
    """Write a pending row for whatever starts between the watermark and some minutes ahead.

    Idempotent: an occurrence that has a row keeps it. Without a watermark nothing was ever written,
    and the oldest wish says where to begin. False, and nothing is written, where the wishes are no
    longer those of `agenda`: the watermark must not pass a start that nobody here has read.

    Raises:
        StoreError: nothing was written; the watermark stands.
    """
    overrides = agenda.overrides()
    until = floor_ms(now) + AHEAD
    async with store.write() as tx:
        if await tx.revision() != agenda.revision:
            return False
        watermark = await tx.watermark()
        since = watermark or min((s.effective_from for s in agenda.schedules()), default=until)
        if since < until:
            starts = Window(since, until + MILLISECOND)
            await tx.insert_runs(due_runs(agenda.near(starts), overrides, starts))
        if watermark is None or watermark < until:
            await tx.move_watermark(watermark, until)
    return True


async def materialise_present(store: Store, agenda: Agenda, now: datetime) -> bool:
    """Write a pending row for whatever stands now or starts soon, and let the watermark stand.

    So it is while nobody knows yet whether the clock stays as it was set.

    Raises:
        StoreError: nothing was written.
    """
    present = Window(floor_ms(now), floor_ms(now) + AHEAD)
    async with store.write() as tx:
        if await tx.revision() != agenda.revision:
            return False
        await tx.insert_runs(standing_runs(agenda.near(present), agenda.overrides(), present))
    return True


async def rows_of_present(reader: Reader, now: datetime) -> tuple[Run, ...]:
    """Give the rows without an outcome, and all of what stands now or starts soon.

    After the clock was set back, what comes may have been recorded before.
    """
    standing = await reader.runs(start=now, stop=now + AHEAD)
    unfinished = await reader.unfinished_runs()
    return (*unfinished, *(run for run in standing if run.status is Status.FINISHED))


async def latest_instant(reader: Reader) -> datetime | None:
    """Give an instant that was over when rows were written last; None: none ever were.

    They are written every few minutes, by a clock that was trusted.
    """
    watermark = await reader.watermark()
    return None if watermark is None else watermark - AHEAD


def after_boot(run: Run, absence: Absence, going_on: Collection[str]) -> Run:
    """Give an unfinished run as it stands after a boot, of which the parts `going_on` still record.

    What else has no end was cut off, together with the daemon or by the power.
    """
    parts = tuple(
        part if part.token in going_on else cut_off(part, absence.cut_off_by(last_sign(part)))
        for part in run.parts
    )
    run = replace(run, parts=parts)
    if run.status is Status.PENDING or any(part.token in going_on for part in parts):
        return run
    return replace(run, status=advance(run.status, Event.BOOT_FOUND_IDLE))


def after_loss(run: Run) -> Run:
    """Give a run as it stands after its session ended in a way that nobody foresaw."""
    event = Event.ATTEMPT_FAILED if run.status is Status.STARTING else Event.DIED
    parts = tuple(cut_off(part, EndReason.DIED) for part in run.parts)
    return replace(run, parts=parts, status=advance(run.status, event))


def last_sign(part: Part) -> datetime:
    """Give when a part was last known to be under way."""
    return part.last_data_at or part.first_data_at or part.commanded_at


def cut_off(part: Part, end: EndReason) -> Part:
    """Give a part as it is known to have been where nothing makes it any more."""
    if part.end is not None:
        return part
    return replace(part, end=end, stopped_at=part.last_data_at)
