"""Finds drivers by entry point and builds them in fenced stages: a broken one costs itself only."""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from tallyd.domain.errors import Problem
from tallyd.domain.model import Reason, TargetKind
from tallyd.domain.secrecy import mask_urls, shown_mistake
from tallyd.ports.drivers import Driver, DriverContext, DriverError, GiveUpError

_GROUPS = {TargetKind.ROOM: "tallyd.recorders", TargetKind.CHANNEL: "tallyd.feeds"}
_NOUNS = {TargetKind.ROOM: "recorder", TargetKind.CHANNEL: "feed"}
_METHODS = ("probe", "start", "observe", "stop")
_MOST_CHARACTERS = 300


class Stage(StrEnum):
    """How far a driver has come; each stage can only fail for the driver it is about."""

    FOUND = "found"
    LOADED = "loaded"
    VALIDATED = "validated"
    BUILT = "built"


@dataclass(frozen=True, slots=True)
class DriverRecord:
    """What became of a driver: the last stage that it reached, and why it got no further."""

    name: str
    kind: TargetKind
    stage: Stage
    error: str | None = None


class Registry:
    """The drivers that are installed. Each is imported when it is first asked for."""

    def __init__(self, found: Iterable[tuple[TargetKind, EntryPoint]]) -> None:
        self._found = {(kind, entry.name): entry for kind, entry in found}
        self._classes: dict[tuple[TargetKind, str], Any] = {}
        self._records = {
            (kind, name): DriverRecord(name, kind, Stage.FOUND) for kind, name in self._found
        }

    def names(self, kind: TargetKind) -> tuple[str, ...]:
        """Give the names of the drivers for targets of a `kind`, in order."""
        return tuple(sorted(name for of, name in self._found if of is kind))

    def records(self) -> tuple[DriverRecord, ...]:
        """Give what became of every driver so far."""
        return tuple(self._records[key] for key in sorted(self._records))

    def load_all(self) -> tuple[DriverRecord, ...]:
        """Import every driver, whether it is used or not, and give what became of each."""
        for kind, name in self._found:
            try:
                self._load(kind, name)
            except GiveUpError:
                continue  # its record says why
        return self.records()

    def options_model(self, kind: TargetKind, name: str) -> type[BaseModel]:
        """Give the model of a driver's options.

        Raises:
            GiveUpError: there is no such driver, or it does not load.
        """
        model: type[BaseModel] = self._load(kind, name).Options
        return model

    def validate(
        self, kind: TargetKind, name: str, options: Mapping[str, object]
    ) -> tuple[Problem, ...]:
        """Give all that is wrong with a driver's name and options; `field` is a dotted path.

        The field of a problem with the driver itself is `driver`, one with the options as a whole
        has the field `options`. No value that may be secret is repeated.
        """
        if (kind, name) not in self._found:
            return (Problem("driver", _shown(name), self._unknown(kind, name)),)
        try:
            model = self.options_model(kind, name)
        except GiveUpError as error:
            return (Problem("driver", name, error.sentence),)
        try:
            model.model_validate(dict(options))
        except ValidationError as error:
            return tuple(_problem(model, cast("dict[str, Any]", one)) for one in error.errors())
        except Exception as error:  # noqa: BLE001 - a fence: the driver's own validators
            sentence = f"the options of {name} cannot be checked: {_said(error)}"
            return (Problem("driver", name, sentence),)
        return ()

    def build(
        self, kind: TargetKind, name: str, context: DriverContext, options: Mapping[str, object]
    ) -> Driver:
        """Make the driver of one target.

        Raises:
            GiveUpError: it cannot be made, and why; its record says so too.
        """
        driver_class = self._load(kind, name)
        if problems := self.validate(kind, name, options):
            raise self._failed(kind, name, Stage.LOADED, "; ".join(map(str, problems)))
        try:
            checked = driver_class.Options.model_validate(dict(options))
            driver: Driver = driver_class(context, checked)
        except DriverError as error:
            raise self._failed(kind, name, Stage.VALIDATED, error.sentence) from error
        except Exception as error:  # a fence: whatever a foreign driver does at birth
            raise self._failed(kind, name, Stage.VALIDATED, _said(error)) from error
        self._records[kind, name] = DriverRecord(name, kind, Stage.BUILT)
        return driver

    def _load(self, kind: TargetKind, name: str) -> Any:  # noqa: ANN401 - a foreign class, checked
        if (kind, name) not in self._found:
            raise GiveUpError(Reason.DRIVER_UNAVAILABLE, self._unknown(kind, name))
        if (kind, name) in self._classes:
            return self._classes[kind, name]
        try:
            loaded = self._found[kind, name].load()
            flaw = _flaw(loaded)
        except (Exception, SystemExit) as error:  # a fence: importing runs foreign code
            raise self._failed(kind, name, Stage.FOUND, _said(error)) from error
        if flaw is not None:
            raise self._failed(kind, name, Stage.FOUND, flaw)
        self._classes[kind, name] = loaded
        self._records[kind, name] = DriverRecord(name, kind, Stage.LOADED)
        return loaded

    def _failed(self, kind: TargetKind, name: str, stage: Stage, why: str) -> GiveUpError:
        """Record how far the driver came and why no further; gives the error to raise."""
        noun = _NOUNS[kind]
        step = {Stage.FOUND: "be loaded", Stage.LOADED: "take its options"}.get(stage, "be set up")
        sentence = f"the {noun} {name} cannot {step}: {why}"
        self._records[kind, name] = DriverRecord(name, kind, stage, sentence)
        return GiveUpError(Reason.DRIVER_UNAVAILABLE, sentence)

    def _unknown(self, kind: TargetKind, name: str) -> str:
        names = self.names(kind)
        close = get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names) or 'none'}"
        return f"there is no {_NOUNS[kind]} {_shown(name)!r}; {hint}"


