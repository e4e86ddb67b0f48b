"""Argument lists with placeholders: each text stays one argument, whatever the values hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.model import Content, ContentKind
from tallyd.domain.window import Window
from tallyd.drivers.command.placeholders import (
    OF_PLAYING,
    OF_RECORDING,
    check_text,
    fill,
    placeholders_in,
    values_for,
)
from tallyd.ports.drivers import StartOrder

START = datetime(2026, 12, 1, 8, tzinfo=UTC)
ORDER = StartOrder(
    "channels.one",
    1,
    "7-1-abcd",
    "Lecture",
    Window(START, START + timedelta(minutes=90)),
    Path("/recordings/lecture"),
)


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("{room}", r"there is no \{room\} here; there are \{duration_s\}, \{file\}"),
        ("{}", r"there is no \{\} here"),
        ("{name!r}", r"there is no \{name!r\}"),
        ("{name.x}", r"there is no \{name.x\}"),
        ("{content}", r"there is no \{content\}"),
        ('{"json": 1}', "there is no"),
        ("a { b", r"write \{\{ for a \{"),
        ("a } b", r"write \}\} for a \}"),
        ("{name}}", r"write \}\} for a \}"),
        ("nul\0", "NUL"),
    ],
)
def test_what_is_no_placeholder_is_refused_with_the_fix(text: str, fix: str):
    """A misspelt placeholder, a lone brace, NUL: each is said, with what may be written instead."""
    with pytest.raises(ValueError, match=fix):
        check_text(text, OF_RECORDING)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{name}", "Lecture"),
        ("{token}-{input}:{target}", "7-1-abcd-1:channels.one"),
        ("{{name}} {{{name}}}", "{name} {Lecture}"),
        ("{start}/{stop}", "2026-12-01T08:00:00.000Z/2026-12-01T09:30:00.000Z"),
        ("{duration_s} {limit_s}", "5400 12600"),
        ("file:{file}", "file:/recordings/lecture.mkv.part"),
    ],
)
def test_placeholders_stand_for_what_is_ordered(text: str, filled: str):
    """Every placeholder has its value, inside an argument too; doubled braces are braces."""
    check_text(text, OF_RECORDING)
    values = values_for(ORDER, Path("/recordings/lecture.mkv.part"), START)
    assert fill([text], values) == [filled]


def test_seconds_count_from_now_and_never_fall_short():
    """A late start has less left, rounded up; after the end there is nothing left."""
    seconds = [
        values_for(ORDER, None, START + timedelta(milliseconds=ms))["duration_s"]
        for ms in (-1, 1, 600_000, 5_399_999, 5_400_000, 9_000_000)
    ]
    assert seconds == ["5401", "5400", "4800", "1", "0", "0"]


def test_a_channel_knows_what_to_play_and_from_where():
    """Content, kind and offset are given; without content a channel plays what is live."""
    texts = ["{content}", "{content_kind}", "{offset_ms}"]
    for text in texts:
        check_text(text, OF_PLAYING)
    live = fill(texts, values_for(ORDER, None, START))
    asset = Content(ContentKind.ASSET, id="a" * 32)
    playing = replace(ORDER, content=asset, media_offset=timedelta(seconds=61.5))
    assert live == ["", "live", "0"]
    assert fill(texts, values_for(playing, None, START)) == ["a" * 32, "asset", "61500"]
    without_id = replace(ORDER, content=Content(ContentKind.SLICER))
    assert fill(texts, values_for(without_id, None, START)) == ["", "slicer", "0"]


def test_a_value_is_no_option_unless_the_text_makes_it_one():
    """A name that begins with a dash gets a blank in front where its argument would begin so."""
    values = {"name": "-rf"}
    texts = ["{name}", "--title={name}", "-{name}", "-x", "{{{name}"]
    assert fill(texts, values) == [" -rf", "--title=-rf", "--rf", "-x", "{-rf"]


def test_placeholders_are_found():
    """What an argument list uses is known; escaped braces use nothing."""
    assert placeholders_in(["{name} {{file}}", "x", "{token}{name}"]) == {"name", "token"}


@given(
    name=st.text(),
    before=st.sampled_from(["", "x", "-", "--y="]),
    after=st.text("ab{}", max_size=3),
)
def test_a_value_stands_where_it_was_put_and_is_not_looked_into(name: str, before: str, after: str):
    """Whatever a name holds, braces too: it comes out once, whole, between what was around it."""
    after_text = after.replace("{", "{{").replace("}", "}}")
    values = values_for(replace(ORDER, name=name), None, START)
    (argument,) = fill([f"{before}{{name}}{after_text}"], values)
    assert "\0" not in argument
    argument.encode()
    assert argument.removeprefix(" " if argument.startswith(" -") else "") in {
        f"{before}{values['name']}{after}",
        f"{before}{values['name']}{after}".removeprefix(" "),
    }
    if not before.startswith("-"):
        assert not argument.startswith("-")
