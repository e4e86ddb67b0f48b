"""What earlier daemons left on the disk: it proves what was recorded, is finished, and listed.

Everything here happens beside what is due, and nothing is ever removed.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import anyio
import anyio.abc

from tallyd.domain.model import EndReason, Part, Run, Status
from tallyd.engine.adoption import free_number
from tallyd.engine.agenda import key_of
from tallyd.engine.announcer import Announcer
from tallyd.engine.decisions import with_part
from tallyd.engine.desk import Desk
from tallyd.engine.reporter import names_of
from tallyd.engine.staff import Staff
from tallyd.engine.tokens import is_of, run_id_in
from tallyd.ports.drivers import DriverError, Salvaged
from tallyd.ports.recordings import Remnant, Search, Shelf, ShelfError
from tallyd.ports.store import Store, StoreError

PROVED_WITHIN_S = 30.0
"""So long runs are not judged for want of what the disk may tell of them."""

LOOK_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Claim:
    """A file, and the part of a run that it was found to be."""

    remnant: Remnant
    run: Run
    part: Part


@dataclass(frozen=True, slots=True)
class Remains:
    """Brings the files of earlier daemons together with the ledger."""

    desk: Desk
    staff: Staff
    announcer: Announcer
    store: Store
    shelf: Shelf
    ledger_settled: Callable[[], Awaitable[None]]

    def doubt(self, unfinished: Sequence[Run]) -> None:
        """Have no run judged that had begun before this daemon, until the disk was asked of it."""
        self.desk.agenda.unsettled.update(map(key_of, self._doubtful(unfinished)))

    def _doubtful(self, unfinished: Sequence[Run]) -> list[Run]:
        since = self.desk.absence.daemon_up_at
        return [run for run in unfinished if run.planned.start < since]

    async def settle(self, unfinished: Sequence[Run], tasks: anyio.abc.TaskGroup) -> None:
        """See to all that lies there, of these runs and of others."""
        proved = anyio.Event()
        tasks.start_soon(self._judge_after, proved, unfinished)
        remnants = await self._find(unfinished)
        claims: list[Claim | None] = []
        for remnant in remnants:
            claims.append(claim := await self._claim(remnant, unfinished))
            if claim is not None:
                self._take_in(claim)
        proved.set()
        if self.desk.absence.ledger_ends is not None:
            tasks.start_soon(self._settle_ledger)
        for remnant, claim in zip(remnants, claims, strict=True):
            if claim is None:
                self._list(remnant)
            elif remnant.unfinished:
                await self._finish(claim)

    async def _judge_after(self, proved: anyio.Event, unfinished: Sequence[Run]) -> None:
        with anyio.move_on_after(PROVED_WITHIN_S):
            await proved.wait()
        self.desk.agenda.unsettled.clear()
        self.staff.replan({run.target for run in self._doubtful(unfinished)})

    async def _settle_ledger(self) -> None:
        """Note that the time that the ledger had lost is told again, once it is written."""
        while any(
            self._is_open(run)
            for key in self.desk.agenda.targets
            for run in self.desk.agenda.runs(key)
        ):
            await self.desk.clock.sleep(LOOK_AGAIN_S)
        await self.desk.journal.flushed()
        await self.ledger_settled()

    def _is_open(self, run: Run) -> bool:
        return (
            run.status is not Status.FINISHED and run.planned.stop <= self.desk.absence.daemon_up_at
        )

    async def _find(self, unfinished: Sequence[Run]) -> tuple[Remnant, ...]:
        cut = (part for run in unfinished for part in run.parts if part.end is not None)
        search = Search(
            before=self.desk.absence.daemon_up_at,
            files={Path(file): part.token for part in cut for file in part.files},
            since=self.desk.absence.ledger_ends,
        )
        try:
            found = await self.shelf.find(search)
        except ShelfError as error:
            self.announcer.say("recording.search_failed", error=str(error))
            return ()
        recording = {s.part.token for each in self.staff.everybody() for s in each.sessions}
        return tuple(r for r in found if r.label is None or r.label.token not in recording)

    # whose it is

    async def _claim(self, remnant: Remnant, unfinished: Sequence[Run]) -> Claim | None:
        for run in unfinished:
            for part in run.parts:
                if _is_file_of(remnant, part):
                    return Claim(remnant, run, part)
        if remnant.label is None:
            return None
        token = remnant.label.token
        for run in unfinished:
            if run.target == remnant.label.target and is_of(token, run):
                return Claim(remnant, run, self._part_proved_by(remnant, run))
        return await self._claim_of_final(remnant, token)

    async def _claim_of_final(self, remnant: Remnant, token: str) -> Claim | None:
        """Find the part of a run that is over, and whose file never got its final name."""
        run_id = run_id_in(token)
        if run_id is None:
            return None
        try:
            async with self.store.read() as reader:
                run = await reader.run(run_id)
        except StoreError:
            return None
        parts = (part for part in run.parts if part.token == token) if run is not None else ()
        part = next(iter(parts), None)
        return Claim(remnant, run, part) if run is not None and part is not None else None

    def _part_proved_by(self, remnant: Remnant, run: Run) -> Part:
        """Give the part of which a file tells and the ledger does not."""
        label = remnant.label
        if label is None:
            raise LookupError(f"{remnant.path} tells nothing of itself")
        known = self.desk.agenda.run(run.target, key_of(run)) or run
        begun = label.begun_at
        lost = EndReason.LEDGER_RESTORED
        return Part(
            number=free_number(known, label.token, self._numbers_in_use(known)),
            input=label.input,
            piece=replace(run.planned, start=_within(run, begun)),
            token=label.token,
            commanded_at=begun,
            first_data_at=begun,
            end=self.desk.absence.cut_off_by(remnant.written_at) if remnant.unfinished else lost,
        )

    def _numbers_in_use(self, run: Run) -> set[int]:
        everything = (each.sessions for each in self.staff.everybody() if each.target == run.target)
        return {s.part.number for some in everything for s in some if s.key == key_of(run)}

    # what it proves

    def _take_in(self, claim: Claim) -> None:
        """Note until when data came, by the file: the ledger is up to ten seconds behind."""
        run = self.desk.agenda.run(claim.run.target, key_of(claim.run))
        if run is None or run.status is Status.FINISHED or claim.remnant.bytes == 0:
            return
        label = claim.remnant.label
        first = claim.part.first_data_at or (label.begun_at if label else claim.part.commanded_at)
        last = max(first, min(claim.remnant.written_at, self.desk.absence.daemon_up_at))
        part = replace(
            claim.part,
            first_data_at=first,
            last_data_at=last,
            stopped_at=last,
            files=(str(claim.remnant.path),),
            bytes=claim.remnant.bytes,
        )
        run = replace(run, parts=with_part(run.parts, part))
        self.desk.agenda.put_run(run)
        self.desk.journal.record(run, part)

    # what becomes of it

    def _list(self, remnant: Remnant) -> None:
        label = remnant.label
        self.announcer.say(
            "recording.found",
            path=str(remnant.path),
            bytes=remnant.bytes,
            written_at=remnant.written_at,
            target=label.target if label else None,
            token=label.token if label else None,
        )

    async def _finish(self, claim: Claim) -> None:
        try:
            done = await self._salvage(claim)
        except (DriverError, ShelfError) as error:
            self.announcer.say("recording.left", **names_of(claim.run), error=str(error))
            return
        await self._write(claim, done)
        self.announcer.say(
            "recording.salvaged",
            **names_of(claim.run),
            files=[str(path) for path in done.files],
            mended=[str(path) for path in done.mended],
            detail=done.detail,
        )

    async def _salvage(self, claim: Claim) -> Salvaged:
        driver = self.staff.drivers().get(claim.run.target)
        if driver is not None and driver.salvages:
            return await driver.salvage((claim.remnant.path,))
        named = await self.shelf.finish(claim.remnant.path)
        return Salvaged((named,), claim.remnant.bytes)

    async def _write(self, claim: Claim, done: Salvaged) -> None:
        """Write what the file of a part is called now."""
        run = self.desk.agenda.run(claim.run.target, key_of(claim.run))
        known = (run or claim.run).parts
        part = next((part for part in known if part.token == claim.part.token), claim.part)
        part = replace(part, files=tuple(map(str, done.files)), bytes=done.bytes)
        if run is not None:
            run = replace(run, parts=with_part(run.parts, part))
            self.desk.agenda.put_run(run)
            self.desk.journal.record(run, part)
            return
        try:
            async with self.store.write() as tx:
                await tx.put_part(claim.run.id, part)
        except StoreError as error:
            self.announcer.say("store.failed", error=str(error), waiting=0)


def cut_parts(before: Run, found: Run) -> Iterator[Part]:
    """Give the parts with data that had no end before, and were found to have one."""
    open_ones = {part.number for part in before.parts if part.end is None}
    for part in found.parts:
        if part.number in open_ones and part.end is not None and part.first_data_at is not None:
            yield part


def _is_file_of(remnant: Remnant, part: Part) -> bool:
    if part.end is None:
        return False  # it is still being recorded
    if remnant.label is not None:
        return remnant.label.token == part.token
    return not {str(remnant.path), str(remnant.sought)}.isdisjoint(part.files)


def _within(run: Run, at: datetime) -> datetime:
    return min(max(at, run.planned.start), run.planned.stop)