def load_drivers() -> Registry:
    """Find what is installed, without importing any of it."""
    return Registry(
        (kind, entry) for kind, group in _GROUPS.items() for entry in entry_points(group=group)
    )


def _flaw(loaded: Any) -> str | None:  # noqa: ANN401 - whatever an entry point names
    """Say how a class breaks the form of a driver; None where it does not."""
    if not inspect.isclass(loaded):
        return "its entry point names no class"
    options = getattr(loaded, "Options", None)
    if not (inspect.isclass(options) and issubclass(options, BaseModel)):
        return "its class has no pydantic model `Options`"
    try:
        inspect.signature(loaded).bind(object(), object())
    except TypeError:
        return "its class is not called with (context, options)"
    if not hasattr(loaded, "traits"):
        return "its class has no `traits`"
    missing = [m for m in _METHODS if not inspect.iscoroutinefunction(getattr(loaded, m, None))]
    return f"its class has no `async def {missing[0]}`" if missing else None


def _problem(model: type[BaseModel], error: dict[str, Any]) -> Problem:
    path = [str(step) for step in error["loc"]]
    if error["type"] == "extra_forbidden":
        close = get_close_matches(path[-1], model.model_fields, n=1)
        known = ", ".join(sorted(model.model_fields))
        # Its value is not shown: nobody knows what it is, so it may be a password.
        hint = f"did you mean {close[0]}?" if close else f"known: {known}"
        return Problem(".".join(path), path[-1], f"is no option; {hint}")
    message = str(error["msg"]).removeprefix("Value error, ")
    value = "(missing)" if error["type"] == "missing" else _shown(error["input"], path)
    return Problem(".".join(path) or "options", value, mask_urls(message))


def _shown(value: object, path: Sequence[str] = ()) -> str:
    """Show a wrong value, without what may be secret in it."""
    if not isinstance(value, str | int | float | bool):
        return "..."
    return shown_mistake(path, str(value))[:_MOST_CHARACTERS]


def _said(error: BaseException) -> str:
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return " ".join(mask_urls(said).split())[:_MOST_CHARACTERS]
