"""What the channel had on air, held against what was due. Pure: every fact is an argument."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tallyd.demo.comparison import LENGTH_TOLERANCE, START_TOLERANCE, Decoded
from tallyd.demo.scenario import AIRINGS, RATE, Airing, break_window, closing
from tallyd.domain.window import Window
from tallyd.ports.as_run import Aired

PUBLISHED_TOLERANCE = timedelta(seconds=2)
"""How much of what was on air may be missing from the publication, at both ends together."""

MISSING_PICTURES = RATE
"""How many pictures a busy machine may skip, all in all."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a viewer got of the channel.

    `length` is that of its pictures. `interruptions` counts where it was begun anew, or something
    of it is missing.
    """

    playlist: Path
    segments: int
    length: timedelta
    interruptions: int
    decoded: Decoded | None


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was due on air, and when it really was; None where it never was.

    `late` is None at the opening, where nothing comes on.
    """

    airing: Airing
    planned: Window
    aired: Aired | None
    late: timedelta | None


@dataclass(frozen=True, slots=True)
class BreakLength:
    """How long the ad break was to be, and was; None where one of its ends was not on air."""

    planned: timedelta
    aired: timedelta | None


@dataclass(frozen=True, slots=True)
class ChannelReview:
    """All that became of the channel; as planned if there are no `deviations`."""

    lines: tuple[Line, ...]
    ad_break: BreakLength
    published: Published
    deviations: tuple[str, ...]

    @property
    def latest(self) -> timedelta:
        """How late at most something came on air."""
        return max((timedelta(), *(line.late for line in self.lines if line.late is not None)))


def review_channel(
    opening: datetime, as_run: Sequence[Aired], published: Published
) -> ChannelReview:
    """Hold what was on air against the plan, and the publication against what was on air."""
    shown = Window(opening, closing(opening))
    left = [each for each in as_run if each.window.overlaps(shown)]
    lines = tuple(_line(airing, opening, left) for airing in AIRINGS)
    ad_break = _break_length(opening, lines)
    return ChannelReview(
        lines=lines,
        ad_break=ad_break,
        published=published,
        deviations=(
            *(wrong for line in lines for wrong in _line_wrongs(line)),
            *(_unplanned(each) for each in left),
            *_break_wrongs(ad_break),
            *_published_wrongs(published, as_run),
        ),
    )


def _line(airing: Airing, opening: datetime, left: list[Aired]) -> Line:
    """Take from what is `left` the first that is meant."""
    planned = airing.window(opening)
    fits = (each for each in left if each.kind == airing.kind and each.window.overlaps(planned))
    aired = next(fits, None)
    if aired is not None:
        left.remove(aired)
    comes = planned.start > opening
    late = aired.window.start - planned.start if comes and aired is not None else None
    return Line(airing, planned, aired, late)


def _break_length(opening: datetime, lines: Sequence[Line]) -> BreakLength:
    planned = break_window(opening)
    inside = [line for line in lines if planned.common(line.planned) == line.planned]
    first, last = inside[0].aired, inside[-1].aired
    return BreakLength(
        planned.length, last.window.stop - first.window.start if first and last else None
    )


def _line_wrongs(line: Line) -> Iterator[str]:
    what = f"{line.airing.kind} of {line.planned.start:%H:%M:%S.%f}"[:-5]
    if line.aired is None:
        yield f"{what} was not on air"
    elif line.late is not None and abs(line.late) > START_TOLERANCE:
        yield f"{what} came on {_ms(line.late)} from its planned start"


def _unplanned(aired: Aired) -> str:
    why = f": {aired.detail}" if aired.detail else ""
    span = f"{aired.window.start:%H:%M:%S} to {aired.window.stop:%H:%M:%S}"
    return f"{aired.kind} was on air from {span}, which nobody planned{why}"


def _break_wrongs(ad_break: BreakLength) -> Iterator[str]:
    # Where one of its ends is missing, that has been said.
    if ad_break.aired is not None and abs(ad_break.aired - ad_break.planned) > LENGTH_TOLERANCE:
        yield f"the ad break took {_ms(ad_break.aired)}, not {_ms(ad_break.planned)}"


def _published_wrongs(published: Published, as_run: Sequence[Aired]) -> Iterator[str]:
    decoded = published.decoded
    if decoded is None:
        yield "nothing was published"
        return
    if published.interruptions:
        yield f"the publication was interrupted {published.interruptions} times"
    if decoded.error is not None:
        yield f"the publication does not decode: {decoded.error}"
        return
    due = as_run[-1].window.stop - as_run[0].window.start if as_run else timedelta()
    if abs(published.length - due) > PUBLISHED_TOLERANCE:
        yield f"{_ms(published.length)} were published of {_ms(due)} on air"
    pictures = round(published.length.total_seconds() * RATE)
    if abs(decoded.frames - pictures) > MISSING_PICTURES:
        yield f"{decoded.frames} pictures were published where {pictures} were due"


def _ms(length: timedelta) -> str:
    return f"{length / timedelta(milliseconds=1):.0f} ms"
