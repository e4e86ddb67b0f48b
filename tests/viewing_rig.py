"""What a viewer of a channel saw, over all lives of its publication, and whether that was right.

Everything that can be on air is marked, so it is known of each picture what it is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from tests.marks_rig import RATE, TICKS_PER_S, Mark, decoded

from tallyd.domain.window import Window
from tallyd.drivers.playout.transport import PACKET_BYTES, Demuxer, Pid, read_stamp
from tallyd.ports.as_run import Aired

SLOT = timedelta(seconds=1) / RATE
AROUND = timedelta(milliseconds=300)
"""So near to an edge of the as-run log the pictures of both sides are right."""

WORTH_SEEING = timedelta(seconds=1)
_FEWEST = 5

Came = Sequence[tuple[datetime, bytes]]


@dataclass(frozen=True, slots=True)
class View:
    """A picture: when it came, when it was on air as its time stamp has it, and what it shows.

    `life` counts how often the publication was begun.
    """

    came: datetime
    on_air: datetime
    mark: Mark
    stamp: int
    life: int


def lives(came: Came) -> Iterator[list[tuple[datetime, bytes]]]:
    """Part what came where the time stamps begin anew: another publication."""
    life: list[tuple[datetime, bytes]] = []
    last = -1
    for at, data in came:
        stamp = _first_stamp(data)
        if stamp is not None:
            if stamp < last:
                yield life
                life = []
            last = stamp
        life.append((at, data))
    yield life


def _first_stamp(data: bytes) -> int | None:
    for at in range(0, len(data), PACKET_BYTES):
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        if pid == Pid.PICTURE and data[at + 1] & 0x40:
            payload = at + 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
            return read_stamp(data, payload + 9)
    return None


def views(came: Came, directory: Path) -> list[View]:
    """Give every picture that came and that a decoder could make something of, in order."""
    found: list[View] = []
    for number, life in enumerate(lives(came)):
        found += _views_of(life, number, directory / f"life-{number}.ts")
    return found


def _views_of(came: Came, life: int, path: Path) -> list[View]:
    demuxer, begun = Demuxer(), [came[0][0]]
    arrivals: dict[int, datetime] = {}
    for at, data in came:
        for unit in demuxer.feed(data):
            if unit.pid is Pid.PICTURE:  # it is given when the next one begins to come
                arrivals[unit.pts] = begun[-1]
                begun.append(at)
    if len(arrivals) < _FEWEST:
        return []
    path.write_bytes(b"".join(data for _, data in came))
    fastest = min(at - _after(stamp) for stamp, at in arrivals.items())
    return [
        View(arrivals[stamp], fastest + _after(stamp), mark, stamp, life)
        for stamp, mark in decoded(path).pictures
        if stamp in arrivals
    ]


def _after(stamp: int) -> timedelta:
    return timedelta(seconds=stamp / TICKS_PER_S)


def standstill(seen: Iterable[View], window: Window, slate: int) -> timedelta:
    """Give for how long at most a viewer got nothing new in a window; the slate is new for ever."""
    moved = [window.start]
    before: Mark | None = None
    for view in seen:
        if view.mark != before or view.mark.name == slate:
            moved.append(min(max(view.came, window.start), window.stop))
        before = view.mark
    return max(b - a for a, b in pairwise([*sorted(moved), window.stop]))


def time_of(seen: Iterable[View], window: Window, name: int) -> timedelta:
    """Give for how long something was seen in a window."""
    return SLOT * sum(window.holds(view.came) and view.mark.name == name for view in seen)


def untruths(
    seen: Sequence[View], log: Sequence[Aired], names: Mapping[str, int]
) -> list[tuple[str, datetime]]:
    """Give what the as-run log says and the viewer knows better: seen and not said, or never seen.

    `names` says which mark belongs to which kind. What is not seen is no untruth where nothing at
    all was: the publication was gone.
    """
    found: list[tuple[str, datetime]] = []
    for view in seen:
        near = [
            each
            for each in log
            if each.window.start - AROUND <= view.on_air < each.window.stop + AROUND
        ]
        if not any(names.get(each.kind) == view.mark.name for each in near):
            found.append((f"{view.mark} was seen, not {[each.kind for each in near]}", view.on_air))
    watched = Window(seen[0].on_air, seen[-1].on_air)
    for each in log:
        common = each.window.common(watched)
        inside = [view.mark.name for view in seen if each.window.holds(view.on_air)]
        is_long = common is not None and common.length > WORTH_SEEING
        if is_long and inside and names.get(each.kind) not in inside:
            found.append((f"{each.kind} was not seen", each.window.start))
    return found


def jumps(seen: Sequence[View]) -> list[tuple[View, View]]:
    """Give where a stream does not simply go on: pictures lost, repeated, or out of their time.

    A film that is played over and over begins again, and its last picture may stand for a slot.
    """
    last = max(view.mark.number for view in seen)
    return [
        (earlier, later)
        for earlier, later in pairwise(seen)
        if later.stamp - earlier.stamp != TICKS_PER_S // RATE
        or (
            earlier.mark.name == later.mark.name
            and later.mark.number != earlier.mark.number + 1
            and (earlier.mark.number, later.mark.number) not in {(last, last), (last, 0)}
        )
    ]
