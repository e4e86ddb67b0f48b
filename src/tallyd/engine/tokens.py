"""The token that names a part for ever: whose part it is, also to a ledger that was restored."""

import re
import secrets
from hashlib import sha256

from tallyd.domain.model import Run

_TOKEN = re.compile(r"(\d+)-(\d+)-([0-9a-f]{8})[0-9a-f]{8}")
_DIGEST_LENGTH = 8


def token_for(run: Run, number: int) -> str:
    """Give a new token for a part of a run: its row, the part's number, and its occurrence.

    The row alone would not do: a ledger that is restored gives the same occurrence another one.
    """
    return f"{run.id}-{number}-{_digest(run)}{secrets.token_hex(4)}"


def is_of(token: str, run: Run) -> bool:
    """Tell whether a token was given to a part of this run."""
    found = _TOKEN.fullmatch(token)
    return found is not None and found[3] == _digest(run)


def run_id_in(token: str) -> int | None:
    """Give the row that the run had when a token was given; None: it is no token of ours."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else int(found[1])


def number_in(token: str) -> int | None:
    """Give the number of the part that a token was given to; None: it is no token of ours."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else int(found[2])


def _digest(run: Run) -> str:
    return sha256(f"{run.schedule_id} {run.slot}".encode()).hexdigest()[:_DIGEST_LENGTH]
