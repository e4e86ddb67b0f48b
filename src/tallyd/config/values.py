"""How durations, sizes and zones are written and read, in the configuration and on commands.

Pure text work: no model, no file, no environment.
"""

import difflib
import re
from collections.abc import Iterable
from datetime import timedelta
from zoneinfo import ZoneInfo, available_timezones

CLOCK_UNITS = ("h", "m", "s", "ms")
"""The units of a booking, in the order in which they are written."""

CALENDAR_UNITS = ("d", *CLOCK_UNITS)
"""The same with days of 24 hours, for how long things are kept and how far one looks ahead."""

MAX_DIGITS = 12
"""More digits than any sensible duration has; keeps hostile input from costing anything."""

_UNIT_LENGTHS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
_PAIR = re.compile(r"([0-9]+)([^0-9\s.,+-]+)")

_SIZE = re.compile(r"([0-9]{1,12})([A-Za-z]+)")
_SIZES = {
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}


def parse_duration(text: str, units: tuple[str, ...] = CLOCK_UNITS) -> timedelta:
    """Read a duration such as `1h30m`, `90m` or `500ms`: `units` in their order, each at most once.

    Zero is a duration; whether it makes sense is for the caller to say.

    Raises:
        ValueError: it is no duration; the message says what to write instead.
    """
    _reject_common_mistakes(text)
    pairs = _PAIR.findall(text)
    if "".join(map("".join, pairs)) != text:
        raise ValueError(f"write whole numbers with units, such as {_example(units)}")
    for _, unit in pairs:
        if unit not in units:
            raise ValueError(f"unknown unit {unit!r}: use {', '.join(units)}")
    order = [units.index(unit) for _, unit in pairs]
    if order != sorted(set(order)):
        raise ValueError(f"units go {', '.join(units)}, each at most once")
    if any(len(number) > MAX_DIGITS for number, _ in pairs):
        raise ValueError("longer than anything can last")
    try:
        return sum((int(number) * _UNIT_LENGTHS[unit] for number, unit in pairs), timedelta(0))
    except OverflowError:
        raise ValueError("longer than anything can last") from None


def _reject_common_mistakes(text: str) -> None:
    if not text.strip():
        raise ValueError("empty: write a duration such as 90m")
    if re.fullmatch(r"[0-9]+", text):
        raise ValueError(f"{text} what? try {text}m")
    if text.startswith("-"):
        raise ValueError("a duration cannot be negative")
    if any(letter.isspace() for letter in text):
        raise ValueError(f"no spaces: try {''.join(text.split())}")
    if re.search(r"[0-9][.,][0-9]", text):
        raise ValueError("whole numbers only: 1.5h is written 1h30m")


def _example(units: tuple[str, ...]) -> str:
    return "30d or 90m" if "d" in units else "1h30m or 90m"


def format_duration(duration: timedelta, units: tuple[str, ...] = CLOCK_UNITS) -> str:
    """Write a duration of at least zero as `parse_duration` reads it, in whole milliseconds."""
    rest = duration
    words: list[str] = []
    for unit in units:
        number, rest = divmod(rest, _UNIT_LENGTHS[unit])
        if number:
            words.append(f"{number}{unit}")
    return "".join(words) or "0s"


def check_zone(name: str) -> str:
    """Give `name` back if the time-zone database has it.

    Raises:
        ValueError: there is no such zone; the message proposes the nearest one.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # OSError: a directory of the database, such as `Europe`, is no zone either.
        hint = did_you_mean(name, available_timezones()) or "; use an IANA name such as Europe/Rome"
        raise ValueError(f"there is no time zone of that name{hint}") from None
    return name


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give `; did you mean NEAREST?`, or nothing where no known word is near."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]}?" if near else ""


def parse_size(text: str) -> int:
    """Read a size such as `50GB` or `500MiB` in bytes.

    Raises:
        ValueError: it is none; the message says what to write instead.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        hint = f"{text} what? try {text}GB" if text.isdecimal() else "write a size such as 50GB"
        raise ValueError(hint)
    number, unit = match.groups()
    if unit not in _SIZES:
        raise ValueError(f"unknown unit {unit!r}: use {', '.join(_SIZES)}")
    return int(number) * _SIZES[unit]
