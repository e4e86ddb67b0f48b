"""The bodies of native answers, described for programs. Made they are in `notation.shapes`.

They are for the description alone: answers are not put through them, which would cost time.
`tests/api/test_description.py` holds every answer against its description.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tallyd.domain.accounts import Role
from tallyd.domain.model import (
    DstGap,
    DstOverlap,
    EndReason,
    Outcome,
    Reason,
    RemovedBecause,
    Status,
    Verdict,
)
from tallyd.notation.wishes import Repeat
from tallyd.ports.as_run import Kind

INSTANT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

Instant = Annotated[str, Field(pattern=INSTANT, examples=["2027-12-01T08:00:00.000Z"])]
Day = Annotated[str, Field(pattern=DAY, examples=["2027-12-25"])]
Milliseconds = Annotated[int, Field(ge=0)]
Span = Annotated[list[Instant], Field(min_length=2, max_length=2)]
"""From the one instant to the other, without it."""


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OccurrenceReply(_Reply):
    """One occurrence as it was booked."""

    slot: str
    start: Instant
    stop: Instant


class BlockerReply(_Reply):
    """Who holds what; no schedule is named where a lock or a person does, or that is not yours."""

    schedule_id: int | str | None
    start: Instant
    stop: Instant


class ScheduleReply(_Reply):
    """A schedule: every option under its name, and what it got when it was booked."""

    id: int
    uid: str
    target: str
    name: str
    start: Annotated[str, Field(description="Wall time in `timezone`; an instant without one")]
    timezone: str | None
    duration: str
    duration_ms: Milliseconds
    repeat: Repeat
    every: int | None
    days: list[str]
    last_day: bool
    count: int | None
    until: Day | None
    priority: int
    dst_gap: DstGap
    dst_overlap: DstOverlap
    created: Instant


class ProspectReply(ScheduleReply):
    """A schedule with its next slots and its verdict; `by` and `reason` of its first trouble."""

    next: list[OccurrenceReply]
    verdict: Verdict
    by: list[BlockerReply]
    reason: Reason | None


class AffectedReply(_Reply):
    """A schedule whose verdict a change has changed."""

    schedule_id: int
    name: str
    verdict: Verdict


class EffectReply(ProspectReply):
    """What a booking or an edit made: the schedule, and whose verdict has changed."""

    affects: list[AffectedReply]


class OverrideReply(_Reply):
    """What was said of one occurrence."""

    schedule_id: int
    slot: str
    excluded: bool
    stop: Instant | None
    paused: bool


class ExcludedReply(OccurrenceReply):
    """An occurrence that was left out, or taken back."""

    schedule_id: int
    excluded: bool


class PlanReply(_Reply):
    """An occurrence of a plan; one of a what-if is of a schedule called `with-1` and so on."""

    schedule_id: int | str | None
    name: str
    target: str
    slot: str | None
    start: Instant
    stop: Instant
    verdict: Verdict
    claim: list[Span]
    by: list[BlockerReply]
    reason: Reason | None


class PeriodReply(_Reply):
    """From one instant to another, without it."""

    start: Instant
    stop: Instant


class PartReply(_Reply):
    """The facts of one part."""

    number: int
    input: int
    piece: Span
    commanded: Instant
    first_data: Instant | None
    last_data: Instant | None
    stopped: Instant | None
    late_ms: int | None
    command_late_ms: int
    end: EndReason | None
    detail: str | None
    reference: str | None
    bytes: int
    files: list[str]


class FileReply(_Reply):
    """A file of a run."""

    path: str
    bytes: int | None
    duration_ms: Milliseconds | None
    removed: Instant | None
    removed_why: RemovedBecause | None


class AiredReply(_Reply):
    """Something that was on air; `detail` says why a slate stood in."""

    start: Instant
    stop: Instant
    kind: Kind
    name: str
    detail: str | None


class BroadcastReply(_Reply):
    """Something that a channel had on air, and of what; what is another's is a time and no more."""

    start: Instant
    stop: Instant
    kind: Kind | None
    name: str
    detail: str | None
    live: bool | None
    part: str | None
    run_id: int | None
    schedule_id: int | None


class RunReply(_Reply):
    """What became of an occurrence, with all its facts; one by hand has no schedule, no slot."""

    id: int
    schedule_id: int | None
    slot: str | None
    target: str
    name: str
    status: Literal[Status.PENDING, Status.STARTED, Status.FINISHED]
    outcome: Outcome | None
    reason: Reason | None
    sentence: str | None
    blocker: int | None
    since: Instant | None
    planned: PeriodReply
    commanded: Instant | None
    first_data: Instant | None
    stopped: Instant | None
    late_ms: int | None
    command_late_ms: int | None
    parts: list[PartReply]
    files: list[FileReply]
    gaps: list[Span]
    on_air: Annotated[
        list[AiredReply] | None,
        Field(description="What a channel showed; null where nobody wrote that down"),
    ]
    first_picture: Instant | None
    last_picture: Instant | None


class ExtendedReply(PeriodReply):
    """The window of a run that goes on for longer."""

    run_id: int


class ExceptionDayReply(_Reply):
    """A day on which nothing starts; without a target it holds for all."""

    id: int
    date: Day
    name: str
    target: str | None


class TargetReply(_Reply):
    """A room or channel with the ids that clients know it by, and what it does."""

    target: str
    name: str
    valt_id: int | None
    ibm_id: int | None
    uplynk_id: str | None
    driver: str | None
    timezone: str
    capacity: int
    min_piece_ms: Milliseconds
    known: bool
    locked_since: Instant | None
    status: str | None
    problem: str | None


class LockReply(_Reply):
    """Since when nothing starts on a target; null where it may."""

    target: str
    locked_since: Instant | None


class DoingReply(BaseModel):
    """What a target does now; a later release may tell more. What is another's is left out."""

    status: str
    driver: str | None
    usable: bool
    problem: str | None
    next_edge: Instant | None
    health: dict[str, Any]
    run_id: int | None = None
    schedule_id: int | None = None
    name: str | None = None
    since: Instant | None = None
    planned_stop: Instant | None = None
    bytes: int | None = None


class StatusReply(BaseModel):
    """What the daemon does now; a later release may tell more. Without a daemon there is less."""

    running: bool
    ready: bool
    targets: dict[str, DoingReply]
    pid: int | None = None
    version: str | None = None
    started_at: Instant | None = None
    heartbeat_at: Instant | None = None
    ledger_waiting: int | None = None
    disk: dict[str, Any] | None = None
    clock: dict[str, Any] | None = None


class MeReply(_Reply):
    """Who asks; the machine's own administrator has no id."""

    id: int | None
    name: str
    role: Role
    groups: list[int]


def gives(model: object, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """Describe what a route answers with where all is well."""
    return {status: {"model": model}}
