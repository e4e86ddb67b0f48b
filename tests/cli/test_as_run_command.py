"""What channels had on air, on the command line: by the hour, and beside each run."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from asrun_rig import log_of
from tallyd.cli.tables import LocalTimes
from tallyd.domain.window import to_ms
from tallyd.drivers.playout.asrun import Change

Call = Callable[..., Any]
CHANNEL = "channels.one"
SIX = datetime(2026, 3, 2, 17, tzinfo=UTC)
"""18:00 in the zone of the appliance."""


def at(seconds: float) -> datetime:
    """Give an instant after six."""
    return SIX + timedelta(seconds=seconds)


@pytest.fixture
def log(config: Path) -> Path:
    """Have a log of an evening."""
    changes = [
        Change(to_ms(at(-50)), "default", None, "live", live=True),
        Change(to_ms(at(0.04)), "asset", "1-1-film", "Film"),
        Change(to_ms(at(60)), "slate", "1-1-film", "Film", "it died"),
        Change(to_ms(at(64)), "default", None, "live", live=True),
    ]
    return log_of(config.parent / "state", CHANNEL, changes, at(100))


@pytest.mark.usefixtures("log")
def test_a_period_of_a_channel_is_shown(tallyd: Call) -> None:
    """Cut to what was asked for, in the zone of the appliance; as JSON with all that is known."""
    period = ("--from", "2026-03-02T18:00", "--to", "2026-03-02T18:01:02")
    said = tallyd("as-run", CHANNEL, *period)
    assert said.code == 0, said.err
    head, *lines = [line.split() for line in said.out.splitlines()]
    assert head[:2] == ["from", "(Europe/Rome)"]
    assert [line[:6] for line in lines] == [
        ["2026-03-02", "18:00:00", "2026-03-02", "18:00:00.040", "default", "live"],
        ["2026-03-02", "18:00:00.040", "2026-03-02", "18:01:00", "asset", "Film"],
        ["2026-03-02", "18:01:00", "2026-03-02", "18:01:02", "slate", "Film"],
    ]
    told = tallyd("as-run", CHANNEL, *period, "--json").json
    assert told[2] == {
        "start": "2026-03-02T17:01:00.000Z",
        "stop": "2026-03-02T17:01:02.000Z",
        "kind": "slate",
        "name": "Film",
        "detail": "it died",
        "live": False,
        "part": "1-1-film",
        "run_id": None,
        "schedule_id": None,
    }


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("period", "why"),
    [
        (("--from", "2026-03-01", "--to", "2026-03-02"), "nobody wrote down"),
        ((), "nobody wrote down"),
    ],
)
def test_where_nobody_wrote_anything_down_that_is_said(
    tallyd: Call, period: tuple[str, ...], why: str
) -> None:
    """It is not said that nothing was on air."""
    said = tallyd("as-run", CHANNEL, *period)
    assert (said.code, said.out, why in said.err) == (0, "", True)


def test_what_is_no_channel_is_said(tallyd: Call) -> None:
    """A room has nothing on air."""
    for key in ("rooms.aula", "channels.none"):
        assert tallyd("as-run", key).code == 3


def test_a_log_that_cannot_be_read_is_said(tallyd: Call, log: Path) -> None:
    """With the channel and why."""
    (file,) = log.iterdir()
    file.unlink()
    file.mkdir()
    said = tallyd("as-run", CHANNEL)
    assert (said.code, CHANNEL in said.err, "directory" in said.err) == (1, True, True)


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ([], "nothing"),
        ([(0.04, 60, "asset", None)], "2026-03-02 18:00:00.040 - 18:01:00"),
        (
            [(0, 60, "asset", None), (60, 64.1, "slate", "it died"), (64.1, 90, "ad", None)],
            "2026-03-02 18:00:00 - 18:01:30; slate 4.1 s: it died",
        ),
        (
            [(0, 1, "slate", "a"), (2, 3, "slate", "b"), (4, 6.5, "slate", "a")],
            "2026-03-02 18:00:00 - 18:00:06.500; slate 4.5 s: a, b",
        ),
        ([(0, 1, "slate", None)], "2026-03-02 18:00:00 - 18:00:01; slate 1.0 s"),
    ],
)
def test_a_run_says_in_short_what_was_on_air(
    pieces: list[tuple[float, float, str, str | None]], told: str
) -> None:
    """From when to when, for how long the slate stood in, and why."""
    shapes = [
        {"start": at(start), "stop": at(stop), "kind": kind, "detail": detail}
        for start, stop, kind, detail in pieces
    ]
    assert LocalTimes("Europe/Rome").on_air(shapes) == told
