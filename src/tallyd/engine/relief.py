"""When a recorder would end by itself before its recording does: the next one takes over from it.

Where sessions may overlap the next is opened first, so that nothing is lost between them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tallyd.domain.lifecycle import TRANSITIONS, Event, advance
from tallyd.domain.model import EndReason, Part, Run, Status
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window
from tallyd.engine.agenda import RunKey, key_of
from tallyd.engine.attempts import Attempts
from tallyd.engine.executor import Session
from tallyd.engine.inputs import Inputs
from tallyd.engine.launches import Launches
from tallyd.engine.reporter import Reporter

_DOWN_TO_STARTING = (Event.STOPPED_WITH_REST, Event.DUE)


class Standing(Protocol):
    """What counts of a session for the run that it is of."""

    @property
    def ending(self) -> bool:
        """Whether its end has been asked for."""
        ...

    @property
    def flows(self) -> bool:
        """Whether its data has come."""
        ...


def status_after(status: Status, event: Event, others: Sequence[Standing]) -> Status:
    """Give the status of a run after an event of one of its sessions; `others` it has besides.

    Raises:
        IllegalTransition: a run in `status` cannot take `event`.
    """
    staying = [other for other in others if not other.ending]
    if any(other.flows for other in staying):
        return status
    if others and event not in TRANSITIONS[status]:
        return status  # both are being ended, and the other one has told so, or will
    after = advance(status, event)
    if staying and after is Status.STOPPING:
        # The one that recorded has ended before its successor had data.
        for down in _DOWN_TO_STARTING:
            after = advance(after, down)
    return after


@dataclass(frozen=True, slots=True)
class Relief:
    """Lets the sessions of one target be relieved, and says how their runs stand meanwhile."""

    inputs: Inputs
    launches: Launches
    reporter: Reporter

    def give(
        self,
        session: Session,
        entry: Planned,
        piece: Window,
        at: datetime,
        attempts: Attempts | None,
    ) -> None:
        """Have the next part take over from a session; called until that has come about."""
        successors = [each for each in self._others(session.key, session.part) if not each.ending]
        if any(each.flows for each in successors) or not self.inputs.overlap:
            # That it takes over was planned so: the part ends where the other begins.
            session.plan_until(at)
            session.end(Event.PIECE_OVER, EndReason.PLANNED)
        elif not successors and (attempts is None or attempts.may_try(at)):
            launch = self.launches.beside(session, entry, piece, at)
            if launch is not None:
                launch.go()
                self.reporter.starting(launch.run, launch.session.part)

    def status(self, run: Run, part: Part, event: Event) -> Status:
        """Give how a run stands after an event of one of its parts.

        Raises:
            IllegalTransition: it cannot take that.
        """
        return status_after(run.status, event, self._others(key_of(run), part))

    def _others(self, key: RunKey, part: Part) -> list[Session]:
        own = (session for session in self.inputs.sessions if session.key == key)
        return [session for session in own if session.part.token != part.token]
