"""What a source has written and nobody has played yet: pictures and the sound with them. Pure."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from tallyd.drivers.playout.transport import Pid, Unit, ticks_between


@dataclass(frozen=True, slots=True)
class Frame:
    """What goes out in one slot. `mute` says that no sound is to be waited for."""

    picture: Unit
    sounds: tuple[Unit, ...] = ()
    mute: bool = False


class Reel:
    """Units in the order of their time; what is at its head can always be begun with or gone on."""

    def __init__(self, slot_ticks: int) -> None:
        self._slot_ticks = slot_ticks
        self._pictures: deque[Unit] = deque()
        self._sounds: deque[Unit] = deque()
        self._origin: int | None = None

    def __len__(self) -> int:
        """Give how many pictures wait."""
        return len(self._pictures)

    @property
    def head_ticks(self) -> int:
        """How far the next picture is from the first one that ever came, in ticks."""
        if not self._pictures or self._origin is None:
            return 0
        return ticks_between(self._origin, self._pictures[0].at)

    def add(self, units: Iterable[Unit]) -> None:
        """Take in what came; pictures before the first that a decoder can begin with are lost."""
        for unit in units:
            if unit.pid is Pid.SOUND:
                self._sounds.append(unit)
            elif self._origin is not None or unit.entry:
                self._origin = unit.at if self._origin is None else self._origin
                self._pictures.append(unit)

    def can_begin(self) -> bool:
        """Tell whether a picture waits that a decoder can begin with."""
        return any(unit.entry for unit in self._pictures)

    def keep_latest(self) -> None:
        """Leave out what came before the last picture that a decoder can begin with."""
        self._leave_out(max((n for n, unit in enumerate(self._pictures) if unit.entry), default=0))

    def skip_to(self, ticks: int) -> None:
        """Leave out what lies before a position, as far as a decoder can begin there."""
        origin = self._origin or 0
        begun = [
            (n, ticks_between(origin, unit.at) <= ticks)
            for n, unit in enumerate(self._pictures)
            if unit.entry
        ]
        before = [n for n, is_before in begun if is_before]
        self._leave_out(before[-1] if before else min((n for n, _ in begun), default=0))

    def catch_up(self, ticks: int) -> None:
        """Leave out what lies before a position, up to the last picture before it to begin with.

        So what fell behind is shown late until the next such picture is due, and no longer.
        """
        if ticks - self.head_ticks <= self._slot_ticks or not self._pictures:
            return
        origin = self._origin or 0
        due = [
            n
            for n, unit in enumerate(self._pictures)
            if unit.entry and ticks_between(origin, unit.at) <= ticks
        ]
        self._leave_out(due[-1] if due else 0)

    def next(self) -> Frame | None:
        """Give the next picture, and the sound up to the one after it; None where none waits."""
        if not self._pictures:
            return None
        picture = self._pictures.popleft()
        sounds: list[Unit] = []
        while self._sounds and self._is_due(self._sounds[0], picture):
            sounds.append(self._sounds.popleft())
        return Frame(picture, tuple(sounds))

    def _leave_out(self, pictures: int) -> None:
        for _ in range(pictures):
            self.next()

    def _is_due(self, sound: Unit, picture: Unit) -> bool:
        return ticks_between(picture.at, sound.at) < self._slot_ticks
