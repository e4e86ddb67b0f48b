"""The channel in the report of `tallyd demo`: what was on air when, how late, what a viewer got."""

from datetime import timedelta

import click

from tallyd.cli.output import Column, Output, Row, emit
from tallyd.cli.tables import milliseconds, time_of_day
from tallyd.demo.airing import ChannelReview, Line
from tallyd.demo.scenario import CAMPUS

_MS = timedelta(milliseconds=1)
_COLUMNS = (
    Column("on air", "kind"),
    Column("name", "name"),
    Column("planned (UTC)", "planned"),
    Column("came on", "started"),
    Column("late", "late", justify="right"),
    Column("length", "length", justify="right"),
)


def channel_shape(channel: ChannelReview) -> Row:
    """Give the channel for JSON: instants, lengths in milliseconds, an absolute path."""
    aired, published = channel.ad_break.aired, channel.published
    decoded = published.decoded
    return {
        "target": CAMPUS,
        "on_air": [_line_shape(line) for line in channel.lines],
        "ad_break": {
            "planned_ms": round(channel.ad_break.planned / _MS),
            "length_ms": None if aired is None else round(aired / _MS),
        },
        "playlist": published.playlist.absolute(),
        "segments": published.segments,
        "interruptions": published.interruptions,
        "length_ms": round(published.length / _MS),
        "frames": None if decoded is None else decoded.frames,
        "decode_error": None if decoded is None else decoded.error,
        "deviations": channel.deviations,
    }


def _line_shape(line: Line) -> Row:
    aired = line.aired
    return {
        "kind": line.airing.kind,
        "name": None if aired is None else aired.name,
        "planned": {"start": line.planned.start, "stop": line.planned.stop},
        "started": None if aired is None else aired.window.start,
        "stopped": None if aired is None else aired.window.stop,
        "late_ms": None if line.late is None else round(line.late / _MS),
    }


def print_channel(channel: ChannelReview) -> None:
    """Print the channel for people."""
    emit([_row(line) for line in channel.lines], _COLUMNS, Output.TEXT)
    click.echo()
    planned, aired = channel.ad_break.planned, channel.ad_break.aired
    took = "was not whole on air" if aired is None else f"took {_seconds(aired)}"
    click.echo(f"The ad break {took}; planned were {_seconds(planned)}.")
    published = channel.published
    if published.decoded is None:
        click.echo("Nothing was published.")
    else:
        click.echo(
            f"Published as HLS, {'one stream' if not published.interruptions else 'interrupted'}: "
            f"{published.segments} segments, {published.decoded.frames} pictures in "
            f"{_seconds(published.length)}."
        )


def _row(line: Line) -> Row:
    aired = line.aired
    return {
        "kind": line.airing.kind,
        "name": aired.name if aired else None,
        "planned": time_of_day(line.planned.start),
        "started": f"{aired.window.start:%H:%M:%S.%f}"[:-3] if aired else "never",
        "late": None if line.late is None else milliseconds(round(line.late / _MS)),
        "length": _seconds(aired.window.length) if aired else None,
    }


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.2f} s"
