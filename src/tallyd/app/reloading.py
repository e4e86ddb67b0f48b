"""A new configuration for a running daemon: applied as a whole, or refused as a whole."""

from collections.abc import Callable, Iterator, Mapping

import anyio
from anyio import to_thread

from tallyd.app.inputs import inputs_of
from tallyd.app.installation import retention_of, targets_of
from tallyd.app.workshop import Workshop
from tallyd.catalogue import renamed_targets, sync_targets
from tallyd.config import ConfigError, ConfigProblem, Settings, TargetSettings
from tallyd.domain.errors import Problem
from tallyd.domain.health import ClockTrust
from tallyd.domain.naming import parse_template
from tallyd.domain.recurrence import forget_zones
from tallyd.engine.announcer import Announcer
from tallyd.engine.programmes import LiveInputs
from tallyd.engine.staff import NOT_CONFIGURED, Installed
from tallyd.engine.supervisor import Engine
from tallyd.ports.store import Store, StoreError

FIXED = ("state_dir", "recordings_dir", "recordings_mount", "run_dir")
"""What a running daemon cannot move away from."""

_BUILT_BY = ("driver", "capacity", "options", "ad_slate")


class Reloader:
    """Holds the settings in force, and replaces them when told to."""

    def __init__(  # noqa: PLR0913 - the parts that a reload touches
        self,
        *,
        settings: Settings,
        load_again: Callable[[], Settings],
        workshop: Workshop,
        inputs: LiveInputs,
        store: Store,
        engine: Engine,
        announcer: Announcer,
    ) -> None:
        self._settings = settings
        self._inputs = inputs
        self._load_again = load_again
        self._workshop = workshop
        self._store = store
        self._engine = engine
        self._announcer = announcer
        self._serial = 0
        self._turn = anyio.Lock()

    async def reload(self) -> None:
        """Read the configuration anew; what is wrong with it leaves the old one in force.

        One reload waits for another.
        """
        async with self._turn:
            await self._reload()

    async def _reload(self) -> None:
        self._serial += 1
        problems: tuple[Problem, ...] = ()
        try:
            changed = await self._apply(await to_thread.run_sync(self._load_again))
        except ConfigError as error:
            problems = error.problems
            self._announcer.say("config.refused", problems=[str(each) for each in problems])
        except StoreError as error:
            problems = (Problem("state_dir", "", str(error)),)
            self._announcer.say("config.refused", problems=[str(error)])
        else:
            self._announcer.say("config.reloaded", targets=sorted(changed))
        self._engine.reloaded(
            {
                "serial": self._serial,
                "ok": not problems,
                "problems": [_row(problem) for problem in problems],
            }
        )

    async def _apply(self, settings: Settings) -> Mapping[str, Installed]:
        """Take settings into use; gives the targets whose drivers change.

        Raises:
            ConfigError, StoreError: nothing was changed.
        """
        inputs, missing = inputs_of(settings)
        problems = [*self._fixed_problems(settings), *missing.values()]
        if problems:
            raise ConfigError("file", *problems)
        old = {target.key: target for target in self._settings.targets()}
        new = {target.key: target for target in settings.targets()}
        drivers = {
            key: self._workshop.install(new[key], inputs)
            for key in new
            if _is_changed(old.get(key), new[key]) or self._inputs.differ(inputs, key)
        }
        broken = [key for key, each in drivers.items() if each.driver is None]
        if broken:
            raise ConfigError(
                "file",
                *(ConfigProblem(f"{key}.driver", "", drivers[key].problem or "") for key in broken),
            )
        async with self._store.write() as tx:
            for key in await renamed_targets(tx, targets_of(settings)):
                if self._engine.is_recording(key):
                    fix = "it records now: rename it when that has ended"
                    raise ConfigError("file", ConfigProblem(key, "", fix))
            await sync_targets(tx, targets_of(settings))
        forget_zones()
        drivers |= dict.fromkeys(old.keys() - new.keys(), NOT_CONFIGURED)
        self._settings, self._inputs = settings, inputs
        self._engine.play_from(inputs)
        self._engine.trust_clock_by(ClockTrust(settings.clock.trust))
        template = parse_template(settings.appliance.file_name)
        await self._engine.refit(drivers, template, retention_of(settings))
        return drivers

    def _fixed_problems(self, settings: Settings) -> Iterator[ConfigProblem]:
        for name in FIXED:
            was, wanted = getattr(self._settings.appliance, name), getattr(settings.appliance, name)
            if was != wanted:
                fix = f"a running daemon cannot leave {was}; restart it for that"
                yield ConfigProblem(f"appliance.{name}", str(wanted), fix)


def _row(problem: Problem) -> Mapping[str, object]:
    line = problem.line if isinstance(problem, ConfigProblem) else None
    return {"field": problem.field, "value": problem.value, "fix": problem.fix, "line": line}


def _is_changed(before: TargetSettings | None, now: TargetSettings) -> bool:
    """Tell whether the driver of a target must be built anew for what stands in its section."""
    return before is None or any(getattr(before, each) != getattr(now, each) for each in _BUILT_BY)
