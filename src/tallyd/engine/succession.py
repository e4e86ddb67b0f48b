"""A boot takes over from the daemon before it: what still records goes on, strays are ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import anyio.abc

from tallyd.domain.model import Run
from tallyd.engine.adoption import Adopted, adopted, what_runs
from tallyd.engine.agenda import Agenda, key_of
from tallyd.engine.announcer import Announcer
from tallyd.engine.decisions import with_part
from tallyd.engine.journal import Journal
from tallyd.engine.recovery import after_boot
from tallyd.engine.staff import Staff
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import DriverError, Observation

ASK_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Succession:
    """Brings what the ledger says of unfinished runs together with what the devices do."""

    agenda: Agenda
    journal: Journal
    staff: Staff
    clock: Clock
    announcer: Announcer

    async def take_over(self, unfinished: Sequence[Run], tasks: anyio.abc.TaskGroup) -> None:
        """Settle how every unfinished run stands; sessions of none of them are ended beside."""
        standing = {run.id: after_boot(run) for run in unfinished}
        for target, sessions in (await what_runs(self.staff.drivers())).items():
            own = [run for run in unfinished if run.target == target]
            for seen in sessions:
                heir = adopted(seen, own)
                if heir is None or not self.staff.of(target).adopt(heir.run, heir.part):
                    tasks.start_soon(self._end_stray, target, seen)
                    continue
                standing[heir.run.id] = heir.run
                self._say_adopted(heir)
        for run in unfinished:
            self.journal.known(run)
            found = standing[run.id]
            self.agenda.put_run(found)
            if found != run:
                self.journal.record(found, found.parts[-1] if found.parts else None)
            tasks.start_soon(self._salvage, found, run)

    async def _salvage(self, found: Run, before: Run) -> None:
        """Finish the files of what was cut off together with the daemon or the power."""
        driver = self.staff.drivers().get(found.target)
        if driver is None:
            return
        open_ones = {part.number for part in before.parts if part.end is None}
        cut = [part for part in found.parts if part.end is not None and part.number in open_ones]
        for part in cut:
            try:
                named = await driver.salvage(tuple(map(Path, part.files)))
            except DriverError as error:
                self.announcer.say("recording.left", **_names(found), error=error.sentence)
                continue
            if named:
                whole = replace(part, files=tuple(map(str, named)))
                run = self.agenda.run(found.target, key_of(found)) or found
                run = replace(run, parts=with_part(run.parts, whole))
                self.agenda.put_run(run)
                self.journal.record(run, whole)
                self.announcer.say("recording.salvaged", **_names(found), files=list(whole.files))

    def _say_adopted(self, heir: Adopted) -> None:
        self.announcer.say(
            "run.adopted",
            **_names(heir.run),
            part=heir.part.number,
            reference=heir.part.reference,
            stop=heir.part.piece.stop,
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
                await self.clock.sleep(ASK_AGAIN_S)
            else:
                return


def _names(run: Run) -> dict[str, object]:
    return {
        "target": run.target,
        "run_id": run.id,
        "schedule_id": run.schedule_id,
        "slot": run.slot,
        "name": run.name,
    }
