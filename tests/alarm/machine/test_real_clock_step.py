"""Clocks that are set for real, each in a virtual machine: who is woken, when, and what is said."""

from datetime import datetime

import pytest

SOON_MS = 500
"""At once, on an emulated processor that other tests compete with; milliseconds on a real one."""

pytestmark = pytest.mark.timeout(180)


def test_ahead_past_what_was_due_wakes_everybody_at_once(alarm_measured):
    """A clock set an hour ahead leaves nobody asleep whose time has passed meanwhile."""
    result = alarm_measured["ahead_past_what_was_due"]
    woken = {wake["owner"]: wake["ms"] for wake in result["woken"]}
    assert woken.keys() == {"near", "far", "as far"}
    assert len(result["woken"]) == 3
    assert max(woken.values()) < SOON_MS


def test_ahead_to_shortly_before_wakes_at_its_time(alarm_measured):
    """What was an hour away is a second away, and begins then: not now, not in an hour."""
    (wake,) = alarm_measured["ahead_to_shortly_before"]["woken"]
    assert 0 <= wake["late_ms"] < SOON_MS
    assert 500 < wake["ms"] < 1_000 + SOON_MS


def test_back_wakes_once_at_the_time_on_the_wall(alarm_measured):
    """What was a second away when the clock was set back by one begins two seconds later, once."""
    (wake,) = alarm_measured["back_by_a_second"]["woken"]
    assert 0 <= wake["late_ms"] < SOON_MS
    assert 1_500 < wake["ms"] < 2_000 + SOON_MS


def test_back_by_an_hour_waits_that_hour(alarm_measured):
    """What was about to begin does not when the clock was set back; put right, it does at once."""
    (wake,) = alarm_measured["back_by_an_hour_and_ahead_again"]["woken"]
    assert wake["step"] == 2
    assert wake["late_ms"] >= 0
    assert wake["ms"] < SOON_MS


def test_back_by_an_hour_looks_no_further_ahead(alarm_measured):
    """After a step back only what is near by the new time is armed, with what was armed before."""
    assert alarm_measured["back_by_an_hour_and_ahead_again"]["armed"] == [1]


def test_a_step_between_arming_and_reading_is_not_lost(alarm_measured):
    """A clock that is set while the daemon is busy is noticed as soon as it is not."""
    result = alarm_measured["while_the_loop_is_busy"]
    (wake,) = result["woken"]
    assert wake["ms"] < SOON_MS
    assert result["told_by"] == ["reading"]


def test_a_step_just_before_arming_is_not_lost(alarm_measured):
    """A booking that arms the timer in the moment in which the clock is set hides no step."""
    result = alarm_measured["just_before_arming_anew"]
    due, asked_since = result["woken"]
    assert (due["owner"], asked_since["owner"]) == ("due", "asked since")
    assert due["ms"] < SOON_MS
    assert 0 <= asked_since["late_ms"] < SOON_MS
    assert result["told_by"] == ["arming"]


def test_a_step_of_a_time_service_is_a_step(alarm_measured):
    """Half a second ahead or back moves what is near by just that."""
    result = alarm_measured["as_a_time_service_does"]
    assert [wake["step"] for wake in result["woken"]] == [1, 2]
    assert all(0 <= wake["late_ms"] < SOON_MS for wake in result["woken"])
    assert [news["step"] for news in result["told"]] == [1, 2]


@pytest.mark.parametrize(
    ("scenario", "told_by"),
    [
        ("ahead_past_what_was_due", ["reading"]),
        ("ahead_to_shortly_before", ["reading"]),
        ("back_by_a_second", ["reading"]),
        ("back_by_an_hour_and_ahead_again", ["reading", "reading"]),
        ("while_the_loop_is_busy", ["reading"]),
        ("just_before_arming_anew", ["arming"]),
        ("again_and_again", ["reading", "arming", "reading", "arming"]),
        ("as_a_time_service_does", ["reading", "reading"]),
    ],
)
def test_each_step_is_told_once_and_at_once(alarm_measured, scenario, told_by):
    """However the kernel tells of a step, everything is planned anew for it, and once."""
    result = alarm_measured[scenario]
    assert result["told_by"] == told_by
    assert [news["step"] for news in result["told"]] == list(range(1, len(told_by) + 1))
    assert max(news["ms"] for news in result["told"]) < SOON_MS


