"""What the demo books, and what must become of each booking. Pure: the opening is an argument."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from tallyd.domain.drafts import Draft
from tallyd.domain.model import Content, ContentKind, InstantStart, Outcome, Reason, Verdict
from tallyd.domain.window import Window
from tallyd.ports.as_run import Kind

Span = tuple[float, float]
"""From and to, in seconds after the opening."""

RATE = 25
"""The pictures per second of the channel."""


@dataclass(frozen=True, slots=True)
class Act:
    """One booking, what it shows, and what is expected of it; seconds count from the opening.

    `pieces` is what it gets to record: all of `span` unless said. `blocker` is the name of the act
    that takes the rest. At `stopped_at` the operator stops it. `plays` is what a channel plays.
    """

    name: str
    target: str
    span: Span
    shows: str
    priority: int = 0
    verdict: Verdict = Verdict.CLEAR
    outcome: Outcome = Outcome.RECORDED
    reason: Reason | None = None
    blocker: str | None = None
    pieces: tuple[Span, ...] | None = None
    stopped_at: float | None = None
    plays: ContentKind | None = None

    @property
    def place(self) -> str:
        """The name of its room or channel."""
        return self.target.partition(".")[2]

    @property
    def leaves_files(self) -> bool:
        """Whether it is recorded: what a channel plays leaves nothing."""
        return self.plays is None

    def window(self, opening: datetime) -> Window:
        """Give what is booked."""
        return _window(self.span, opening)

    def claim(self, opening: datetime) -> tuple[Window, ...]:
        """Give what of it is its own to record, as the plan must say, in order."""
        pieces = (self.span,) if self.pieces is None else self.pieces
        return tuple(_window(piece, opening) for piece in pieces)

    def stop_due(self, opening: datetime) -> datetime | None:
        """Give when the operator stops it; None where nobody does."""
        return None if self.stopped_at is None else _instant(self.stopped_at, opening)

    def draft(self, opening: datetime, film: str | None = None) -> Draft:
        """Give the booking; `film` is the id of that in the library."""
        window = self.window(opening)
        return Draft(
            target=self.target,
            name=self.name,
            start=InstantStart(window.start),
            duration=window.length,
            priority=self.priority,
            content=self._content(film),
        )

    def _content(self, film: str | None) -> Content | None:
        if self.plays is ContentKind.ASSET:
            seconds = (AD_BREAK[1] - AD_BREAK[0],)
            return Content(ContentKind.ASSET, film, ad_breaks_s=seconds)
        return None if self.plays is None else Content(self.plays)


AULA, LAB, CAMPUS = "rooms.aula", "rooms.lab", "channels.campus"

ACTS = (
    Act("Lecture", AULA, (0, 5), "a plain recording"),
    Act("Tutorial", AULA, (5, 10), "begins the instant that the lecture ends"),
    Act(
        "Concert",
        AULA,
        (10, 19),
        "is interrupted by what matters more: two files",
        verdict=Verdict.CONFLICT,
        outcome=Outcome.PARTIAL,
        reason=Reason.OCCUPIED,
        blocker="Bulletin",
        pieces=((10, 13), (16, 19)),
    ),
    Act("Bulletin", AULA, (13, 16), "has a higher priority", priority=10),
    Act("Course", LAB, (0, 8), "holds the room"),
    Act(
        "Guest talk",
        LAB,
        (2, 6),
        "lies inside the course: nothing is left for it",
        verdict=Verdict.BLOCKED,
        outcome=Outcome.BLOCKED,
        reason=Reason.OCCUPIED,
        blocker="Course",
        pieces=(),
    ),
    Act(
        "Workshop",
        LAB,
        (5, 12),
        "overlaps the course: records what is left",
        verdict=Verdict.CONFLICT,
        outcome=Outcome.PARTIAL,
        reason=Reason.OCCUPIED,
        blocker="Course",
        pieces=((8, 12),),
    ),
    Act(
        "Rehearsal",
        LAB,
        (12, 19),
        "is stopped early by the operator",
        reason=Reason.OPERATOR,
        stopped_at=16,
    ),
    # Never at the same instant as in a room: what the one costs must not make the other late.
    Act("Film", CAMPUS, (1.5, 8.5), "is an asset with an ad break", plays=ContentKind.ASSET),
    Act("Live", CAMPUS, (8.5, 11.5), "is an input as it comes", plays=ContentKind.LIVE),
    Act("Adverts", CAMPUS, (13.5, 16.5), "comes after a gap", plays=ContentKind.AD),
)
"""The whole demo, in the order of booking: of two equals the one that starts first wins."""

MIN_PIECE = timedelta(seconds=2)
"""What a room must be set to, so that the rests above are worth recording."""

FILM_LENGTH, ADVERT_LENGTH = timedelta(seconds=4), timedelta(seconds=2)
BREAK_AFTER = timedelta(seconds=2)
"""How far into the film its ad break is."""


@dataclass(frozen=True, slots=True)
class Airing:
    """Something that the channel must have on air, and from when to when."""

    kind: Kind
    span: Span

    def window(self, opening: datetime) -> Window:
        """Give when it must be on air."""
        return _window(self.span, opening)


AD_BREAK: Span = (3.5, 6.5)
"""That of the film: an advertisement, and the ad slate for what it leaves."""

AIRINGS = (
    Airing(Kind.DEFAULT, (0, 1.5)),
    Airing(Kind.ASSET, (1.5, 3.5)),
    Airing(Kind.AD, (3.5, 5.5)),
    Airing(Kind.AD_SLATE, (5.5, 6.5)),
    Airing(Kind.ASSET, (6.5, 8.5)),
    Airing(Kind.LIVE, (8.5, 11.5)),
    Airing(Kind.DEFAULT, (11.5, 13.5)),
    Airing(Kind.AD, (13.5, 15.5)),
    Airing(Kind.AD_SLATE, (15.5, 16.5)),
    Airing(Kind.DEFAULT, (16.5, 19)),
)
"""The channel from the opening to the closing, as what is booked makes it."""


def closing(opening: datetime) -> datetime:
    """Give when the last booking ends."""
    return max(act.window(opening).stop for act in ACTS)


def break_window(opening: datetime) -> Window:
    """Give when the ad break of the film must be."""
    return _window(AD_BREAK, opening)


def _window(span: Span, opening: datetime) -> Window:
    return Window(_instant(span[0], opening), _instant(span[1], opening))


def _instant(seconds: float, opening: datetime) -> datetime:
    return opening + timedelta(seconds=seconds)
