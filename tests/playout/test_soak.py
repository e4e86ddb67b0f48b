"""A channel over days of virtual time: each picture in its slot, and nothing that grows.

`FULL_CHANNELS=1` goes through every slot of 27 hours, which is beyond the wrap of time stamps. Else
most of the middle of each entry is left out.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from tests.playout_rig import SOUND_TICKS, loop, pes, sound, units
from tests.playout_rig import packets as packed

from tallyd.domain.window import EPOCH, Window
from tallyd.drivers.playout.asrun import Change
from tallyd.drivers.playout.director import Desk, Director
from tallyd.drivers.playout.mixing import Mixer
from tallyd.drivers.playout.reel import Frame, Reel
from tallyd.drivers.playout.rundown import Clip, Entry, Kind, LiveTake, SlateTake
from tallyd.drivers.playout.sinks import RecentOut
from tallyd.drivers.playout.sources import Source, StandingSource
from tallyd.drivers.playout.transport import (
    PACKET_BYTES,
    TICKS_PER_S,
    WRAP,
    Pid,
    Unit,
    read_stamp,
)
from tallyd.ports.programme import (
    AdBreak,
    AdProgramme,
    AssetProgramme,
    LiveProgramme,
    Programme,
    ReplayProgramme,
    Spot,
)

FULL = os.environ.get("FULL_CHANNELS") == "1"
HOURS = 27
RATE = 10
SLOT_TICKS = TICKS_PER_S // RATE
SLOT = timedelta(seconds=1) / RATE
LENGTH_S = 600
SEEN_S = LENGTH_S if FULL else 15
"""So much of each entry is gone through, from its beginning on, and the last seconds before it."""

FIRST = TICKS_PER_S
GROUP = RATE
AHEAD = 3 * RATE
STAMP_AT = 4 + 1 + 7 + 9
"""Where the time stamp stands in a picture's packet, behind head, clock and head again."""


def picture(number: int) -> Unit:
    """Make a picture that holds its number."""
    at = number * SLOT_TICKS
    body = pes(0xE0, at, None, b"\0" * 100 + number.to_bytes(4))
    data = packed(Pid.PICTURE, body, entry=number % GROUP == 0, pcr=at)
    return Unit(Pid.PICTURE, at % WRAP, at % WRAP, number % GROUP == 0, data)


PICTURES = [picture(number) for number in range(LENGTH_S * RATE + AHEAD)]
SOUND = units(sound(0))[0]


