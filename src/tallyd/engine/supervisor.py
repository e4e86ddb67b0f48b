"""The engine as a whole: boots, keeps its tasks alive, sees changes of wishes, ends in order."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import anyio

from tallyd.domain.absence import Absence
from tallyd.domain.health import ClockTrust
from tallyd.domain.naming import NameTemplate
from tallyd.domain.retention import Rules
from tallyd.engine.agenda import PLANNED_AHEAD, Agenda
from tallyd.engine.announcer import Announcer
from tallyd.engine.bookkeeping import Bookkeeping
from tallyd.engine.crowd import Crowd
from tallyd.engine.desk import Desk
from tallyd.engine.gap import Gap
from tallyd.engine.headline import Headline, ending, working
from tallyd.engine.health import Health
from tallyd.engine.journal import Journal
from tallyd.engine.leads import REMEMBERED
from tallyd.engine.orders import Orders
from tallyd.engine.past import Past
from tallyd.engine.presence import Presence, Publish, Snapshot
from tallyd.engine.programmes import LiveInputs
from tallyd.engine.recovery import latest_instant
from tallyd.engine.remains import Remains
from tallyd.engine.reporter import Reporter
from tallyd.engine.retention import Retention
from tallyd.engine.rounds import Rounds
from tallyd.engine.staff import Installed, Staff, keep_running
from tallyd.engine.stuck import Calls
from tallyd.engine.succession import Succession
from tallyd.engine.trust import Trust
from tallyd.engine.watchdog import keep_alive
from tallyd.ports.alarm import Alarm, WakeOwner
from tallyd.ports.clock import Clock
from tallyd.ports.disk import Disk
from tallyd.ports.recordings import Shelf
from tallyd.ports.service_manager import ServiceManager
from tallyd.ports.store import Store, StoreError

BACKSTOP_S = 5.0
NUDGES_TOGETHER_S = 0.02
"""After a look at the wishes nudges are gathered for so long: bookings may come by the hundred."""

KEEP_AHEAD_S = 300.0
SESSIONS_END_WITHIN_S = 25.0
LEDGER_WRITTEN_WITHIN_S = 5.0
_FORGET_AFTER = timedelta(days=1)
_STARTED_LATELY = timedelta(minutes=1)

MakeAlarm = Callable[[WakeOwner, Callable[[], None]], Alarm]


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that the engine works with."""

    store: Store
    clock: Clock
    disk: Disk
    make_alarm: MakeAlarm
    drivers: Mapping[str, Installed]
    orders: Orders
    nudged: Callable[[], Awaitable[None]]
    ledger_keep: timedelta
    retention: Rules
    publish: Publish
    service: ServiceManager
    absence: Absence
    shelf: Shelf
    ledger_settled: Callable[[], Awaitable[None]]
    clock_trust: ClockTrust = ClockTrust.PLAUSIBLE


