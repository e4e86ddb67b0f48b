"""Where an entry of a channel goes, and what that does to the entries around it, step by step."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from tallyd.bookings.rows import write_due
from tallyd.bookings.timeline import Found, timeline
from tallyd.domain.accounts import Caller, may_change, may_see
from tallyd.domain.contents import Asset
from tallyd.domain.entries import Entry, Stretch, is_entry, start_of
from tallyd.domain.errors import Forbidden, InvalidBooking, Locked, NotFound, Problem, Refused
from tallyd.domain.model import InstantStart, Metadata, Schedule, Target
from tallyd.domain.resolution import (
    Clash,
    Holder,
    Placed,
    Resolution,
    Settlement,
    Withdrawal,
    joined,
    settle_entry,
    withdrawal,
)
from tallyd.domain.window import Window
from tallyd.ports.contents import ContentReader, ContentWriter

_NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for something on which channel, and what may be done to its neighbours for it."""

    caller: Caller
    target: str
    how: Resolution = Resolution.REJECT


async def channel_of(reader: ContentReader, key: str) -> Target:
    """Give a channel that is configured.

    Raises:
        NotFound: there is none of that key.
    """
    found = await reader.target(key)
    if found is None or not found.known:
        raise NotFound("channel", key)
    return found


async def free_channel_of(reader: ContentReader, key: str) -> Target:
    """Give a channel on which something may start.

    Raises:
        NotFound: there is none of that key.
        Locked: an operator's lock holds it.
    """
    found = await channel_of(reader, key)
    if found.locked_since is not None:
        raise Locked(found.key, found.locked_since)
    return found


async def assets_of(reader: ContentReader, wanted: Collection[str]) -> dict[str, Asset]:
    """Give the assets of some ids.

    Raises:
        NotFound: one of them is not in the library.
    """
    found = {asset.id: asset for asset in await reader.assets_of(wanted) if asset.removed is None}
    for missing in sorted(set(wanted) - found.keys()):
        raise NotFound("asset", missing)
    return found


def in_progress(wanted: Window, now: datetime) -> Placed:
    """Give what is left of an entry that may have begun.

    Raises:
        InvalidBooking: nothing is.
    """
    placed = joined(wanted, now)
    if placed is None:
        raise InvalidBooking(Problem("start", _shown(wanted.start), "that is over"))
    return placed


async def settled(
    reader: ContentReader, asked: Asked, wanted: Window, now: datetime, but_for: int = 0
) -> Settlement:
    """Say where an entry goes, the one of an id not being in its way.

    Raises:
        Refused: its time is taken, and may not be had; who takes it is named as far as may be.
    """
    holders = {
        each.id: (each, Holder(each.window, each.schedule.id, _is_replaceable(asked.caller, each)))
        for each in await timeline(reader, asked.target, wanted)
        if each.schedule.id != but_for
    }
    found = settle_entry(wanted, (holder for _, holder in holders.values()), asked.how, now)
    if isinstance(found, Settlement):
        return found
    raise _refusal(asked, found, [stretch for stretch, _ in holders.values()])


def _is_replaceable(caller: Caller, stretch: Stretch) -> bool:
    own = stretch.schedule.metadata.owner == caller.owner and caller.owner is not None
    return own and is_entry(stretch.schedule)


def _refusal(asked: Asked, clash: Clash, known: Iterable[Stretch]) -> Refused:
    in_the_way = {(holder.schedule_id, holder.window) for holder in clash.holders}
    named = [
        named_to(asked.caller, each)
        for each in known
        if (each.schedule.id, each.window) in in_the_way
    ]
    more = len(named) - _NAMED_AT_MOST
    tail = f" and {more} more" if more > 0 else ""
    return Refused(f"the time is taken: {'; '.join(named[:_NAMED_AT_MOST])}{tail}")


def named_to(caller: Caller, stretch: Stretch) -> str:
    """Name what takes time of a channel, to somebody who may not know of everything."""
    when = f"from {_shown(stretch.window.start)} to {_shown(stretch.window.stop)}"
    if not may_see(caller, stretch.schedule.metadata):
        return f"something of another account {when}"
    return f'"{stretch.schedule.name}" ({stretch.id}) {when}'


def _shown(instant: datetime) -> str:
    return f"{instant.isoformat(timespec='milliseconds')[:-6]}Z"


def booked(
    target: Target, entry: Entry, window: Window, metadata: Metadata, now: datetime
) -> Schedule:
    """Make an entry that has its place the schedule to be stored."""
    return Schedule(
        id=0,
        uid=uuid4().hex,
        target=target.key,
        name=entry.name,
        start=InstantStart(window.start),
        duration=window.length,
        effective_from=now,
        created=now,
        content=entry.content,
        metadata=replace(metadata, description=entry.desc, external_id=entry.external_id),
        modified=now,
    )


def rebooked(known: Schedule, entry: Entry, window: Window, now: datetime) -> Schedule:
    """Make a schedule what an entry has become; it comes into force anew if it moves."""
    moved = start_of(known) != window.start
    return replace(
        known,
        name=entry.name,
        start=InstantStart(window.start),
        duration=window.length,
        effective_from=now if moved else known.effective_from,
        content=entry.content,
        metadata=replace(known.metadata, description=entry.desc, external_id=entry.external_id),
        modified=now,
    )


async def make_room(tx: ContentWriter, done: Settlement, new_id: int, now: datetime) -> None:
    """Take away what a new entry replaces, and end what it follows where it begins."""
    await tx.end_schedules(done.removed, now, new_id)
    for schedule in await tx.schedules_of(done.cut):
        await _cut(tx, schedule, done.placed.window.start, now)


async def withdraw(tx: ContentWriter, entries: Iterable[Found], now: datetime) -> None:
    """Take entries away, and end at once what is on air.

    Raises:
        Forbidden: one of them is over.
    """
    ahead: list[int] = []
    for each in entries:
        match withdrawal(each.window, now):
            case Withdrawal.OVER:
                raise Forbidden("an entry that is over cannot be deleted")
            case Withdrawal.CUT:
                await _cut(tx, each.schedule, now, now)
            case Withdrawal.REMOVED:
                ahead.append(each.schedule.id)
    await tx.end_schedules(ahead, now, None)


async def _cut(tx: ContentWriter, schedule: Schedule, at: datetime, now: datetime) -> None:
    """Let an entry that has begun end at an instant."""
    await write_due(tx, schedule, now)
    length = at - start_of(schedule)
    await tx.change_schedule(replace(schedule, duration=length, modified=now))
    for override in await tx.overrides({schedule.id}):
        if override.stop is not None and override.stop > at:
            await tx.put_override(replace(override, stop=at))


def require_own(caller: Caller, schedule: Schedule) -> None:
    """Make sure that somebody may change an entry.

    Raises:
        Forbidden: it belongs to somebody else.
    """
    if not may_change(caller, schedule.metadata):
        raise Forbidden("an entry of another account is not yours to change")
