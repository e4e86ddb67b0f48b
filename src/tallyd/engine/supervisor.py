"""The engine as a whole: boots, keeps its tasks alive, sees changes of wishes, ends in order."""

import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import anyio
import anyio.abc

from tallyd.domain.model import Run
from tallyd.engine import headline
from tallyd.engine.agenda import PLANNED_AHEAD, Agenda
from tallyd.engine.announcer import Announcer
from tallyd.engine.fence import FencedDriver
from tallyd.engine.journal import Journal
from tallyd.engine.leads import REMEMBERED
from tallyd.engine.orders import Orders
from tallyd.engine.presence import Presence, Publish, Snapshot
from tallyd.engine.reconciler import Desk, Reconciler
from tallyd.engine.recovery import after_boot, materialise
from tallyd.engine.reporter import Reporter
from tallyd.engine.watchdog import keep_alive
from tallyd.ports.alarm import Alarm, WakeOwner
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import Driver
from tallyd.ports.service_manager import ServiceManager
from tallyd.ports.store import Changes, Store, StoreError

BACKSTOP_S = 5.0
KEEP_AHEAD_S = 300.0
READ_AGAIN_S = 1.0
SESSIONS_END_WITHIN_S = 25.0
LEDGER_WRITTEN_WITHIN_S = 5.0
RESTART_TASK_S = 1.0
_FORGET_AFTER = timedelta(days=1)

MakeAlarm = Callable[[WakeOwner, Callable[[], None]], Alarm]


