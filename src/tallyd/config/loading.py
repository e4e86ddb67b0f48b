"""Finds the configuration, reads it and the environment, checks all of it or gives none."""

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from pydantic import ValidationError
from pydantic_settings import SettingsError
from pydantic_settings.sources import EnvSettingsSource

from tallyd.config.models import ENV_DELIMITER, ENV_PREFIX, Settings
from tallyd.config.ownership import NotTrustedError, read_trusted
from tallyd.config.problems import ConfigError, ConfigProblem, Places, problems_of
from tallyd.config.values import did_you_mean
from tallyd.domain.errors import Problem
from tallyd.domain.model import TargetKind

FILE_VARIABLE = "TALLYD_CONFIG"
SEARCHED = (Path("tallyd.toml"), Path("/etc/tallyd/config.toml"))


CheckDriver = Callable[[TargetKind, str, Mapping[str, object]], Iterable[Problem]]
"""Gives what is wrong with the driver of that name and its options, fields below the target."""


def _trust(_kind: TargetKind, _driver: str, _options: Mapping[str, object]) -> Iterable[Problem]:
    return ()


CheckSlicer = Callable[[str], Iterable[Problem]]
"""Gives what is wrong with where a live input comes from."""


def _trust_slicer(_source: str) -> Iterable[Problem]:
    return ()


def find(explicit: Path | None = None) -> Path:
    """Give the file to load: `explicit`, else `$TALLYD_CONFIG`, else the first place that has one.

    Raises:
        ConfigError: no place has one. Whether the file named can be read is seen by `load`.
    """
    named = explicit or (Path(os.environ[FILE_VARIABLE]) if os.environ.get(FILE_VARIABLE) else None)
    if named is not None:
        return named
    for place in SEARCHED:
        if place.is_file():
            return place
    looked = " and ".join(map(str, SEARCHED))
    raise ConfigError(
        "file",
        ConfigProblem("--config", "", f"there is none in {looked}; see config.example.toml"),
    )


def load(
    path: Path, check_driver: CheckDriver = _trust, check_slicer: CheckSlicer = _trust_slicer
) -> Settings:
    """Read the file at `path` with the overrides of the environment, everything checked.

    Relative directories are taken from the directory of the file. `check_driver` looks at what only
    a target's driver understands, `check_slicer` at sources; their problems come with all others.

    Raises:
        ConfigError: with everything that is wrong, not the first thing alone.
    """
    text = _read(path)
    document = _parse(path, text)
    places = Places(text)
    overrides, problems = _environment()
    merged = _overlaid(document, overrides)
    known = {name: value for name, value in merged.items() if name in Settings.model_fields}
    problems.extend(_unknown_sections(merged.keys() - known.keys(), places))
    problems.extend(_duplicate_ids(known, places))
    problems.extend(_unknown_slicers(known, places))
    problems.extend(_driver_problems(known, places, check_driver))
    problems.extend(_slicer_problems(known, places, check_slicer))
    try:
        settings = Settings.model_validate(known)
    except ValidationError as error:
        problems.extend(map(_as_set, problems_of(error, Settings, places)))
        raise _error(path, problems) from None  # pydantic's own words repeat every value
    if problems:
        raise _error(path, problems)
    return _anchored(settings, path.absolute().parent)


def _error(path: Path, problems: Iterable[ConfigProblem]) -> ConfigError:
    return ConfigError(str(path), *sorted(problems, key=lambda row: (row.line or 0, row.field)))


def _read(path: Path) -> str:
    try:
        return read_trusted(path).decode()
    except UnicodeDecodeError as error:
        fix = f"byte {error.start} is no UTF-8: save the file as UTF-8"
    except NotTrustedError as error:
        fix = str(error)
    except OSError as error:
        fix = f"cannot be read: {error.strerror or error}"
    raise ConfigError(str(path), ConfigProblem("file", str(path), fix))


