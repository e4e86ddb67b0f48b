"""Reads the file of `tallyd plan --with`: bookings that are not made, row by row."""

import json
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from tallyd.domain.errors import InvalidBooking, Problem
from tallyd.notation.what_if import Make, Row, makes_of

TABLE = "schedule"


def read_rows(path: Path, zone: str) -> tuple[Make, ...]:
    """Read the rows of a file, a JSON list or `[[schedule]]` in TOML; keys are option names.

    Raises:
        InvalidBooking: with everything that cannot be read, each naming its row (`with-1`) and key.
    """
    return makes_of(_rows(path), zone)


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
