"""What a booking does to others and they to it, in words; nothing is decided here."""

from collections.abc import Mapping

from tallyd.cli.tables import LocalTimes
from tallyd.domain.conflicts import Blocker
from tallyd.domain.model import Verdict
from tallyd.domain.planner import Planned
from tallyd.notation.text import visible
from tallyd.reports import Effect, Reports

_TROUBLED = {Verdict.BLOCKED: "blocked", Verdict.CONFLICT: "in conflict"}


async def warnings_of(effect: Effect, reports: Reports, times: LocalTimes) -> list[str]:
    """Give a line for the schedule's own first trouble, and one for each schedule that it cuts."""
    trouble = effect.prospect.trouble
    around = await reports.plan(trouble.occurrence.window) if trouble else ()
    names = {entry.schedule.id: entry.schedule.name for entry in around}
    return [visible(line) for line in lines_of(effect, names, times)]


def lines_of(effect: Effect, names: Mapping[int, str], times: LocalTimes) -> list[str]:
    """Give the same lines, from the names of those who may be in the way by their ids."""
    own = [_trouble(effect.prospect.trouble, names, times)] if effect.prospect.trouble else []
    others = [
        f"it leaves {_named(affected.schedule_id, affected.name)} {_TROUBLED[affected.verdict]}"
        for affected in effect.affects
        if affected.verdict in _TROUBLED
    ]
    return own + others


def giving_way(entry: Planned, times: LocalTimes) -> str:
    """Give a line for an occurrence that gives way to what was extended."""
    return visible(_trouble(entry, {}, times))


def _trouble(entry: Planned, names: Mapping[int, str], times: LocalTimes) -> str:
    start = times.at(entry.occurrence.window.start)
    held = "; ".join(_holds(blocker, entry, names, times) for blocker in entry.by)
    left = times.windows([[piece.start, piece.stop] for piece in entry.claim])
    rest = f"; it gets {left}" if left else ""
    who = _named(entry.schedule.id, entry.schedule.name)
    verdict = _TROUBLED[entry.verdict]
    return f"{who} is {verdict} on {start} {times.zone}: {held or entry.reason}{rest}"


def _holds(blocker: Blocker, entry: Planned, names: Mapping[int, str], times: LocalTimes) -> str:
    window = times.windows([[blocker.window.start, blocker.window.stop]])
    if blocker.schedule_id is not None:
        who = _named(blocker.schedule_id, names.get(blocker.schedule_id))
    else:
        who = "a lock" if blocker.run_id is None else f"the manual recording {blocker.run_id}"
    return f"{who} holds {entry.schedule.target} {window}"


def _named(schedule_id: int, name: str | None) -> str:
    return f"schedule {schedule_id}" if name is None else f'schedule {schedule_id} "{name}"'
