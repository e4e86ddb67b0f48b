"""The live inputs of the configuration, with their credentials filled in; none is opened."""

from collections.abc import Iterator, Mapping

from pydantic import SecretStr

from tallyd.config import (
    ConfigError,
    ConfigProblem,
    Settings,
    credentials_directory,
    with_credentials,
)
from tallyd.domain.errors import Problem
from tallyd.domain.model import TargetKind
from tallyd.drivers.ffmpeg.sources import DEVICES, parse_source
from tallyd.engine.programmes import LiveInputs


def slicer_problems(source: str) -> Iterator[Problem]:
    """Give what is wrong with where a live input comes from; nothing of it is repeated."""
    try:
        if parse_source(_filled(source)).kind in DEVICES:
            yield Problem("source", "", "is a device of this machine; give a URL, or `test`")
    except ConfigError as error:
        yield from error.problems
    except ValueError as error:
        yield Problem("source", "", str(error))


def inputs_of(settings: Settings) -> tuple[LiveInputs, Mapping[str, ConfigProblem]]:
    """Give the live inputs, and by name why one of them is not among them."""
    slicers: dict[str, str] = {}
    problems: dict[str, ConfigProblem] = {}
    for name, slicer in settings.slicers.items():
        try:
            slicers[name] = _filled(slicer.source)
        except ConfigError as error:
            (problem,) = error.problems
            field = f"slicers.{name}.source"
            problems[name] = ConfigProblem(field, problem.value, problem.fix)
    shown = {
        f"{TargetKind.CHANNEL}.{name}": slicers[channel.live]
        for name, channel in settings.channels.items()
        if channel.live in slicers
    }
    return LiveInputs(slicers, shown), problems


def _filled(source: str) -> str:
    value = with_credentials({"source": source}, credentials_directory())["source"]
    return value.get_secret_value() if isinstance(value, SecretStr) else source