class Engine:
    """Executes the schedules of one database until told to stop."""

    def __init__(self, world: World, announcer: Announcer) -> None:
        self._world = world
        self._clock = world.clock
        self._announcer = announcer
        self._agenda = Agenda()
        self._alarm = world.make_alarm(self._due, self._clock_stepped)
        self._journal = Journal(world.store, self._clock, announcer, self._agenda.learn_id)
        self._gap = self._new_gap()
        self._presence = Presence(self._clock, self.snapshot, world.publish, self._new_gap())
        self._headline = Headline(self._clock, self._sum_up, world.service.status, self._new_gap())
        self._started_at = self._clock.now()
        self._ready = False
        self._leaves = False
        self.booted = anyio.Event()
        self._planned_s = self._clock.monotonic()
        self._time_jumped = anyio.Event()
        self._crowd = Crowd()
        past = Past(self._clock, world.absence)
        self._trust = Trust(self._clock, announcer, past, self._time_is_another)
        self._rounds = Rounds(self._clock, announcer, self._new_gap())
        self._reload: Mapping[str, object] = {"serial": 0}
        desk = Desk(
            agenda=self._agenda,
            journal=self._journal,
            reporter=Reporter(announcer),
            alarm=self._alarm,
            clock=self._clock,
            orders=world.orders,
            crowd=self._crowd,
            rounds=self._rounds,
            presence_changed=self._presence_changed,
            absence=world.absence,
            past=past,
            trust=self._trust,
        )
        self._calls = Calls(self._clock, announcer)
        self._staff = Staff(desk, world.drivers, announcer, self._calls)
        remains = Remains(
            desk, self._staff, announcer, world.store, world.shelf, world.ledger_settled
        )
        self._succession = Succession(desk, self._staff, announcer, remains)
        self._health = Health(
            staff=self._staff,
            agenda=self._agenda,
            clock=self._clock,
            disk=world.disk,
            announcer=announcer,
            trust=self._trust,
            changed=self._presence.changed,
        )
        self._retention = Retention(
            rules=world.retention,
            targets=lambda: self._agenda.targets,
            store=world.store,
            disk=world.disk,
            clock=self._clock,
            announcer=announcer,
            is_free_for=self.is_free_for,
        )
        self._books = Bookkeeping(
            store=world.store,
            clock=self._clock,
            agenda=self._agenda,
            journal=self._journal,
            trust=self._trust,
            announcer=announcer,
            keep=world.ledger_keep,
        )

    def leave_recordings(self) -> None:
        """When the end comes, leave what goes on without this process to the next one."""
        self._leaves = True

    def finish_recordings(self) -> None:
        """When the end comes, end every recording."""
        self._leaves = False

    async def run(self, stop: anyio.Event) -> None:
        """Work until `stop` is set, then end or leave every recording and return.

        Raises:
            StoreError: the database could not be read at boot.
        """
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._alarm.run)
            tasks.start_soon(self._announcer.run)
            tasks.start_soon(self._journal.run)
            self._tasks = tasks
            await self._boot()
            for task in (
                self._rounds.run,
                self._trust.run,
                self._heed_nudges,
                self._heed_backstop,
                self._keep_ahead,
                self._plan_on,
                self._health.run,
                self._calls.run,
                self._retention.run,
            ):
                self._keep_running(task)
            tasks.start_soon(self._presence.run)
            self._keep_running(self._headline.run)
            if (watchdog_s := self._world.service.watchdog_s) is not None:
                tasks.start_soon(self._prove_alive, watchdog_s)
            await stop.wait()
            await self._close()
            tasks.cancel_scope.cancel()
        await self._world.publish(self.snapshot())

    def snapshot(self) -> Snapshot:
        """Give the volatile picture: what each target does, what it is to do next."""
        return {
            "started_at": self._started_at,
            "heartbeat_at": self._clock.now(),
            "ready": self._ready,
            "ledger_waiting": self._journal.waiting,
            "reload": self._reload,
            **self._health.pictures(),
            "targets": self._staff.pictures(self._health.picture_of),
        }

    def next_edge(self) -> datetime | None:
        """Give when something is to be done next; None where nothing is known of."""
        edges = (reconciler.next_edge for reconciler in self._staff.everybody())
        return min((edge for edge in edges if edge is not None), default=None)

    def reloaded(self, result: Mapping[str, object]) -> None:
        """Publish what became of the last reload of the configuration."""
        self._reload = result
        self._presence.changed()

    def trust_clock_by(self, rule: ClockTrust) -> None:
        """Take another rule into use, should the clock be doubted."""
        self._trust.rule = rule

    def play_from(self, inputs: LiveInputs) -> None:
        """Have channels show other live inputs; what is ordered already stays as it is."""
        self._world.orders.play_from(inputs)

    def is_free_for(self, length: timedelta) -> bool:
        """Tell whether nothing is due for a while, nor overdue."""
        until = self._clock.now() + length
        edges = (each.next_edge for each in self._staff.everybody())
        return all(edge is None or edge > until for edge in edges)

    def is_recording(self, target: str) -> bool:
        """Tell whether a session of a target is open."""
        return any(r.target == target and r.sessions for r in self._staff.everybody())

    async def refit(
        self, drivers: Mapping[str, Installed], template: NameTemplate, retention: Rules
    ) -> None:
        """Take the wishes and drivers of a new configuration into use.

        A target that records keeps its driver until that run has ended.
        """
        self._world.orders.rename_by(template)
        self._retention.rule_by(retention)
        for target, installed in drivers.items():
            self._tasks.start_soon(self._staff.replace, target, installed, self._tasks)
        await self._read_wishes()
        self._agenda.read_zones(self._clock.now())
        self._staff.replan_all()

    def _presence_changed(self) -> None:
        self._presence.changed()
        self._headline.changed()
        self._health.wake()

    def _sum_up(self) -> str:
        if self._ready:
            line = working(self._staff.everybody(), self._clock.now())
            return line if self._trust.is_given else f"clock not trusted, nothing starts; {line}"
        return ending(self._staff.everybody())

    async def _prove_alive(self, watchdog_s: float) -> None:
        alive = self._world.service.alive
        await keep_alive(self._clock, self._staff.everybody, alive, watchdog_s)

    async def _boot(self) -> None:
        absence = self._world.absence
        async with self._world.store.read() as reader:
            latest = absence.heard_at or await latest_instant(reader)
        self._trust.begin(self._world.clock_trust, latest)
        now = self._clock.now()
        await self._books.take_stock(now)
        async with self._world.store.read() as reader:
            unfinished = await reader.unfinished_runs()
            standing = await reader.runs(start=now, stop=now + PLANNED_AHEAD)
            recent = {
                key: await reader.recent_parts(key, REMEMBERED) for key in self._world.drivers
            }
        self._agenda.take_runs(standing)
        self._staff.employ(self._agenda.targets, self._tasks)
        await self._succession.take_over(unfinished, self._tasks)
        await self._books.recall(self._agenda.targets)
        self._agenda.read_zones(self._clock.now())
        for key, parts in recent.items():
            for part in parts:
                self._crowd.join(part.piece.start, key)
        for key, parts in recent.items():
            self._health.learn(key, parts)
            for part in reversed(parts):
                self._staff.of(key).lead.learn(part)
        for reconciler in self._staff.everybody():
            reconciler.reconcile()
        self._ready = True
        self.booted.set()
        self._world.service.ready()
        self._announcer.say(
            "daemon.ready",
            targets=len(self._staff.everybody()),
            schedules=len(self._agenda.schedules()),
            boot_ms=round((self._clock.now() - self._started_at) / timedelta(milliseconds=1)),
        )

    def _new_gap(self) -> Gap:
        return Gap(self._clock, self._alarm.next_wake)

    def _keep_running(self, task: Callable[[], Awaitable[None]]) -> None:
        name = getattr(task, "__qualname__", repr(task))
        self._tasks.start_soon(keep_running, name, task, self._announcer, self._clock)

    def _due(self, owner: str) -> None:
        self._staff.due(owner)

    def _clock_stepped(self) -> None:
        self._trust.clock_was_set()
        self._time_is_another()

    def _time_is_another(self) -> None:
        """Look at everything again: the clock was set, or may be trusted now."""
        self._staff.clock_was_set()
        self._presence_changed()
        # What a jump ahead has passed over needs its rows, to be explained.
        self._time_jumped.set()

    async def _heed_nudges(self) -> None:
        while True:
            await self._world.nudged()
            await self._gap.wait()
            await self._read_wishes()
            await self._clock.sleep(NUDGES_TOGETHER_S)

    async def _heed_backstop(self) -> None:
        """See changes of which no nudge told."""
        version = -1
        while True:
            await self._clock.sleep(BACKSTOP_S)
            try:
                seen = await self._world.store.data_version()
            except StoreError:
                continue
            if seen != version:
                version = seen
                await self._read_wishes()

    async def _read_wishes(self) -> None:
        """Take in what changed since the last look."""
        found = await self._books.changes()
        if found is None:
            return
        changes, rows = found
        touched = self._agenda.apply(changes, self._clock.now())
        for run in self._agenda.take_runs(rows):
            self._journal.known(run)
            touched.add(run.target)
        await self._books.recall(touched)
        self._staff.dismiss_all_but(self._agenda.targets)
        self._staff.employ(sorted(self._agenda.targets), self._tasks)
        self._staff.replan(touched)
        self._announcer.say("plan.changed", revision=changes.revision, targets=sorted(touched))

    async def _keep_ahead(self) -> None:
        """Write the rows of what starts soon, and plan on as time goes by, or as it is set."""
        while True:
            with anyio.move_on_after(KEEP_AHEAD_S):
                await self._time_jumped.wait()
            self._time_jumped = anyio.Event()
            now = self._clock.now()
            try:
                while not await self._books.write_ahead(now):
                    await self._read_wishes()
                await self._books.read_ahead(now)
            except StoreError as error:
                self._announcer.say("store.failed", error=str(error), waiting=0)
                continue
            if not self._time_jumped.is_set():
                self._trust.rows_are_known()
            self._agenda.forget_runs(now - _FORGET_AFTER)
            self._crowd.forget(now - _STARTED_LATELY)
            await self._books.forget(now)
            self._planned_s = self._clock.monotonic()
            self._staff.replan_all()

    async def _plan_on(self) -> None:
        """Plan on as time goes by where the database, which has the rows first, does not answer."""
        while True:
            await self._clock.sleep(KEEP_AHEAD_S)
            if self._clock.monotonic() - self._planned_s > 2 * KEEP_AHEAD_S:
                self._staff.replan_all()

    async def _close(self) -> None:
        """End or leave every session and put what happened on the disk, each within its time."""
        self._ready = False
        if self._leaves:
            self._staff.leave()
        self._world.service.stopping(SESSIONS_END_WITHIN_S + LEDGER_WRITTEN_WITHIN_S)
        self._headline.changed()
        await self._staff.close(SESSIONS_END_WITHIN_S)
        with anyio.move_on_after(LEDGER_WRITTEN_WITHIN_S):
            await self._journal.flushed()
        self._announcer.flush()
