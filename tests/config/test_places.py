"""Where the keys of a file stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyd.config.problems import Places

TEXT = """\
top = 1
[appliance]
name = "x"   # comment
[rooms."big hall"]
driver = 'y'
'odd key' = 2
[rooms.lab.options]  # comment
a.b.c = 3
[[broken]]
x = 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("appliance",), 2),
        (("appliance", "name"), 3),
        (("appliance", "missing"), 2),
        (("rooms", "big hall", "driver"), 5),
        (("rooms", "big hall", "odd key"), 6),
        (("rooms", "lab", "options", "a", "b", "c"), 8),
        (("nowhere",), None),
    ],
)
def test_a_key_is_found_by_its_path(path: tuple[str, ...], line: int | None) -> None:
    """Errors point at the line, or at the table around what is missing."""
    assert Places(TEXT).line(path) == line


@given(st.text(alphabet="[]=.\"' ab\n#\\\t"))
def test_no_text_is_too_odd_to_be_looked_through(text: str) -> None:
    """Pointing at lines never fails itself."""
    line = Places(text).line(("a", "b"))
    assert line is None or 1 <= line <= len(text.split("\n"))