def _parse(path: Path, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # tomllib says where in its sentence: "... (at line 3, column 7)".
        raise ConfigError(str(path), ConfigProblem("TOML", "", str(error))) from None


def _environment() -> tuple[dict[str, object], list[ConfigProblem]]:
    """Give the overrides of the environment, and what is wrong with their names."""
    problems = [
        ConfigProblem(name, "", f"no such section{did_you_mean(section, Settings.model_fields)}")
        for name in sorted(os.environ)
        if name.startswith(ENV_PREFIX) and ENV_DELIMITER in name
        if (section := name[len(ENV_PREFIX) :].partition(ENV_DELIMITER)[0].lower())
        not in Settings.model_fields
    ]
    try:
        return EnvSettingsSource(Settings)(), problems
    except SettingsError:
        sections = " or ".join(f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields)
        fix = f"a whole section in {sections} is written as JSON"
        return {}, [*problems, ConfigProblem("environment", "", fix)]


def _as_set(problem: ConfigProblem) -> ConfigProblem:
    """Name the variable instead of the file's line where the environment set the value."""
    variable = ENV_PREFIX + problem.field.upper().replace(".", ENV_DELIMITER)
    if variable in os.environ:
        return replace(problem, field=variable, line=None)
    return problem


def _overlaid(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    merged = dict(below)
    for name, value in above.items():
        tables = _table(merged.get(name)), _table(value)
        merged[name] = _overlaid(*tables) if all(tables) else value
    return merged


def _table(value: object) -> dict[str, object]:
    """Give the TOML table `value`, or an empty one where it is something else."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _unknown_sections(names: Iterable[str], places: Places) -> Iterator[ConfigProblem]:
    for name in names:
        hint = did_you_mean(name, Settings.model_fields)
        yield ConfigProblem(name, "", f"unknown section{hint}", places.line((name,)))


def _duplicate_ids(document: Mapping[str, object], places: Places) -> Iterator[ConfigProblem]:
    """Find ids given to two targets; beside the model, so that no other mistake hides them."""
    holders: dict[int, str] = {}
    for kind in TargetKind:
        for name, target in _table(document.get(kind)).items():
            key, public_id = f"{kind}.{name}", _table(target).get("id")
            if not isinstance(public_id, int):
                continue
            holder = holders.setdefault(public_id, key)
            if holder != key:
                fix = f"{holder} has this id already: give each target its own"
                line = places.line((kind, name, "id"))
                yield ConfigProblem(f"{key}.id", str(public_id), fix, line)


def _unknown_slicers(document: Mapping[str, object], places: Places) -> Iterator[ConfigProblem]:
    """Find channels that show a live input of which nothing is said."""
    known = _table(document.get("slicers"))
    for name, channel in _table(document.get(TargetKind.CHANNEL)).items():
        live = _table(channel).get("live")
        if isinstance(live, str) and live not in known:
            fix = f"there is no [slicers.{live}]{did_you_mean(live, known)}"
            line = places.line((TargetKind.CHANNEL, name, "live"))
            yield ConfigProblem(f"{TargetKind.CHANNEL}.{name}.live", live, fix, line)


def _slicer_problems(
    document: Mapping[str, object], places: Places, check_slicer: CheckSlicer
) -> Iterator[ConfigProblem]:
    """Ask about every live input whose source is a text."""
    for name, slicer in _table(document.get("slicers")).items():
        source = _table(slicer).get("source")
        if isinstance(source, str) and source.strip():
            line = places.line(("slicers", name, "source"))
            for problem in check_slicer(source):
                field = f"slicers.{name}.{problem.field}"
                yield ConfigProblem(field, problem.value, problem.fix, line)


def _driver_problems(
    document: Mapping[str, object], places: Places, check_driver: CheckDriver
) -> Iterator[ConfigProblem]:
    """Ask about every driver that is named, whatever else is wrong around it."""
    for kind in TargetKind:
        for name, section in _table(document.get(kind)).items():
            target = _table(section)
            driver = target.get("driver")
            if not isinstance(driver, str):
                continue
            for problem in check_driver(kind, driver, _table(target.get("options"))):
                field = f"{kind}.{name}.{problem.field}"
                line = places.line(field.split("."))
                yield ConfigProblem(field, problem.value, problem.fix, line)


def _anchored(settings: Settings, base: Path) -> Settings:
    appliance = settings.appliance
    directories = {
        name: base / getattr(appliance, name) for name in ("state_dir", "recordings_dir", "run_dir")
    }
    channels = {
        name: channel.model_copy(update={"ad_slate": base / channel.ad_slate})
        if channel.ad_slate is not None
        else channel
        for name, channel in settings.channels.items()
    }
    appliance = appliance.model_copy(update=directories)
    return settings.model_copy(update={"appliance": appliance, "channels": channels})
