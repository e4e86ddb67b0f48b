"""The rows of the ledger ahead of the starts, and those in memory that matter now. Judges nothing.

Nothing is written by a clock that is not trusted, and the watermark stands while nobody knows
whether it stays as it was set.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from tallyd.domain.model import Run
from tallyd.engine.agenda import Agenda
from tallyd.engine.announcer import Announcer
from tallyd.engine.journal import Journal
from tallyd.engine.recovery import materialise, materialise_present, rows_of_present
from tallyd.engine.trust import Trust
from tallyd.ports.clock import Clock
from tallyd.ports.store import Changes, Store, StoreError

READ_AGAIN_S = 1.0


class Bookkeeping:
    """Brings ledger and agenda together, for the time that the clock shows."""

    def __init__(  # noqa: PLR0913 - what it brings together
        self,
        *,
        store: Store,
        clock: Clock,
        agenda: Agenda,
        journal: Journal,
        trust: Trust,
        announcer: Announcer,
        keep: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._agenda = agenda
        self._journal = journal
        self._trust = trust
        self._announcer = announcer
        self._keep = keep
        self._forgot_on: date | None = None

    async def take_stock(self, now: datetime) -> None:
        """Read all wishes and write the rows of what falls due soon, of one and the same moment.

        Raises:
            StoreError: the database could not be read or written.
        """
        written = False
        while not written:
            async with self._store.read() as reader:
                self._agenda.apply(await reader.changes_since(self._agenda.revision), now)
            written = await self.write_ahead(now)

    async def write_ahead(self, now: datetime) -> bool:
        """Write the rows that are due; False where the wishes have changed: read them first.

        Raises:
            StoreError: nothing was written.
        """
        if not self._trust.is_given:
            return True
        write = materialise if self._trust.is_settled else materialise_present
        return await write(self._store, self._agenda, now)

    async def changes(self) -> tuple[Changes, tuple[Run, ...]] | None:
        """Read what changed; a database that cannot be read is asked again until it can."""
        while True:
            try:
                async with self._store.read() as reader:
                    changes = await reader.changes_since(self._agenda.revision)
                    if changes.revision == self._agenda.revision:
                        return None
                    touched = self._agenda.homes_of(changes)
                    return changes, await reader.unfinished_runs(touched)
            except StoreError as error:
                self._announcer.say("store.failed", error=str(error), waiting=0)
                await self._clock.sleep(READ_AGAIN_S)

    async def read_ahead(self, now: datetime) -> None:
        """Take in the rows that nobody here knows yet of what stands now or starts soon.

        Raises:
            StoreError: the database could not be read.
        """
        async with self._store.read() as reader:
            rows = await rows_of_present(reader, now)
        for run in self._agenda.take_runs(rows):
            self._journal.known(run)

    async def recall(self, targets: Iterable[str]) -> None:
        """Read the rows of what spans now and is not known here: it may be final since long ago.

        A database that cannot be read leaves them unknown: nothing waits for it.
        """
        now = self._clock.now()
        keys = [key for target in targets for key in self._agenda.unaccounted(target, now)]
        if not keys:
            return
        try:
            async with self._store.read() as reader:
                rows = [await reader.run_of(*key) for key in keys]
        except StoreError as error:
            self._announcer.say("store.failed", error=str(error), waiting=0)
            return
        for run in self._agenda.take_runs(row for row in rows if row is not None):
            self._journal.known(run)

    async def forget(self, now: datetime) -> None:
        """Keep the ledger as long as the operator wants it, and no longer; once a day."""
        if now.date() == self._forgot_on or not self._trust.is_settled:
            return
        try:
            async with self._store.write() as tx:
                await tx.forget_runs(now - self._keep)
        except StoreError:
            return
        self._forgot_on = now.date()
