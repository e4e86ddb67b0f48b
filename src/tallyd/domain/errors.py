"""What can be wrong with a wish, as types that carry the data; how it is shown is not said here."""

from dataclasses import dataclass
from datetime import datetime

from tallyd.domain.window import Window


class DomainError(Exception):
    """The root of everything that the domain refuses."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the field, the value as given, and what to do about it."""

    field: str
    value: str
    fix: str

    def __str__(self) -> str:
        """Give the problem as one line."""
        return f"{self.field}: {self.value!r}: {self.fix}"


class InvalidBooking(DomainError):  # noqa: N818 - the word that its users use
    """A booking breaks the rules; `problems` lists every one of them."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class NotFound(DomainError):  # noqa: N818
    """There is no such thing: `kind` (schedule, run, target, ...) and the `id` that was asked."""

    def __init__(self, kind: str, wanted: str) -> None:
        super().__init__(f"there is no {kind} {wanted}")
        self.kind = kind
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class Victim:
    """A run that a change would cut, and the window that it would lose."""

    run_id: int
    schedule_id: int | None
    name: str
    loses: Window


class Refused(DomainError):  # noqa: N818
    """The change is not made: it would cut what runs now, or meets what its caller rejects.

    `brief` says it without naming what belongs to others.
    """

    def __init__(
        self, sentence: str, victims: tuple[Victim, ...] = (), brief: str | None = None
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.victims = victims
        self.brief = brief or sentence


class Forbidden(DomainError):  # noqa: N818
    """Whoever asks may not change that, now or ever; `sentence` says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class RequestDiffers(DomainError):  # noqa: N818
    """A key that stands for one request came with another one; nothing was changed."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key} came with another request before")
        self.key = key


class Occupied(Refused):
    """Somebody holds the target now: `victims` are the runs, and what is left of each."""

    def __init__(self, target: str, holders: str, victims: tuple[Victim, ...]) -> None:
        brief = f"{target} is held by somebody"
        super().__init__(f"{target} is held by {holders}", victims, brief)


class Locked(Refused):
    """An operator's lock holds the target, since `since`."""

    def __init__(self, target: str, since: datetime) -> None:
        brief = f"{target} is locked"
        sentence = f"{brief} since {since:%Y-%m-%d %H:%M:%S} UTC; unlock it first"
        super().__init__(sentence, brief=brief)
        self.since = since


class NoDriver(Refused):
    """Nothing can record on the target: it is not configured, or its driver cannot be used."""

    def __init__(self, target: str, problem: str) -> None:
        brief = f"{target} cannot record"
        super().__init__(f"{brief}: {problem}", brief=brief)
        self.problem = problem


class ZoneUnknown(DomainError):  # noqa: N818
    """The time-zone database has no zone of that name."""

    def __init__(self, zone: str) -> None:
        super().__init__(f"there is no time zone {zone}")
        self.zone = zone


class IllegalTransition(DomainError):  # noqa: N818
    """A run cannot take that event where it stands; nothing was changed."""

    def __init__(self, status: str, event: str) -> None:
        super().__init__(f"a {status} run cannot take {event}")
        self.status = status
        self.event = event
