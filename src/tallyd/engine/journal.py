"""The ledger's rows, written behind the action: what happened waits in memory, the disk catches up.

The newest state of each run and part waits, never a history, so a slow disk cannot fill the memory.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import anyio

from tallyd.domain.model import Part, Run, Status
from tallyd.engine.agenda import RunKey, key_of
from tallyd.engine.announcer import Announcer
from tallyd.ports.clock import Clock
from tallyd.ports.store import Store, StoreError, Transaction

RETRY_S = (0.1, 0.5, 2.0, 5.0)


@dataclass(slots=True)
class _Row:
    """The newest state of a run, and of those of its parts that changed."""

    run: Run
    parts: dict[int, Part] = field(default_factory=dict[int, Part])


_Rows = dict[RunKey, _Row]


class Journal:
    """One writer task for the whole engine; `flushed` tells when all of it is on the disk."""

    def __init__(
        self, store: Store, clock: Clock, announcer: Announcer, on_id: Callable[[Run], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._announcer = announcer
        self._on_id = on_id
        self._rows: _Rows = {}
        self._on_disk: dict[RunKey, Status] = {}
        self._more = anyio.Event()
        self._idle = anyio.Event()
        self._idle.set()

    def known(self, run: Run) -> None:
        """Learn how a row stands on the disk."""
        self._on_disk[key_of(run)] = run.status

    def record(self, run: Run, part: Part | None = None) -> None:
        """Write this state of a run, and of one of its parts, when the disk has time."""
        row = self._rows.setdefault(key_of(run), _Row(run))
        row.run = run
        if part is not None:
            row.parts[part.number] = part
        if self._idle.is_set():
            self._idle = anyio.Event()
        self._more.set()

    @property
    def waiting(self) -> int:
        """How many runs wait for the disk."""
        return len(self._rows)

    async def flushed(self) -> None:
        """Wait until everything recorded so far is on the disk."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled; a disk that refuses is tried again, loudly once."""
        while True:
            await self._more.wait()
            self._more = anyio.Event()
            await self._catch_up()
            self._idle.set()

    async def _catch_up(self) -> None:
        failures = 0
        while self._rows:
            rows, self._rows = self._rows, {}
            error = await self._write(rows)
            if error is None:
                if failures:
                    self._announcer.say("store.recovered", attempts=failures + 1)
                failures = 0
                continue
            if failures == 0:
                self._announcer.say("store.failed", error=str(error), waiting=len(rows))
            await self._clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
            failures += 1

    async def _write(self, rows: _Rows) -> StoreError | None:
        """Write rows together; where that fails each for itself, so that a bad one stops no other.

        What is not written waits again; gives why.
        """
        try:
            await self._write_together(rows)
        except StoreError as error:
            if len(rows) == 1:
                self._put_back(rows)
                return error
            failed = [await self._write({key: row}) for key, row in rows.items()]
            return next((one for one in failed if one is not None), None)
        return None

    async def _write_together(self, rows: _Rows) -> None:
        written: list[Run] = []
        async with self._store.write() as tx:
            for key, row in rows.items():
                run = await self._write_run(tx, key, row.run)
                for part in row.parts.values():
                    await tx.put_part(run.id, part)
                written.append(run)
        for run in written:
            self._settle(run)

    async def _write_run(self, tx: Transaction, key: RunKey, run: Run) -> Run:
        was = self._on_disk.get(key)
        if run.id != 0 and was is not None and await tx.move_run(run, was):
            return run
        # The row is new, or it came back after it was final: ask the disk how it stands.
        await tx.insert_runs([replace(run, status=Status.PENDING, outcome=None)])
        row = await tx.run_of(run.schedule_id, run.slot)
        if row is None or not await tx.move_run(replace(run, id=row.id), row.status):
            raise StoreError(f"the row of {run.name!r} at {run.slot} cannot be found")
        return replace(run, id=row.id)

    def _put_back(self, rows: _Rows) -> None:
        for key, row in rows.items():
            newer = self._rows.get(key)
            if newer is None:
                self._rows[key] = row
            else:
                newer.parts = {**row.parts, **newer.parts}

    def _settle(self, run: Run) -> None:
        if run.status is Status.FINISHED:
            self._on_disk.pop(key_of(run), None)
        else:
            self._on_disk[key_of(run)] = run.status
        self._on_id(run)
