"""The reconcilers of all targets: employed at boot, replaced with their drivers, ended in order."""

import traceback
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import anyio
import anyio.abc

from tallyd.domain.secrecy import mask_urls
from tallyd.engine.announcer import Announcer
from tallyd.engine.desk import Desk
from tallyd.engine.fence import Clean, FencedDriver
from tallyd.engine.reconciler import Reconciler
from tallyd.engine.stuck import Calls
from tallyd.ports.clock import Clock
from tallyd.ports.drivers import Driver, DriverError

RESTART_TASK_S = 1.0


@dataclass(frozen=True, slots=True)
class Installed:
    """The driver of a target, or why it has none; `clean` takes its secrets out of its words."""

    name: str | None
    driver: Driver | None
    problem: str | None = None
    clean: Clean = mask_urls


NOT_CONFIGURED = Installed(None, None, "not in the configuration")


class Staff:
    """Every target has one reconciler with tasks of its own; a task that fails is restarted."""

    def __init__(
        self, desk: Desk, drivers: Mapping[str, Installed], announcer: Announcer, calls: Calls
    ) -> None:
        self._desk = desk
        self._calls = calls
        self._installed = dict(drivers)
        self._announcer = announcer
        self._reconcilers: dict[str, Reconciler] = {}
        self._closing = False

    def everybody(self) -> tuple[Reconciler, ...]:
        """Give all reconcilers."""
        return tuple(self._reconcilers.values())

    def installed(self, target: str) -> Installed:
        """Give the driver of a target."""
        return self._installed.get(target, NOT_CONFIGURED)

    def fenced(self, target: str) -> FencedDriver | None:
        """Give the driver of a target as the engine calls it."""
        installed = self.installed(target)
        if installed.driver is None:
            return None
        return FencedDriver(installed.driver, installed.clean, self._calls.watch(target))

    def of(self, target: str) -> Reconciler:
        """Give the reconciler of a target."""
        return self._reconcilers[target]

    def employ(self, targets: Iterable[str], tasks: anyio.abc.TaskGroup) -> None:
        """Give each target that has none its reconciler."""
        for target in targets:
            if target not in self._reconcilers:
                self._hire(target, tasks)

    def _hire(self, target: str, tasks: anyio.abc.TaskGroup) -> Reconciler:
        reconciler = Reconciler(target, self._desk, self.fenced(target))
        self._reconcilers[target] = reconciler
        tasks.start_soon(self._serve, reconciler)
        return reconciler

    def dismiss_all_but(self, targets: Collection[str]) -> None:
        """Let the reconcilers go whose targets are no longer there under that key."""
        for target in self._reconcilers.keys() - set(targets):
            self._reconcilers.pop(target).retire()

    async def _serve(self, reconciler: Reconciler) -> None:
        """Run a reconciler and its inputs until it has retired."""
        async with anyio.create_task_group() as tasks:
            if reconciler.driver is not None:
                with suppress(DriverError):  # what is not on says so when something is to start
                    await reconciler.driver.switch_on()
            for executor in reconciler.executors:
                name = f"{reconciler.target} input {executor.number}"
                tasks.start_soon(self._restarting, name, executor.run)
            await reconciler.retired()
            tasks.cancel_scope.cancel()

    async def replace(self, target: str, installed: Installed, tasks: anyio.abc.TaskGroup) -> None:
        """Take another driver into use, once what records with the old one has ended."""
        self._installed[target] = installed
        old = self._reconcilers.get(target)
        if old is None:
            return
        old.retire()
        await old.retired()
        await _switch_off(old)
        if self._closing or self._installed[target] is not installed:
            return  # it was changed again meanwhile: that call goes on from here
        successor = self._hire(target, tasks)
        successor.replan()

    def due(self, target: str) -> None:
        """Have a target do what it decided for this instant, if it is still there."""
        if (reconciler := self._reconcilers.get(target)) is not None:
            reconciler.due()

    def device_back(self, target: str) -> None:
        """Have a target looked at again whose device came back: it may have waited for that."""
        if (reconciler := self._reconcilers.get(target)) is not None:
            reconciler.device_back()

    def all_back(self) -> None:
        """Have every target looked at again: what they share, and may have waited for, is back."""
        for reconciler in self._reconcilers.values():
            reconciler.device_back()

    def replan(self, targets: Iterable[str]) -> None:
        """Have targets looked at again, at new plans."""
        for target in targets:
            self._reconcilers[target].replan()

    def clock_was_set(self) -> None:
        """Have every target looked at again: what was to be tried later may be due by now."""
        for reconciler in self._reconcilers.values():
            reconciler.device_back()
            reconciler.replan()

    def replan_all(self) -> None:
        """Have every target looked at again, at a new plan."""
        self.replan(self._reconcilers)

    def pictures(
        self, health_of: Callable[[str], Mapping[str, object]]
    ) -> dict[str, Mapping[str, object]]:
        """Give what each target does, with which driver, and how that is, in order of key."""
        return {
            target: {**self._picture(target), "health": health_of(target)}
            for target in sorted(self._reconcilers)
        }

    def _picture(self, target: str) -> Mapping[str, object]:
        installed = self.installed(target)
        reconciler = self._reconcilers[target]
        return {
            "driver": installed.name,
            "usable": installed.driver is not None,
            "problem": installed.problem,
            "next_edge": reconciler.next_edge,
            **reconciler.picture(),
        }

    def drivers(self) -> dict[str, FencedDriver]:
        """Give the driver of every target that has one."""
        return {key: each.driver for key, each in self._reconcilers.items() if each.driver}

    def leave(self) -> None:
        """Leave to the next daemon what goes on without this one."""
        self._closing = True
        for reconciler in self._reconcilers.values():
            if reconciler.driver is not None and reconciler.driver.traits.survives:
                reconciler.leave()
                self._say_left(reconciler)

    def _say_left(self, reconciler: Reconciler) -> None:
        for session in reconciler.sessions:
            run = self._desk.agenda.run(reconciler.target, session.key)
            if run is not None and not session.ending:
                self._desk.reporter.left(run, session.part)

    async def close(self, within_s: float) -> None:
        """End every session, each for sure, and bring all runs to where they stand then."""
        self._closing = True
        for reconciler in self._reconcilers.values():
            if not reconciler.leaving:
                reconciler.close()
        with anyio.move_on_after(within_s):
            for reconciler in self._reconcilers.values():
                await reconciler.idle()
            async with anyio.create_task_group() as tasks:
                for reconciler in self._reconcilers.values():
                    if not reconciler.leaving:
                        tasks.start_soon(_switch_off, reconciler)
        for reconciler in self._reconcilers.values():
            reconciler.reconcile()

    async def _restarting(self, name: str, task: Callable[[], Awaitable[None]]) -> None:
        await keep_running(name, task, self._announcer, self._desk.clock)


async def _switch_off(reconciler: Reconciler) -> None:
    """Have a device off that stays on while nothing is ordered of it."""
    if reconciler.driver is not None:
        with suppress(DriverError, TimeoutError):
            with anyio.fail_after(reconciler.driver.traits.stop_timeout_ms / 1_000):
                await reconciler.driver.switch_off()


async def keep_running(
    name: str, task: Callable[[], Awaitable[None]], announcer: Announcer, clock: Clock
) -> None:
    """Keep a task alive: what nobody foresaw is reported, and costs a second."""
    while True:
        try:
            await task()
        except Exception as error:  # noqa: BLE001 - the fence: one target must not end the others
            announcer.say(
                "task.failed",
                task=name,
                error=repr(error),
                exception="".join(traceback.format_exception(error)),
            )
        await clock.sleep(RESTART_TASK_S)
