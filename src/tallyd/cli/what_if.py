"""Reads the file of `tallyd plan --with`: bookings that are not made, row by row."""

import json
import tomllib
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar, cast

from tallyd.cli.wishes import new_draft, read_wish
from tallyd.domain.drafts import Draft, validate
from tallyd.domain.errors import InvalidBooking, Problem

Made = TypeVar("Made")
Make = Callable[[datetime], Draft]
Row = dict[str, object]

TABLE = "schedule"


def read_rows(path: Path, zone: str) -> tuple[Make, ...]:
    """Read the rows of a file, a JSON list or `[[schedule]]` in TOML; keys are option names.

    Raises:
        InvalidBooking: with everything that cannot be read, each naming its row (`with-1`) and key.
    """
    rows = _rows(path)
    return _each(rows, lambda row: new_draft(read_wish(row), zone))


def drafts_of(
    rows: Sequence[Make], now: datetime, known_targets: Collection[str]
) -> tuple[Draft, ...]:
    """Make the drafts of the rows, as they would be booked now.

    Raises:
        InvalidBooking: with everything that could not be booked, each naming its row and key.
    """

    def draft_of(make: Make) -> Draft:
        draft = make(now)
        validate(draft, now, known_targets)
        return draft

    return _each(rows, draft_of)


T = TypeVar("T")


def _each(rows: Sequence[T], read: Callable[[T], Made]) -> tuple[Made, ...]:
    """Read every row before anything is refused."""
    problems: list[Problem] = []
    made: list[Made] = []
    for number, row in enumerate(rows, start=1):
        try:
            made.append(read(row))
        except InvalidBooking as error:
            problems.extend(
                Problem(f"with-{number}.{each.field}", each.value, each.fix)
                for each in error.problems
            )
    if problems:
        raise InvalidBooking(*problems)
    return tuple(made)


def _rows(path: Path) -> tuple[Row, ...]:
    document = _document(path)
    if isinstance(document, dict):
        tables = cast("Row", document)
        if unknown := [key for key in tables if key != TABLE]:
            fix = f"the file holds [[{TABLE}]] tables and nothing else"
            raise InvalidBooking(*(Problem(key, "", fix) for key in unknown))
        document = tables.get(TABLE, [])
    if not isinstance(document, list):
        fix = f"write a list of objects in JSON, or [[{TABLE}]] tables in TOML"
        raise InvalidBooking(Problem("with", str(path), fix))
    return tuple(_checked(cast("list[object]", document)))


def _checked(rows: Sequence[object]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise InvalidBooking(Problem(f"with-{number}", str(row), "write an object"))
        yield cast("Row", row)


def _document(path: Path) -> object:
    """Parse TOML where the name says so, else JSON."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except OSError as error:
        fix = f"cannot be read: {error.strerror or error}"
    except UnicodeDecodeError:
        fix = "is no UTF-8 text"
    except (ValueError, RecursionError) as error:
        kind = "TOML" if path.suffix == ".toml" else "JSON (TOML is read from *.toml)"
        fix = f"is no {kind}: {error}"
    raise InvalidBooking(Problem("with", str(path), fix))
