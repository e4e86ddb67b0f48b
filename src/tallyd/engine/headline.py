"""The engine in one line, for people: what records now, and what comes next."""

from collections.abc import Collection
from datetime import UTC, datetime

from tallyd.engine.presence import is_recording
from tallyd.engine.reconciler import Reconciler


def working(reconcilers: Collection[Reconciler], now: datetime) -> str:
    """Say how many sessions record, and what starts next: where, what and when."""
    recording = sum(is_recording(session, now) for each in reconcilers for session in each.sessions)
    return f"recording {recording}; {_next(reconcilers, now)}"


def ending(reconcilers: Collection[Reconciler]) -> str:
    """Say how many sessions are still to be ended."""
    return f"finishing {sum(len(each.sessions) for each in reconcilers)}"


def _next(reconcilers: Collection[Reconciler], now: datetime) -> str:
    # Nothing starts there before the next edge and the lead: most need not be looked at.
    earliest = [(r.next_edge + r.lead.value, r) for r in reconcilers if r.next_edge is not None]
    first: tuple[datetime, str, str] | None = None
    for not_before, reconciler in sorted(earliest, key=lambda pair: pair[0]):
        if first is not None and not_before >= first[0]:
            break
        if (start := reconciler.next_start(now)) is not None:
            candidate = (start[0], reconciler.target, start[1])
            first = min(first or candidate, candidate)
    if first is None:
        return "nothing starts within 24 h"
    at, target, name = first
    return f'next {target} "{name}" at {at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC'
