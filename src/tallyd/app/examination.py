"""Looks an installation over and says what is well and what is not. Changes nothing; it blocks."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from tallyd.app.readiness import backups_of, require_usable
from tallyd.config import Settings
from tallyd.ports.store import StoreError
from tallyd.state_dir import StateDir, StateDirError
from tallyd.store import Backups, appliance_id_of, require_sound_throughout, schema_of

LOW_SPACE = 1 << 30
NO_SPACE = 64 << 20
STALE = timedelta(hours=1)


class Grade(StrEnum):
    """How much something matters."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: what, how it is, and a sentence about it."""

    check: str
    grade: Grade
    sentence: str


Look = Callable[[], Iterator[Finding]]


def examine(settings: Settings, config: Path, now: datetime) -> tuple[Finding, ...]:
    """Look at everything; what fails to be looked at is a finding too."""
    state = StateDir(settings.appliance.state_dir)
    backups = backups_of(state)
    looks: dict[str, Look] = {
        "configuration": lambda: _configuration(config),
        "daemon": lambda: _daemon(state),
        "appliance id": lambda: _appliance_id(state),
        "database": lambda: _database(state, backups),
        "backups": lambda: _backups(state, backups, now),
        "put aside": lambda: _put_aside(state),
        "disk": lambda: _disk(settings),
    }
    return tuple(finding for name, look in looks.items() for finding in _looked(name, look))


def _looked(name: str, look: Look) -> Iterator[Finding]:
    try:
        yield from look()
    except (StoreError, StateDirError, OSError) as error:
        yield Finding(name, Grade.PROBLEM, str(error))


def _configuration(config: Path) -> Iterator[Finding]:
    # It was read, and one that others could change is not.
    yield Finding("configuration", Grade.OK, f"{config}, which nobody else can change")


def _daemon(state: StateDir) -> Iterator[Finding]:
    holder = state.lock_holder()
    if holder is None:
        yield Finding("daemon", Grade.WARNING, "none runs, as far as the system tells")
    else:
        yield Finding("daemon", Grade.OK, f"process {holder} holds the lock")


def _appliance_id(state: StateDir) -> Iterator[Finding]:
    own = state.appliance_id()
    if own is not None:
        yield Finding("appliance id", Grade.OK, own)
    elif state.is_new():
        yield Finding("appliance id", Grade.OK, "none yet: a new installation")
    else:
        yield Finding("appliance id", Grade.WARNING, "missing; the daemon writes it as it starts")


def _database(state: StateDir, backups: Backups) -> Iterator[Finding]:
    if state.is_new():
        yield Finding("database", Grade.OK, "none yet: a new installation")
        return
    schema = schema_of(state.database)
    require_usable(state, backups)
    require_sound_throughout(state.database)
    size = state.database.stat().st_size
    yield Finding("database", Grade.OK, f"{state.database}, schema {schema}, {size:,} bytes, sound")


def _backups(state: StateDir, backups: Backups, now: datetime) -> Iterator[Finding]:
    generations = backups.generations()
    if not generations:
        grade = Grade.OK if state.is_new() else Grade.PROBLEM
        yield Finding("backups", grade, f"there is none in {backups.directory}")
        return
    newest = backups.newest_good(_owner(state))
    if newest is None:
        yield Finding("backups", Grade.PROBLEM, f"none of {len(generations)} is good")
        return
    age = _age(newest.made_at, now)
    sentence = f"{len(generations)}, the newest good one is {newest.serial}, {age} old"
    if newest != generations[0]:
        yield Finding("backups", Grade.WARNING, f"{sentence}; newer ones are damaged")
    elif _unsaved_since(state, newest.made_at) > STALE:
        yield Finding("backups", Grade.WARNING, f"{sentence}; the database changed since")
    else:
        yield Finding("backups", Grade.OK, sentence)


def _owner(state: StateDir) -> str | None:
    try:
        return state.appliance_id() or appliance_id_of(state.database)
    except StoreError:
        return None


def _unsaved_since(state: StateDir, made_at: datetime) -> timedelta:
    """Tell how much later than the backup the database was written last."""
    times = [
        path.stat().st_mtime
        for path in (state.database, state.database.with_name(f"{state.database.name}-wal"))
        if path.exists() and path.stat().st_size
    ]
    return timedelta(seconds=max(times, default=0.0)) - timedelta(seconds=made_at.timestamp())


def _age(made_at: datetime, now: datetime) -> str:
    seconds = round((now - made_at).total_seconds())
    return f"{timedelta(seconds=seconds)}"


def _put_aside(state: StateDir) -> Iterator[Finding]:
    for path in sorted([*state.path.glob("*.damaged-*"), *state.backups.glob("*.damaged-*")]):
        if not path.name.endswith(("-wal", "-shm")):
            yield Finding(
                "put aside", Grade.WARNING, f"{path}: remove it when nobody needs it any more"
            )


def _disk(settings: Settings) -> Iterator[Finding]:
    for path in (settings.appliance.state_dir, settings.appliance.recordings_dir):
        place = next(each for each in (path, *path.absolute().parents) if each.exists())
        free = shutil.disk_usage(place).free
        grade = (
            Grade.PROBLEM if free < NO_SPACE else Grade.WARNING if free < LOW_SPACE else Grade.OK
        )
        if path.exists() and not os.access(path, os.W_OK):
            yield Finding("disk", Grade.PROBLEM, f"{path} cannot be written")
        else:
            yield Finding("disk", grade, f"{path}: {free / 1e9:.1f} GB free")
