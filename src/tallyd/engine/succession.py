"""A boot takes over from the daemon before it: what still records goes on, strays are ended."""

from collections.abc import Sequence
from dataclasses import dataclass

import anyio
import anyio.abc

from tallyd.domain.model import Run
from tallyd.engine.adoption import Adopted, adopted, what_runs
from tallyd.engine.announcer import Announcer
from tallyd.engine.desk import Desk
from tallyd.engine.recovery import after_boot
from tallyd.engine.remains import Remains, cut_parts
from tallyd.engine.reporter import names_of
from tallyd.engine.staff import Staff
from tallyd.ports.drivers import DriverError, Observation

ASK_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Succession:
    """Brings what the ledger says of unfinished runs together with what the devices do."""

    desk: Desk
    staff: Staff
    announcer: Announcer
    remains: Remains

    async def take_over(self, unfinished: Sequence[Run], tasks: anyio.abc.TaskGroup) -> None:
        """Settle how every unfinished run stands; strays are ended and files seen to beside."""
        standing = {run.id: run for run in unfinished}
        going_on: set[str] = set()
        for target, sessions in (await what_runs(self.staff.drivers(), tasks)).items():
            for seen in sessions:
                heir = adopted(seen, (run for run in standing.values() if run.target == target))
                if heir is None or not self._adopt(target, heir):
                    tasks.start_soon(self._end_stray, target, seen)
                    continue
                standing[heir.run.id] = heir.run
                going_on.add(seen.token)
        for before in unfinished:
            found = after_boot(standing[before.id], self.desk.absence, going_on)
            self.desk.journal.known(before)
            self.desk.agenda.put_run(found)
            if found != before:
                self._write(before, found)
            standing[before.id] = found
        left = tuple(standing.values())
        self.remains.doubt(left)
        tasks.start_soon(self.remains.settle, left, tasks)

    def _adopt(self, target: str, heir: Adopted) -> bool:
        taken = self.staff.of(target).adopt(heir.run, heir.part, heir.ends_by)
        if taken:
            self.announcer.say(
                "run.adopted",
                **names_of(heir.run),
                part=heir.part.number,
                reference=heir.part.reference,
                stop=heir.part.piece.stop,
            )
        return taken

    def _write(self, before: Run, found: Run) -> None:
        """Write how a run stands now, and say which of its parts were cut off."""
        self.desk.journal.record(found)
        for part in found.parts:
            if part not in before.parts:
                self.desk.journal.record(found, part)
        for part in cut_parts(before, found):
            self.announcer.say(
                "run.interrupted",
                **names_of(found),
                part=part.number,
                end=part.end,
                last_data=part.last_data_at,
                stop=part.piece.stop,
            )

    async def _end_stray(self, target: str, seen: Observation) -> None:
        """End what records for no run that is still open, however often that must be asked for."""
        driver = self.staff.drivers()[target]
        files = [str(path) for path in seen.files]
        self.announcer.say("recorder.stray", target=target, token=seen.token, files=files)
        while True:
            try:
                with anyio.fail_after(driver.traits.stop_timeout_ms / 1000):
                    await driver.stop(seen.token)
            except (DriverError, TimeoutError):
                await self.desk.clock.sleep(ASK_AGAIN_S)
            else:
                return
