"""What the reconcilers of all targets share. It holds, and does nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from tallyd.domain.absence import Absence
from tallyd.engine.agenda import Agenda
from tallyd.engine.crowd import Crowd
from tallyd.engine.journal import Journal
from tallyd.engine.orders import Orders
from tallyd.engine.past import Past
from tallyd.engine.reporter import Reporter
from tallyd.engine.rounds import Rounds
from tallyd.engine.trust import Trust
from tallyd.ports.alarm import Alarm
from tallyd.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Desk:
    """The one picture, journal, voice, alarm and clock of the engine."""

    agenda: Agenda
    journal: Journal
    reporter: Reporter
    alarm: Alarm
    clock: Clock
    orders: Orders
    crowd: Crowd
    rounds: Rounds
    presence_changed: Callable[[], None]
    absence: Absence
    past: Past
    trust: Trust