@dataclass(frozen=True, slots=True)
class Installed:
    """The driver of a target, or why it has none."""

    name: str
    driver: Driver | None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that the engine works with."""

    store: Store
    clock: Clock
    make_alarm: MakeAlarm
    drivers: Mapping[str, Installed]
    orders: Orders
    nudged: Callable[[], Awaitable[None]]
    ledger_keep: timedelta
    publish: Publish
    service: ServiceManager


class Engine:
    """Executes the schedules of one database until told to stop."""

    def __init__(self, world: World, announcer: Announcer) -> None:
        self._world = world
        self._clock = world.clock
        self._announcer = announcer
        self._agenda = Agenda()
        self._alarm = world.make_alarm(self._wake, self._clock_stepped)
        self._journal = Journal(world.store, self._clock, announcer, self._agenda.learn_id)
        self._presence = Presence(self._clock, self.snapshot, world.publish)
        # Apart from the picture, which a hung disk holds up.
        self._headline = Presence(self._clock, self._sum_up, self._tell_status)
        self._started_at = self._clock.now()
        self._ready = False
        self._forgot_on: date | None = None
        self._time_jumped = anyio.Event()
        self._reconcilers: dict[str, Reconciler] = {}
        self._desk = Desk(
            agenda=self._agenda,
            journal=self._journal,
            reporter=Reporter(announcer),
            alarm=self._alarm,
            clock=self._clock,
            orders=world.orders,
            presence_changed=self._presence_changed,
            booted_at=self._started_at,
        )

    async def run(self, stop: anyio.Event) -> None:
        """Work until `stop` is set, then end every recording and return.

        Raises:
            StoreError: the database could not be read at boot.
        """
        async with anyio.create_task_group() as tasks:
            await tasks.start(self._alarm.run)
            tasks.start_soon(self._announcer.run)
            tasks.start_soon(self._journal.run)
            await self._boot(tasks)
            for task in (self._heed_nudges, self._heed_backstop, self._keep_ahead):
                tasks.start_soon(self._restarting, task.__name__, task)
            tasks.start_soon(self._presence.run)
            tasks.start_soon(self._restarting, "headline", self._headline.run)
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
            "targets": {
                key: self._picture(key, reconciler)
                for key, reconciler in sorted(self._reconcilers.items())
            },
        }

    def _picture(self, key: str, reconciler: Reconciler) -> Mapping[str, object]:
        installed = self._world.drivers.get(key)
        return {
            "driver": installed.name if installed else None,
            "usable": installed is not None and installed.driver is not None,
            "problem": installed.problem if installed else "not in the configuration",
            "next_edge": reconciler.next_edge,
            **reconciler.picture(),
        }

    def _presence_changed(self) -> None:
        self._presence.changed()
        self._headline.changed()

    def _sum_up(self) -> str:
        if self._ready:
            return headline.working(self._reconcilers.values(), self._clock.now())
        return headline.ending(self._reconcilers.values())

    async def _tell_status(self, line: str) -> None:
        self._world.service.status(line)

    async def _prove_alive(self, watchdog_s: float) -> None:
        alive = self._world.service.alive
        await keep_alive(self._clock, self._reconcilers.values, alive, watchdog_s)

    async def _boot(self, tasks: anyio.abc.TaskGroup) -> None:
        now = self._clock.now()
        await self._take_stock(now)
        async with self._world.store.read() as reader:
            unfinished = await reader.unfinished_runs()
            standing = await reader.runs(start=now, stop=now + PLANNED_AHEAD)
            recent = {
                key: await reader.recent_parts(key, REMEMBERED) for key in self._world.drivers
            }
        self._agenda.take_runs(standing)
        for run in unfinished:
            self._journal.known(run)
            found = after_boot(run)
            self._agenda.put_run(found)
            if found != run:
                self._journal.record(found, found.parts[-1] if found.parts else None)
        for key in self._agenda.targets:
            self._employ(key, tasks)
        for key, parts in recent.items():
            for part in reversed(parts):
                self._reconcilers[key].lead.learn(part)
        for reconciler in self._reconcilers.values():
            reconciler.reconcile()
        self._tasks = tasks
        self._ready = True
        self._world.service.ready()
        self._announcer.say(
            "daemon.ready",
            targets=len(self._reconcilers),
            schedules=len(self._agenda.schedules()),
            boot_ms=round((self._clock.now() - self._started_at) / timedelta(milliseconds=1)),
        )

    async def _take_stock(self, now: datetime) -> None:
        """Read all wishes and write the rows of what falls due soon, of one and the same moment."""
        written = False
        while not written:
            async with self._world.store.read() as reader:
                self._agenda.apply(await reader.changes_since(self._agenda.revision), now)
            written = await materialise(self._world.store, self._agenda, now)

    def _employ(self, key: str, tasks: anyio.abc.TaskGroup) -> None:
        """Give a target its reconciler, alive for good."""
        installed = self._world.drivers.get(key)
        driver = FencedDriver(installed.driver) if installed and installed.driver else None
        reconciler = Reconciler(key, self._desk, driver)
        self._reconcilers[key] = reconciler
        tasks.start_soon(self._restarting, key, reconciler.run)
        for executor in reconciler.executors:
            tasks.start_soon(self._restarting, f"{key} input {executor.number}", executor.run)

    async def _restarting(self, name: str, task: Callable[[], Awaitable[None]]) -> None:
        """Keep a task alive: what nobody foresaw is reported, and costs a second."""
        while True:
            try:
                await task()
            except Exception as error:  # noqa: BLE001 - the fence: one target must not end the others
                self._announcer.say(
                    "task.failed",
                    task=name,
                    error=repr(error),
                    exception="".join(traceback.format_exception(error)),
                )
            await self._clock.sleep(RESTART_TASK_S)

    def _wake(self, owner: str) -> None:
        self._reconcilers[owner].wake()

    def _clock_stepped(self) -> None:
        self._announcer.say("alarm.clock_stepped", now=self._clock.now())
        self._replan(self._reconcilers)
        # What a jump ahead has passed over needs its rows, to be explained.
        self._time_jumped.set()

    def _replan(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._reconcilers[key].replan()

    async def _heed_nudges(self) -> None:
        while True:
            await self._world.nudged()
            await self._read_wishes()

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
        found = await self._fetch_changes()
        if found is None:
            return
        changes, rows = found
        touched = self._agenda.apply(changes, self._clock.now())
        for run in self._agenda.take_runs(rows):
            self._journal.known(run)
            touched.add(run.target)
        for key in sorted(self._agenda.targets.keys() - self._reconcilers.keys()):
            self._employ(key, self._tasks)
        self._replan(touched)
        self._announcer.say("plan.changed", revision=changes.revision, targets=sorted(touched))

    async def _fetch_changes(self) -> tuple[Changes, tuple[Run, ...]] | None:
        """Read what changed; a database that cannot be read is asked again until it can."""
        while True:
            try:
                async with self._world.store.read() as reader:
                    if await reader.revision() == self._agenda.revision:
                        return None
                    changes = await reader.changes_since(self._agenda.revision)
                    return changes, await reader.unfinished_runs()
            except StoreError as error:
                self._announcer.say("store.failed", error=str(error), waiting=0)
                await self._clock.sleep(READ_AGAIN_S)

    async def _keep_ahead(self) -> None:
        """Write the rows of what starts soon, and plan on as time goes by, or as it is set."""
        while True:
            with anyio.move_on_after(KEEP_AHEAD_S):
                await self._time_jumped.wait()
            self._time_jumped = anyio.Event()
            now = self._clock.now()
            try:
                while not await materialise(self._world.store, self._agenda, now):
                    await self._read_wishes()
                async with self._world.store.read() as reader:
                    rows = await reader.unfinished_runs()
            except StoreError as error:
                self._announcer.say("store.failed", error=str(error), waiting=0)
                continue
            for run in self._agenda.take_runs(rows):
                self._journal.known(run)
            self._agenda.forget_runs(now - _FORGET_AFTER)
            await self._forget_old_runs(now)
            self._replan(self._reconcilers)

    async def _forget_old_runs(self, now: datetime) -> None:
        """Keep the ledger as long as the operator wants it, and no longer; once a day."""
        if now.date() == self._forgot_on:
            return
        try:
            async with self._world.store.write() as tx:
                await tx.forget_runs(now - self._world.ledger_keep)
        except StoreError:
            return
        self._forgot_on = now.date()

    async def _close(self) -> None:
        """End every session and put what happened on the disk, each within its time."""
        self._ready = False
        self._world.service.stopping(SESSIONS_END_WITHIN_S + LEDGER_WRITTEN_WITHIN_S)
        for reconciler in self._reconcilers.values():
            reconciler.close()
        self._headline.changed()
        with anyio.move_on_after(SESSIONS_END_WITHIN_S):
            for reconciler in self._reconcilers.values():
                await reconciler.idle()
        for reconciler in self._reconcilers.values():
            reconciler.reconcile()
        with anyio.move_on_after(LEDGER_WRITTEN_WITHIN_S):
            await self._journal.flushed()
        self._announcer.flush()