@dataclass
class Film:
    """A source that is read a little ahead, like a file; it never ends, and its pictures count."""

    live: bool
    ended: str | None = None
    closed: bool = False
    made: int = 0
    reel: Reel = field(default_factory=lambda: Reel(SLOT_TICKS))

    def _read(self) -> None:
        while len(self.reel) < AHEAD:
            unit = PICTURES[self.made % len(PICTURES)]
            sounds = range(
                -(-self.made * SLOT_TICKS // SOUND_TICKS),
                -(-(self.made + 1) * SLOT_TICKS // SOUND_TICKS),
            )
            heard = [replace(SOUND, at=n * SOUND_TICKS, pts=n * SOUND_TICKS) for n in sounds]
            self.reel.add([unit, *heard])
            self.made += 1

    def ready(self) -> bool:
        """Tell that a picture waits."""
        self._read()
        return True

    def can_begin(self) -> bool:
        """Tell that it can be begun with."""
        return self.ready()

    def join(self, ticks: int) -> None:
        """Begin, as a pipeline does."""
        if not self.live:
            self.reel.skip_to(ticks)

    def keep_up(self, ticks: int) -> None:
        """Keep up, as a pipeline does."""
        if not self.live:
            self.reel.catch_up(ticks)

    def next(self) -> Frame | None:
        """Give the next picture."""
        return self.reel.next()

    def close(self) -> None:
        """Note that it was let go of."""
        self.closed = True


@dataclass
class Soak:
    """A channel with entries all the time, and what is counted of it."""

    made: list[Film] = field(default_factory=list)
    open_most: int = 0
    told_most: int = 0
    log: Counter[str | None] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Go on air."""
        slate = loop(mark=1)
        self.recent = RecentOut()
        self.director = Director(
            Desk(
                mixer=Mixer(RATE, slate, FIRST),
                make_source=self._source,
                slate=lambda _take: StandingSource(slate),
                log=self._note,
                default=Clip(Kind.DEFAULT, SlateTake()),
            )
        )

    def _source(self, clip: Clip, late: timedelta) -> Source:
        assert late == timedelta(0), "a source was started late"
        self.made = [each for each in self.made if not each.closed]
        self.made.append(Film(live=isinstance(clip.take, LiveTake)))
        self.open_most = max(self.open_most, len(self.made))
        return self.made[-1]

    def _note(self, change: Change) -> None:
        self.log[change.kind] += 1

    def run(self, slot: int) -> bytes | None:
        """Go through one slot."""
        out = self.director.slot(slot, EPOCH + slot * SLOT, slot / RATE)
        self.told_most = max(self.told_most, len(self.director.told))
        if out is None:
            return None
        self.recent.add(out)
        return out.data


def programme(number: int) -> Programme:
    """Give what an entry plays: all kinds in turn."""
    film, length = Path("/film"), timedelta(seconds=LENGTH_S)
    match number % 5:
        case 0:
            return AssetProgramme(film, length)
        case 1:
            spot = Spot(Path("/spot"), timedelta(seconds=2))
            pause = AdBreak(timedelta(seconds=5), timedelta(seconds=4), (spot,))
            return AssetProgramme(film, length, (pause,))
        case 2:
            return LiveProgramme("test")
        case 3:
            return ReplayProgramme(Window(EPOCH, EPOCH + length))
        case _:
            return AdProgramme((Spot(Path("/spot"), timedelta(seconds=9)),))


def counts(number: int) -> bool:
    """Tell whether the pictures of an entry are those of one film, from its first to its last."""
    return number % 5 in {0, 3}


def slots_of(number: int) -> Iterator[tuple[float, int]]:
    """Give the slots around the beginning of an entry, and when in it; two seconds are missing.

    So long nobody kept the slots: the process was held up.
    """
    start = number * LENGTH_S * RATE
    for slot in range(start - 5 * RATE, start + (SEEN_S - 5) * RATE):
        after = (slot - start) / RATE
        if not 6 <= after < 8:
            yield after, slot


def shown(out: bytes) -> tuple[int, int, list[int]]:
    """Give of the picture in a slot its time stamp, its number, the counters of its packets."""
    found = [
        out[at : at + PACKET_BYTES]
        for at in range(0, len(out), PACKET_BYTES)
        if (out[at + 1] & 0x1F) << 8 | out[at + 2] == Pid.PICTURE
    ]
    begins = 5 + found[0][4] if found[0][3] & 0x20 else 4
    number = int.from_bytes(found[-1][-4:])
    return read_stamp(found[0], begins + 9), number, [each[3] & 15 for each in found]


@pytest.mark.timeout(300)
def test_days_pass_and_every_picture_is_in_its_slot():
    """Beyond the wrap of time stamps, entries begin in their slots, and nothing drifts or grows."""
    soak, counter = Soak(), list[int]()
    count = HOURS * 3_600 // LENGTH_S
    for number in range(1, count):
        start = EPOCH + timedelta(seconds=number * LENGTH_S)
        window = Window(start, start + timedelta(seconds=LENGTH_S))
        entry = Entry(f"e{number}", "", window, start, timedelta(0), programme(number))
        soak.director.play(entry)
        for after, slot in slots_of(number):
            out = soak.run(slot)
            assert out is not None, (number, after)
            stamp, picture_number, counted = shown(out)
            assert stamp == (FIRST + slot * SLOT_TICKS) % WRAP
            counter = [*counter[-1:], *counted]
            assert all(b == a + 1 & 15 for a, b in pairwise(counter))
            on_air, trouble = soak.director.on_air or (None, "nothing")
            assert trouble is None
            assert (on_air.token == entry.token) == (after >= 0), (number, after)
            if counts(number) and (0 <= after < 6 or after >= 9):
                assert picture_number == round(after * RATE), (number, after)
        if number % 2:
            soak.director.drop(f"e{number - 1}")  # of the others nobody asks any more
    assert count * LENGTH_S * TICKS_PER_S > WRAP
    assert soak.open_most <= 3
    assert soak.told_most <= 86_400 // LENGTH_S // 2 + 5
    assert len(soak.director._cues) <= 3
    assert len(soak.recent.all) <= 2 * GROUP
    assert soak.log["slate"] == 0
    assert soak.log["replay"] == sum(number % 5 == 3 for number in range(1, count))
