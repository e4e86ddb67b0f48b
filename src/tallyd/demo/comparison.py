"""What came of an act, held against what was due. Pure: every fact is an argument."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tallyd.demo.scenario import Act
from tallyd.domain.model import Part, Run, Verdict
from tallyd.domain.outcomes import late
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window

START_TOLERANCE = timedelta(seconds=1)
"""How far first data, or the operator's stop, may lie from its instant, either way.

Generous: a small machine that does other things too must not make the demo fail.
"""

LENGTH_TOLERANCE = timedelta(milliseconds=700)
"""How far the length of a file may be from what was due, either way."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What decoding a whole file showed; `error` is None where every frame came out."""

    frames: int
    length: timedelta
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Got:
    """The facts of one act: the plan before the opening, the ledger after the closing, its files.

    `names` gives the names of the acts by the ids of their schedules.
    """

    schedule_id: int
    planned: Planned | None
    run: Run | None
    decoded: Mapping[Path, Decoded]
    names: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Piece:
    """One recorded part: planned, when its data began, how late that was, its file."""

    planned: Window
    started: datetime | None
    late: timedelta | None
    file: Path | None
    decoded: Decoded | None


@dataclass(frozen=True, slots=True)
class Review:
    """An act with all that became of it; as planned if there are no `deviations`."""

    act: Act
    schedule_id: int
    window: Window
    verdict: Verdict | None
    pieces: tuple[Piece, ...]
    run: Run | None
    blocker: str | None
    deviations: tuple[str, ...]


def review(act: Act, opening: datetime, got: Got) -> Review:
    """Hold the facts of an act against what was due."""
    run = got.run
    pieces = tuple(_piece(part, got.decoded) for part in run.parts) if run else ()
    blocker = _name(run.blocker, got.names) if run else None
    return Review(
        act=act,
        schedule_id=got.schedule_id,
        window=act.window(opening),
        verdict=got.planned.verdict if got.planned else None,
        pieces=pieces,
        run=run,
        blocker=blocker,
        deviations=(
            *_plan_deviations(act, opening, got),
            *_ledger_deviations(act, opening, run, blocker),
            *_piece_deviations(act, _due(act, opening, run), pieces),
        ),
    )


def _piece(part: Part, decoded: Mapping[Path, Decoded]) -> Piece:
    file = Path(part.files[0]) if part.files else None
    return Piece(
        planned=part.piece,
        started=part.first_data_at,
        late=late(part),
        file=file,
        decoded=decoded.get(file) if file else None,
    )


def _name(schedule_id: int | None, names: Mapping[int, str]) -> str | None:
    return None if schedule_id is None else names.get(schedule_id, f"schedule {schedule_id}")


def _plan_deviations(act: Act, opening: datetime, got: Got) -> Iterator[str]:
    if got.planned is None:
        yield "the plan does not have it"
        return
    yield from _unlike("the plan's verdict", got.planned.verdict, act.verdict)
    claim = act.claim(opening)
    yield from _unlike("what the plan gives it", _spell(got.planned.claim), _spell(claim))
    blockers = {_name(by.schedule_id, got.names) for by in got.planned.by}
    expected = set[str | None]() if act.blocker is None else {act.blocker}
    yield from _unlike("the plan's blocker", _listed(blockers), _listed(expected))


def _ledger_deviations(
    act: Act, opening: datetime, run: Run | None, blocker: str | None
) -> Iterator[str]:
    if run is None or run.outcome is None:
        yield "the ledger has no outcome for it"
        return
    yield from _unlike("the outcome", run.outcome, act.outcome)
    yield from _unlike("the reason", run.reason, act.reason)
    yield from _unlike("the ledger's blocker", blocker, act.blocker)
    stop_due = act.stop_due(opening)
    if stop_due is not None and abs(run.planned.stop - stop_due) > START_TOLERANCE:
        yield f"it was stopped {_seconds(run.planned.stop - stop_due)} from the instant meant"


def _due(act: Act, opening: datetime, run: Run | None) -> tuple[Window, ...]:
    """Give what had to be recorded: the claim, up to where the operator stopped it."""
    claim = act.claim(opening)
    if act.stopped_at is None or run is None:
        return claim
    stopped = Window(opening, max(opening, run.planned.stop))
    return tuple(rest for piece in claim if (rest := piece.common(stopped)))


def _piece_deviations(
    act: Act, due: tuple[Window, ...], pieces: tuple[Piece, ...]
) -> Iterator[str]:
    if len(pieces) != len(due):
        yield f"{len(due)} parts were due, {len(pieces)} were made"
        return
    for number, (window, piece) in enumerate(zip(due, pieces, strict=True), start=1):
        which = "it" if len(due) == 1 else f"part {number}"
        wrongs = [*_start_wrongs(window, piece)]
        if act.leaves_files:
            wrongs += _file_wrongs(window, piece)
        yield from (f"{which} {what}" for what in wrongs)


def _start_wrongs(due: Window, piece: Piece) -> Iterator[str]:
    """Say what is wrong with the start of one part, each as the end of a sentence."""
    if piece.started is None:
        yield "has no data"
    elif abs(piece.started - due.start) > START_TOLERANCE:
        yield f"began {_seconds(piece.started - due.start)} from its planned start"


def _file_wrongs(due: Window, piece: Piece) -> Iterator[str]:
    """Say what is wrong with the file of one part, each as the end of a sentence."""
    if piece.decoded is None:
        yield "has no file"
    elif piece.decoded.error is not None:
        yield f"does not decode: {piece.decoded.error}"
    elif abs(piece.decoded.length - due.length) > LENGTH_TOLERANCE:
        yield f"is {_seconds(piece.decoded.length)} long where {_seconds(due.length)} were due"


def _unlike(what: str, found: str | None, expected: str | None) -> Iterator[str]:
    if found != expected:
        yield f"{what} is {found or 'none'}, not {expected or 'none'}"


def _spell(windows: Iterable[Window]) -> str:
    return ", ".join(f"{w.start:%H:%M:%S} to {w.stop:%H:%M:%S}" for w in windows)


def _listed(names: Iterable[str | None]) -> str:
    return ", ".join(sorted(name or "a lock" for name in names))


def _seconds(length: timedelta) -> str:
    return f"{length / timedelta(seconds=1):.2f} s"
