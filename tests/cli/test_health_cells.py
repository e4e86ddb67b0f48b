"""What `status` and `plan` say of devices, disk and clock, and that old news are no news."""

from datetime import UTC, datetime, timedelta

import pytest

from tallyd.cli.health import (
    News,
    clock_cell,
    danger,
    device_cells,
    disk_cell,
    news_in,
    warnings,
    without_old_news,
)
from tallyd.domain.model import InstantStart, Occurrence, Schedule, Verdict
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
GONE = {"device": "gone", "sentence": "no answer"}
OK = {"device": "ok", "sentence": "a camera"}


def planned(start_min: float, *, verdict: Verdict = Verdict.CLEAR) -> Planned:
    """Give an hour in rooms.a."""
    start = NOW + timedelta(minutes=start_min)
    window = Window(start, start + timedelta(hours=1))
    schedule = Schedule(1, "u", "rooms.a", "N", InstantStart(start), window.length, NOW, NOW)
    claim = (window,) if verdict is Verdict.CLEAR else ()
    return Planned(schedule, Occurrence(1, "s", window), verdict, claim)


@pytest.mark.parametrize(
    ("news", "said"),
    [
        (News(), None),
        (News({"rooms.a": OK}), None),
        (News({"rooms.a": GONE}), "device gone"),
        (News({"rooms.b": GONE}), None),
        (News({"rooms.a": {"device": "unknown", "sentence": None}}), None),
        (News({"rooms.a": {"device": "unknown", "sentence": "no driver"}}), "device unknown"),
        (News(disk={"state": "low", "full_at": None}), "disk low"),
        (News(disk={"state": "short", "full_at": "2026-12-01T09:30:00.000Z"}), None),
        (
            News({"rooms.a": GONE}, {"state": "short", "full_at": "2026-12-01T08:30:00.000Z"}),
            "device gone, disk full before its end",
        ),
        (News(clock={"state": "unsynchronised"}), None),
        (News(clock={"state": "implausible", "trusted": False}), "clock"),
        (News(silence="nobody knows"), None),
    ],
)
def test_what_endangers_a_piece_stands_beside_its_verdict(news, said):
    """For what is to come and holds something, by what is wrong."""
    assert danger(planned(5), news, NOW) == said
    assert danger(planned(-5), news, NOW) is None
    assert danger(planned(5, verdict=Verdict.BLOCKED), news, NOW) is None


def picture(**more):
    """Give what a daemon has published just now, of one target."""
    return {
        "heartbeat_at": "2026-12-01T07:59:58.000Z",
        "targets": {"rooms.a": {"status": "idle", "health": GONE}},
        "disk": {"state": "ok"},
        "clock": {"state": "ok"},
        **more,
    }


def test_news_are_what_the_daemon_said_just_now():
    """As it said them."""
    assert news_in(picture(), NOW) == News({"rooms.a": GONE}, {"state": "ok"}, {"state": "ok"})
    assert without_old_news(picture(), NOW) == picture()


def test_a_daemon_that_has_been_silent_is_not_believed():
    """What it said of devices then is not shown, and why is said."""
    old = picture(heartbeat_at="2026-12-01T07:59:00.000Z")
    news = news_in(old, NOW)
    assert "said nothing for 60 s" in news.silence
    assert news.targets == {}
    assert list(warnings(news, ["rooms.a"])) == [news.silence]
    shown = without_old_news(old, NOW)
    assert (shown["disk"], shown["clock"]) == (None, None)
    assert shown["targets"]["rooms.a"] == {"status": "idle", "health": None}
    assert device_cells(shown["targets"]["rooms.a"]) == {"device": None, "problem": None}


def test_a_daemon_that_boots_has_no_news_yet():
    """It has published nothing: that is no reason to warn."""
    booting = {"ready": False, "targets": {}}
    assert news_in(booting, NOW) == News()
    assert without_old_news(booting, NOW) == booting


def test_warnings_name_what_is_wrong_with_the_targets_in_question():
    """Devices by target, then the disk, then a clock that cannot be right."""
    news = News(
        {"rooms.a": GONE, "rooms.b": OK, "rooms.c": GONE},
        {"state": "low", "sentence": "only 1 MB"},
        {"state": "implausible", "trusted": False, "sentence": "it shows 1970", "next": "wait"},
    )
    assert list(warnings(news, ["rooms.a", "rooms.b", "rooms.x"])) == [
        "rooms.a: device gone: no answer",
        "disk: only 1 MB",
        "clock: it shows 1970; wait",
    ]
    unsynchronised = News(clock={"state": "unsynchronised", "sentence": "nobody keeps it"})
    assert list(warnings(unsynchronised, [])) == []


@pytest.mark.parametrize(
    ("doing", "cells"),
    [
        ({"health": OK}, {"device": "ok", "problem": None}),
        ({"health": GONE}, {"device": "gone", "problem": "no answer"}),
        ({"health": GONE, "problem": "no driver"}, {"device": "gone", "problem": "no driver"}),
        ({}, {"device": None, "problem": None}),
    ],
)
def test_a_target_shows_its_device_and_what_is_wrong_with_it(doing, cells):
    """The driver's own problem goes first."""
    assert device_cells(doing) == cells


def test_disk_and_clock_are_one_line_each():
    """State, room, and the sentence where there is one."""
    assert disk_cell({"state": "ok", "free_bytes": 12_345_000_000}) == "ok, 12.3 GB free"
    low = {"state": "low", "free_bytes": 10**8, "sentence": "only that"}
    assert disk_cell(low) == "low, 0.1 GB free: only that"
    assert disk_cell({"state": "unknown", "free_bytes": None}) == "unknown"
    assert clock_cell({"state": "ok", "sentence": None}) == "ok"
    assert clock_cell({"state": "unsynchronised", "sentence": "s"}) == "unsynchronised: s"
