"""What the database knows of targets and of what is wished of them; decides nothing.

Shared by all who plan: the engine, the bookings, the reports.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import TypeVar
from uuid import uuid4

from tallyd.config import ConfigError, ConfigProblem
from tallyd.domain.errors import NotFound
from tallyd.domain.model import Override, Run, Schedule, Target
from tallyd.domain.planner import Wishes
from tallyd.ports.store import Changes, Reader, Transaction

Row = TypeVar("Row")
Key = TypeVar("Key")


async def load_wishes(reader: Reader, key: str, since: datetime) -> Wishes:
    """Load all that decides who holds one target; of its final runs those that end after `since`.

    Raises:
        NotFound: there is no such target.
    """
    wishes = await reader.wishes_of(key, since)
    if wishes is None:
        raise NotFound("target", key)
    return wishes


def with_changes(wishes: Wishes, changes: Changes) -> Wishes:
    """Give the wishes for a target as changes make them; its runs stay as they were loaded."""
    key = wishes.target.key
    changed = {schedule.id for schedule in changes.schedules}
    own = [schedule for schedule in wishes.schedules if schedule.id not in changed]
    own += [schedule for schedule in changes.schedules if schedule.target == key]
    kept = {id_: own for id_, own in wishes.overrides.items() if id_ not in changed}
    days = changes.exception_days
    return replace(
        wishes,
        target=next((t for t in changes.targets or () if t.key == key), wishes.target),
        schedules=tuple(sorted(own, key=attrgetter("id"))),
        overrides=kept | _grouped(changes.overrides, _schedule_of),
        exception_days=wishes.exception_days if days is None else days,
    )


async def load_all_wishes(reader: Reader, runs: Iterable[Run]) -> tuple[Wishes, ...]:
    """Load the wishes of every target, in order of key."""
    schedules = _grouped(await reader.schedules(), _target_of)
    overrides = _grouped(await reader.overrides(), _schedule_of)
    days = await reader.exception_days()
    own_runs = _grouped(runs, _target_of)
    return tuple(
        Wishes(
            target=target,
            schedules=schedules.get(target.key, ()),
            overrides=overrides,
            exception_days=days,
            runs=own_runs.get(target.key, ()),
        )
        for target in await reader.targets()
    )


def _target_of(row: Schedule | Run) -> str:
    return row.target


def _schedule_of(override: Override) -> int:
    return override.schedule_id


def _grouped(rows: Iterable[Row], key_of: Callable[[Row], Key]) -> dict[Key, tuple[Row, ...]]:
    groups: dict[Key, list[Row]] = {}
    for row in rows:
        groups.setdefault(key_of(row), []).append(row)
    return {key: tuple(group) for key, group in groups.items()}


async def add_missing_targets(tx: Transaction, configured: Iterable[Target]) -> None:
    """Insert the configured targets that the database does not have; changes none that it has.

    One whose id is taken waits for the daemon, which knows whether it is a target renamed.
    """
    rows = await tx.targets()
    keys, ids = {row.key for row in rows}, {row.public_id for row in rows}
    for target in configured:
        if target.key not in keys and target.public_id not in ids:
            await tx.add_target(replace(target, uid=uuid4().hex))


async def sync_targets(tx: Transaction, configured: Iterable[Target]) -> tuple[Target, ...]:
    """Make the targets what the configuration says; gives those that are gone from it.

    A key that is gone keeps its row, its ids and its schedules, and is no longer known. The `id` of
    one that is gone under a new key means that it was renamed.

    Raises:
        ConfigError: an `id` belongs to a target that is configured too, under its own key.
    """
    wanted = {target.key: target for target in configured}
    await _rename(tx, wanted)
    await add_missing_targets(tx, wanted.values())
    gone: list[Target] = []
    for row in await tx.targets():
        target = wanted.get(row.key)
        if target is None:
            gone.append(row)
            if row.known:
                await tx.change_target(replace(row, known=False))
            continue
        if target.public_id not in {0, row.public_id}:
            await tx.renumber_target(row.key, target.public_id)
        kept = replace(target, uid=row.uid, public_id=row.public_id, locked_since=row.locked_since)
        if kept != row:
            await tx.change_target(kept)
    return tuple(gone)


async def renamed_targets(reader: Reader, configured: Iterable[Target]) -> tuple[str, ...]:
    """Give the present keys of the targets whose `id` is configured under another key.

    Raises:
        ConfigError: as for `sync_targets`.
    """
    return tuple(await _renames(reader, {target.key: target for target in configured}))


async def _rename(tx: Transaction, wanted: Mapping[str, Target]) -> None:
    for key, new_key in (await _renames(tx, wanted)).items():
        await tx.rename_target(key, new_key)


async def _renames(reader: Reader, wanted: Mapping[str, Target]) -> dict[str, str]:
    """Give the new key of each target that is configured, by its `id`, under another key."""
    rows = {row.key: row for row in await reader.targets()}
    owners = {row.public_id: row.key for row in rows.values()}
    renames: dict[str, str] = {}
    problems: list[ConfigProblem] = []
    for target in wanted.values():
        owner = owners.get(target.public_id, target.key)
        if owner == target.key:
            continue
        if owner in wanted or target.key in rows:
            fix = f"belongs to {owner}; choose another, or leave the key out"
            problems.append(ConfigProblem(f"{target.key}.id", str(target.public_id), fix))
        else:
            renames[owner] = target.key
    if problems:
        raise ConfigError("file", *problems)
    return renames
