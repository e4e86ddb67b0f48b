"""The one stream that leaves a channel: pictures in even slots, sound without a hole. Pure.

Time here is counted in slots of one picture since the channel went on air. Every source has its own
time stamps: they only say what comes after what, and which sound goes with which picture.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tallyd.drivers.playout.reel import Frame
from tallyd.drivers.playout.transport import (
    TABLES,
    TICKS_PER_S,
    Pid,
    Restamper,
    Unit,
    ticks_between,
)

SOUND_TICKS = 1_024 * TICKS_PER_S // 48_000
"""How long a frame of sound is: 1,024 samples at 48 kHz."""

_FIRST = TICKS_PER_S
"""The time stamp of slot 0: not 0, so that nothing before it is ever below zero."""

_SOUND_LATE_TICKS = 3 * TICKS_PER_S // 10
"""So long after its picture sound may come; then there is silence."""

_LONGEST_SILENCE_S = 10
"""After a longer time without a picture, as while the machine sleeps, sound has a hole as well."""

_TABLES_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Loop:
    """A picture without end, always at hand: its units, the silence under it, and the tables."""

    pictures: tuple[Unit, ...]
    silence: Unit
    tables: dict[Pid, bytes]

    @classmethod
    def of(cls, units: Iterable[Unit], tables: dict[Pid, bytes]) -> "Loop":
        """Make a loop of what a source wrote.

        Raises:
            ValueError: it wrote no picture to begin with, no sound, or no tables.
        """
        units = list(units)
        pictures = tuple(unit for unit in units if unit.pid is Pid.PICTURE)
        sounds = [unit for unit in units if unit.pid is Pid.SOUND]
        if not pictures or not pictures[0].entry or not sounds or tables.keys() != TABLES:
            raise ValueError("the slate has no picture, no sound, or no tables")
        # The first frames of an encoder hold its run-up.
        return cls(pictures, sounds[len(sounds) // 2], tables)


class Mixer:
    """Writes the stream of a channel, slot by slot; no slot is ever written twice.

    `first_ticks` is where its time stamps begin; they wrap like any.
    """

    def __init__(self, rate: int, loop: Loop, first_ticks: int = _FIRST) -> None:
        self.slot_ticks = TICKS_PER_S // rate
        self._first = first_ticks
        self._loop = loop
        self._restamper = Restamper()
        self._tables_every = max(1, round(rate * _TABLES_EVERY_S))
        self._gap_slots = rate * _LONGEST_SILENCE_S
        self._next_slot = 0
        self._next_sound = 0

    def write(self, slot: int, frame: Frame) -> bytes:
        """Give the packets of one slot: a picture, and those sounds of its source that are due.

        Sound that would overlap what was written is left out; holes in it are filled with silence,
        but not before late sound can still come, unless there is none: publications wait for it.

        Raises:
            ValueError: that slot is over.
        """
        if slot < self._next_slot:
            raise ValueError(f"slot {slot} is over")
        picture, at = frame.picture, slot * self.slot_ticks
        pieces = self._tables() if picture.entry or slot % self._tables_every == 0 else []
        shift = self._first + at - picture.at
        pieces.append(self._restamper.moved(picture, shift))
        if self._next_slot == 0 or slot - self._next_slot > self._gap_slots:
            self._next_sound = at // SOUND_TICKS
        for sound in frame.sounds:
            index = round((at + ticks_between(picture.at, sound.at)) / SOUND_TICKS)
            pieces += self._silence_until(index)
            if index == self._next_sound:
                pieces.append(self._sound(sound))
        patience = -self.slot_ticks if frame.mute else _SOUND_LATE_TICKS
        pieces += self._silence_until((at - patience) // SOUND_TICKS)
        self._next_slot = slot + 1
        return b"".join(pieces)

    def _tables(self) -> list[bytes]:
        tables = self._loop.tables
        return [self._restamper.table(pid, tables[pid]) for pid in (Pid.PAT, Pid.PMT)]

    def _silence_until(self, index: int) -> list[bytes]:
        return [self._sound(self._loop.silence) for _ in range(self._next_sound, index)]

    def _sound(self, unit: Unit) -> bytes:
        at = self._first + self._next_sound * SOUND_TICKS
        self._next_sound += 1
        return self._restamper.moved(unit, at - unit.at)
