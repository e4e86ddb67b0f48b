"""The report of `tallyd demo`: what was planned, what came of it, what deviates, what is next."""

import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import click

from tallyd.cli.demo_channel import (
    channel_shape,
    print_channel,
)
from tallyd.cli.output import Column, Output, Row, emit
from tallyd.cli.tables import milliseconds, time_of_day
from tallyd.demo.comparison import LENGTH_TOLERANCE, START_TOLERANCE, Piece, Review
from tallyd.demo.place import Place
from tallyd.demo.scenario import AULA, CAMPUS
from tallyd.demo.stage import Held
from tallyd.notation.text import visible

_MS = timedelta(milliseconds=1)

# Two tables, for one with all of this would be twice as wide as a terminal.
_SCHEDULES = (
    Column("schedule", "name"),
    Column("where", "where"),
    Column("planned (UTC)", "planned"),
    Column("verdict", "verdict"),
    Column("outcome", "outcome"),
    Column("reason", "reason"),
)
_FILES = (
    Column("file", "file"),
    Column("started", "started"),
    Column("late", "late", justify="right"),
    Column("length", "length", justify="right"),
    Column("frames", "frames", justify="right"),
)


def deviations_of(held: Held) -> tuple[str, ...]:
    """Give all that is not as planned, a sentence each."""
    return (
        *(f"{each.act.name}: {what}" for each in held.reviews for what in each.deviations),
        *(f"{CAMPUS}: {what}" for what in held.channel.deviations),
    )


def report_shape(place: Place, held: Held) -> Row:
    """Give the report for JSON: instants, lengths in milliseconds, files as absolute paths."""
    deviations = deviations_of(held)
    return {
        "directory": place.root.absolute(),
        "as_planned": not deviations,
        "deviations": deviations,
        "start_tolerance_ms": START_TOLERANCE // _MS,
        "length_tolerance_ms": LENGTH_TOLERANCE // _MS,
        "schedules": [_shape(each) for each in held.reviews],
        "channel": channel_shape(held.channel),
    }


def _shape(each: Review) -> Row:
    run = each.run
    return {
        "schedule_id": each.schedule_id,
        "name": each.act.name,
        "target": each.act.target,
        "planned": {"start": each.window.start, "stop": each.window.stop},
        "verdict": each.verdict,
        "outcome": run.outcome if run else None,
        "reason": run.reason if run else None,
        "sentence": run.sentence if run else None,
        "blocker": each.blocker,
        "parts": [_part_shape(piece) for piece in each.pieces],
        "deviations": each.deviations,
    }


def _part_shape(piece: Piece) -> Row:
    decoded = piece.decoded
    return {
        "planned": {"start": piece.planned.start, "stop": piece.planned.stop},
        "started": piece.started,
        "late_ms": None if piece.late is None else round(piece.late / _MS),
        "length_ms": None if decoded is None else round(decoded.length / _MS),
        "frames": None if decoded is None else decoded.frames,
        "decode_error": None if decoded is None else decoded.error,
        "file": piece.file,
    }


def print_report(place: Place, held: Held) -> None:
    """Print the report for people."""
    reviews = held.reviews
    emit([_schedule_row(each) for each in reviews], _SCHEDULES, Output.TEXT)
    click.echo()
    rows = [_file_row(piece, place) for piece in _recorded(reviews)]
    emit(rows, _FILES, Output.TEXT, "nothing was recorded")
    click.echo()
    print_channel(held.channel)
    click.echo()
    for line in (*_stories(reviews), *_verdict(held), *_next_steps(place, held)):
        click.echo(visible(line))


def _recorded(reviews: Iterable[Review]) -> list[Piece]:
    """Give what was to leave files."""
    return [piece for each in reviews if each.act.leaves_files for piece in each.pieces]


def _schedule_row(each: Review) -> Row:
    return {
        "name": each.act.name,
        "where": each.act.place,
        "planned": f"{time_of_day(each.window.start)}-{time_of_day(each.window.stop)}",
        "verdict": each.verdict,
        "outcome": each.run.outcome if each.run else None,
        "reason": each.run.reason if each.run else None,
    }


def _file_row(piece: Piece, place: Place) -> Row:
    return {
        "file": _below(piece.file, place.root) if piece.file else "none",
        "started": f"{piece.started:%H:%M:%S.%f}"[:-3] if piece.started else "no data",
        "late": None if piece.late is None else milliseconds(round(piece.late / _MS)),
        "length": f"{piece.decoded.length / _MS / 1000:.2f} s" if piece.decoded else None,
        "frames": piece.decoded.frames if piece.decoded else None,
    }


def _stories(reviews: Sequence[Review]) -> Iterator[str]:
    """Say of each act for which there is more to say what it shows, and what the ledger says."""
    for each in reviews:
        if each.run is not None and each.run.reason is not None:
            yield f"{each.act.name} {each.act.shows}."
            yield f"  {each.run.sentence}"
    yield ""


def _below(file: Path, root: Path) -> Path:
    inside = root.absolute()
    return file.relative_to(inside) if file.is_relative_to(inside) else file


def _verdict(held: Held) -> Iterator[str]:
    deviations = deviations_of(held)
    if deviations:
        yield f"NOT as planned, {len(deviations)} times:"
        yield from (f"  {each}" for each in deviations)
        yield ""
        return
    pieces = _recorded(held.reviews)
    latest = max((timedelta(), *(p.late for p in pieces if p.late is not None)))
    yield (
        f"All as planned: {len(held.reviews)} schedules, {len(pieces)} files, every frame decodes; "
        f"no recording began more than {latest / _MS:.0f} ms late, "
        f"nothing came on air more than {held.channel.latest / _MS:.0f} ms late."
    )
    yield ""


def _next_steps(place: Place, held: Held) -> Iterator[str]:
    files = [piece.file for piece in _recorded(held.reviews) if piece.file]
    if files:
        example = shlex.quote(str(place.root / _below(files[0], place.root)))
        yield f"The files stay, and any player plays them: vlc {example}"
    if held.channel.published.decoded is not None:
        yield f"So does what the channel put out: vlc {shlex.quote(str(place.viewed))}"
    # uv says so to what it runs: the command alone would not be found then.
    prefix = "uv run tallyd" if "UV" in os.environ else "tallyd"
    tallyd = f"{prefix} --config {shlex.quote(str(place.config))}"
    yield "Try next:"
    yield f"  {tallyd} runs"
    yield f"  {tallyd} as-run {CAMPUS}"
    yield f"  {tallyd} run    (and in another terminal:)"
    yield f"  {tallyd} schedule add --target {AULA} --name Mine --start now --duration 10s"
