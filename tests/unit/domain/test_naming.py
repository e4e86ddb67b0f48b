"""Names of recorded files: whatever people type, the path stays harmless and inside."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.domain.naming import (
    DEFAULT_TEMPLATE,
    FIELDS,
    InvalidTemplate,
    NameFields,
    harmless,
    parse_template,
)

UTC_START = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
LOCAL_START = UTC_START.astimezone(timezone(timedelta(hours=1)))


def fields(schedule: str = "Algebra I", part: int = 1, target: str = "rooms.aula") -> NameFields:
    """Give the fields of a lecture in the aula."""
    return NameFields(target, schedule, LOCAL_START, UTC_START, input=0, part=part, run=17)


@pytest.mark.parametrize(
    ("template", "part", "expected"),
    [
        (DEFAULT_TEMPLATE, 1, "aula/2026-12-01/2026-12-01_09-00_Algebra_I"),
        (DEFAULT_TEMPLATE, 3, "aula/2026-12-01/2026-12-01_09-00_Algebra_I-part3"),
        ("{target}/{run}_{input}_{start_utc:%H%M}", 1, "rooms.aula/17_0_0800"),
        ("{schedule}{part}_{start}", 2, "Algebra_I-part2_2026-12-01_09-00"),
        ("{room}{part}", 1, "aula"),
        ("/{room}//{start:%Y/%m}/", 1, "aula/2026_12"),
        ("../../{room}/..", 1, "unnamed/unnamed/aula/unnamed"),
        ("{{{room}}} x", 1, "aula_x"),
        ("100%_{room}", 1, "100_aula"),
    ],
)
def test_templates_give_the_names_they_say(template: str, part: int, expected: str):
    """Fields, dates, further parts and stray slashes end up where they belong."""
    assert parse_template(template).render(fields(part=part)) == expected


@pytest.mark.parametrize(
    ("template", "fix"),
    [
        ("{rom}/x", "knows no {rom}; known: room, target, schedule, start"),
        ("{}", "names no field"),
        ("plain", "names no field"),
        ("", "names no field"),
        ("{room", "has wrong braces"),
        ("{room.__class__}", "knows no {room.__class__}"),
        ("{room[0]}", "knows no {room[0]}"),
        ("{0}", "knows no {0}"),
        ("{room!r}", "cannot format {room}"),
        ("{run:06d}", "only dates can be formatted"),
        ("{start:%c}", "known: %Y %m"),
        ("{start:%}", "known: %Y %m"),
        ("{start:%-d}", "known: %Y %m"),
    ],
)
def test_wrong_templates_are_refused_with_what_is_known(template: str, fix: str):
    """A template that names or formats what there is not is refused before anything is recorded."""
    with pytest.raises(InvalidTemplate) as caught:
        parse_template(template)
    assert fix in caught.value.problem.fix
    assert template in str(caught.value)


HOSTILE = [
    ("..", "unnamed"),
    (".", "unnamed"),
    ("", "unnamed"),
    ("   ", "unnamed"),
    ("/etc/passwd", "etc_passwd"),
    ("a/../../b", "a_.._.._b"),
    ("x\n<0>forged", "x_0_forged"),
    ("-rf", "rf"),
    ("--help", "help"),
    (".hidden", "hidden"),
    ("$(id)", "id"),
    ("`id`;&|>", "id"),
    ("%p %n %s", "p_n_s"),
    ("a\x00b", "a_b"),
    ("\u202etxt.exe", "txt.exe"),
    ("a\u2066b\u200d", "a_b"),
    ("C:\\CON", "C_CON"),
    ("trailing. ", "trailing"),
    ("\U0001f600" * 300, "unnamed"),
    ("Ångström", "Ångström"),
    ("線形代数 1", "線形代数_1"),
    ("हिन्दी", "हिन्दी"),
    ("Übung", "Übung"),
    ("\ud800lone", "lone"),
]


@pytest.mark.parametrize(("hostile", "expected"), HOSTILE)
def test_hostile_names_become_harmless(hostile: str, expected: str):
    """What would climb, hide, look like an option, expand or deceive is taken out."""
    assert harmless(hostile) == expected


def test_long_names_are_cut_between_characters_and_keep_their_part():
    """A name is at most 200 bytes, whole characters only, and still tells which part it is."""
    name = parse_template("{schedule}").render(fields("線" * 300, part=12))
    assert len(name.encode()) <= 200
    assert name == "線" * 64 + "-part12"
    assert harmless("ab線", 4) == "ab"


HARMLESS = re.compile(r"[^\W_][\w.\-]*", re.UNICODE)


@given(st.text(max_size=400), st.integers(min_value=7, max_value=200))
def test_any_text_becomes_one_harmless_component(text: str, limit: int):
    """For every text: bounded, normal, stable, and no separator, control or leading trick in it."""
    name = harmless(text, limit)
    assert 0 < len(name.encode()) <= limit
    assert name == unicodedata.normalize("NFC", name)
    assert harmless(name, limit) == name
    assert name[0] not in ".-_"
    assert name[-1] not in ".-_"
    assert not set(name) & set("/\\%\0\n$`\"' :*?<>|")
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn"} for c in name)


@given(
    st.lists(
        st.sampled_from([*(f"{{{field}}}" for field in FIELDS), "/", "..", "-", "%", "x", "{{"]),
        min_size=1,
        max_size=12,
    ),
    st.text(max_size=80),
    st.integers(min_value=1, max_value=99),
)
def test_every_template_stays_below_its_root(pieces: list[str], schedule: str, part: int):
    """For every template and name: a relative path that never climbs, of bounded components."""
    template = "".join([*pieces, "{room}"])
    path = parse_template(template).render(fields(schedule, part))
    for component in path.split("/"):
        assert component
        assert component[0] not in ".-_"
        assert len(component.encode()) <= 200
        assert "%" not in component
