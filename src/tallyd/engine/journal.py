"""The ledger's rows, written behind the action: what happened waits in memory, the disk catches up.

The newest state of each run and part waits, never a history, so a slow disk cannot fill the memory.
"""

from collections.abc import Callable
from dataclasses import replace

import anyio

from tallyd.domain.model import Part, Run, Status
from tallyd.engine.agenda import RunKey, key_of
from tallyd.engine.announcer import Announcer
from tallyd.ports.clock import Clock
from tallyd.ports.store import Store, StoreError, Transaction

RETRY_S = (0.1, 0.5, 2.0, 5.0)


class Journal:
    """One writer task for the whole engine; `flushed` tells when all of it is on the disk."""

    def __init__(
        self, store: Store, clock: Clock, announcer: Announcer, on_id: Callable[[Run], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._announcer = announcer
        self._on_id = on_id
        self._runs: dict[RunKey, Run] = {}
        self._parts: dict[tuple[RunKey, int], Part] = {}
        self._on_disk: dict[RunKey, Status] = {}
        self._more = anyio.Event()
        self._idle = anyio.Event()
        self._idle.set()

    def known(self, run: Run) -> None:
        """Learn how a row stands on the disk."""
        self._on_disk[key_of(run)] = run.status

    def record(self, run: Run, part: Part | None = None) -> None:
        """Write this state of a run, and of one of its parts, when the disk has time."""
        key = key_of(run)
        self._runs[key] = run
        if part is not None:
            self._parts[key, part.number] = part
        self._idle = anyio.Event() if self._idle.is_set() else self._idle
        self._more.set()

    @property
    def waiting(self) -> int:
        """How many rows wait for the disk."""
        return len(self._runs) + len(self._parts)

    async def flushed(self) -> None:
        """Wait until everything recorded so far is on the disk."""
        await self._idle.wait()

    async def run(self) -> None:
        """Write until cancelled; a disk that refuses is tried again, loudly once."""
        while True:
            await self._more.wait()
            self._more = anyio.Event()
            await self._catch_up()
            if not self._runs and not self._parts:
                self._idle.set()

    async def _catch_up(self) -> None:
        failures = 0
        while self._runs or self._parts:
            runs, self._runs = self._runs, {}
            parts, self._parts = self._parts, {}
            try:
                written = await self._write(runs, parts)
            except StoreError as error:
                self._runs = {**runs, **self._runs}
                self._parts = {**parts, **self._parts}
                if failures == 0:
                    self._announcer.say("store.failed", error=str(error), waiting=len(self._runs))
                await self._clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
                continue
            for run in written:
                self._settle(run)
            if failures:
                self._announcer.say("store.recovered", attempts=failures + 1)
                failures = 0

    async def _write(
        self, runs: dict[RunKey, Run], parts: dict[tuple[RunKey, int], Part]
    ) -> list[Run]:
        written: list[Run] = []
        ids: dict[RunKey, int] = {}
        async with self._store.write() as tx:
            for key, run in runs.items():
                row = await self._write_run(tx, key, run)
                ids[key] = row.id
                written.append(row)
            for (key, _), part in parts.items():
                await tx.put_part(ids[key], part)
        return written

    async def _write_run(self, tx: Transaction, key: RunKey, run: Run) -> Run:
        was = self._on_disk.get(key)
        if run.id != 0 and was is not None and await tx.move_run(run, was):
            return run
        # The row is new, or it came back after it was final: ask the disk how it stands.
        await tx.insert_runs([replace(run, status=Status.PENDING)])
        row = await tx.run_of(run.schedule_id or 0, run.slot or "")
        if row is None or not await tx.move_run(replace(run, id=row.id), row.status):
            raise StoreError(f"the row of {run.name!r} at {run.slot} cannot be found")
        return replace(run, id=row.id)

    def _settle(self, run: Run) -> None:
        if run.status is Status.FINISHED:
            self._on_disk.pop(key_of(run), None)
        else:
            self._on_disk[key_of(run)] = run.status
        self._on_id(run)