def test_a_timer_that_is_not_cancelled_would_notice_nothing(alarm_measured):
    """The steps are noticed by the flag alone: without it neither reading nor arming tells."""
    result = alarm_measured["without_the_flag"]
    assert result["told"] == result["told_by"] == result["woken"] == []


def after_step_ms(line: dict, clock: str) -> float:
    """Give how long after the clock was set to `clock` a line was logged."""
    logged_at = datetime.fromisoformat(line["timestamp"])
    set_to = datetime.fromisoformat(f"2031-03-04T{clock}:00+00:00")
    return (logged_at - set_to).total_seconds() * 1000


def said(chapter: dict, event: str, **fields: object) -> list[dict]:
    """Give the lines of an event that have these fields."""
    lines = chapter["lines"]
    return [line for line in lines if line["event"] == event and fields.items() <= line.items()]


@pytest.mark.parametrize(
    ("chapter", "clock"), [("ahead", "10:15"), ("back", "09:59"), ("ahead_by_an_hour", "11:01")]
)
def test_the_daemon_says_that_the_clock_was_set(daemon_measured, chapter, clock):
    """Each step is one line of the log, with what the clock shows since, at once."""
    (line,) = said(daemon_measured[chapter], "alarm.clock_stepped")
    assert line["level"] == "warning"
    assert line["now"].startswith(f"2031-03-04T{clock}:00")
    assert 0 <= after_step_ms(line, clock) < 2 * SOON_MS


def test_the_daemon_starts_late_what_the_clock_jumped_into(daemon_measured):
    """A booking in whose midst the clock now stands is recorded from now on, to its end."""
    (line,) = said(daemon_measured["ahead"], "run.started")
    assert line["name"] == "jumped_into"
    assert line["stop"] == "2031-03-04T10:30:00.000Z"
    assert 0 <= line["late_ms"] - 15 * 60_000 < 2 * SOON_MS
    assert said(daemon_measured["ahead"], "run.late", name="jumped_into")


def test_the_daemon_explains_what_the_clock_passed_over(daemon_measured):
    """A booking that never was, by the clock, has an outcome and a sentence all the same."""
    (line,) = said(daemon_measured["ahead"], "run.finished")
    assert (line["name"], line["outcome"]) == ("passed_over", "missed")
    assert line["reason"] == "clock"
    assert line["sentence"].startswith("Never tried: the clock was set past it")
    assert daemon_measured["end"]["runs"]["passed_over"]["outcome"] == "missed"


def test_the_daemon_goes_on_recording_when_the_clock_goes_back(daemon_measured):
    """What runs is not stopped because its start now lies ahead, and nothing starts twice."""
    events = [line["event"] for line in daemon_measured["back"]["lines"]]
    assert "alarm.clock_stepped" in events
    assert not [event for event in events if event.startswith("run.")]


def test_the_daemon_ends_and_starts_what_an_hour_ahead_asks_for(daemon_measured):
    """After a step past the end of one and into another, one ends, once, and the other starts."""
    chapter = daemon_measured["ahead_by_an_hour"]
    (ended,) = said(chapter, "run.part_ended", name="jumped_into")
    assert ended["end"] == "planned"
    assert [line["parts"] for line in said(chapter, "run.finished", name="jumped_into")] == [1]
    (started,) = said(chapter, "run.started")
    assert started["name"] == "later"
    assert 0 <= started["late_ms"] - 60_000 < 2 * SOON_MS
    assert daemon_measured["end"]["exit_status"] == 0


def test_row_23_a_daemon_that_boots_in_1970_waits_for_the_time(daemon_measured):
    """Row 23: it is ready, says that it doubts the clock, and starts and judges nothing."""
    chapter = daemon_measured["in_1970"]
    (line,) = said(chapter, "clock.doubted")
    assert (line["level"], line["state"], line["trusted"]) == ("warning", "implausible", False)
    assert line["next"].startswith("nothing starts and nothing is judged")
    assert not [each for each in chapter["lines"] if each["event"].startswith("run.")]


def test_row_23_when_the_time_is_right_what_is_due_starts(daemon_measured):
    """Row 23: one line tells of it, and the recording of that hour goes on at once."""
    chapter = daemon_measured["right_again"]
    assert len(said(chapter, "clock.trusted")) == 1
    (line,) = said(chapter, "run.started", name="later")
    assert 0 <= after_step_ms(line, "11:02") < 6 * SOON_MS
