"""What the project talks about: targets, schedules, occurrences, runs. Frozen values, no behaviour.

Instants are aware UTC datetimes in whole milliseconds; durations are elapsed time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from tallyd.domain.window import Window

MIN_DURATION = timedelta(milliseconds=1)
MAX_DURATION = timedelta(days=31)
MIN_PRIORITY, MAX_PRIORITY = -100, 100
MAX_NAME = 200
MANUAL_SLOT = "manual"
"""The slot of a recording by hand, which happens once and falls on no time of a rule."""
ROOM_MIN_PIECE = timedelta(seconds=60)
CHANNEL_MIN_PIECE = timedelta(0)


class TargetKind(StrEnum):
    """What a target is; the value is also the first half of its key."""

    ROOM = "rooms"
    CHANNEL = "channels"


@dataclass(frozen=True, slots=True)
class Target:
    """A room or a channel: what a schedule occupies.

    `zone` is the IANA zone in which its exception days are read. `known` is False once the key is
    gone from the configuration. `locked_since` is set while an operator's lock holds it.
    """

    key: str
    name: str
    public_id: int
    uid: str
    zone: str
    capacity: int = 1
    min_piece: timedelta = ROOM_MIN_PIECE
    known: bool = True
    locked_since: datetime | None = None

    @property
    def kind(self) -> TargetKind:
        """Room or channel, as the key says."""
        return TargetKind(self.key.partition(".")[0])


@dataclass(frozen=True, slots=True)
class WallStart:
    """A start as a clock on the wall shows it: naive local time in a named IANA zone."""

    local: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class InstantStart:
    """A start as an instant, whatever any clock on a wall shows then."""

    at: datetime


class Frequency(StrEnum):
    """How a series repeats."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class DstGap(StrEnum):
    """What becomes of a wall time that the spring change leaves out."""

    SHIFT = "shift"
    SKIP = "skip"


class DstOverlap(StrEnum):
    """Which of the two is meant where the autumn change shows a wall time twice."""

    FIRST = "first"
    SECOND = "second"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The rule of a series; a schedule without one happens once.

    `every` counts days, ISO weeks or months from the anchor's. `weekdays` are ISO numbers
    (1 = Monday) and belong to weekly rules alone; `last_day` belongs to monthly rules. The series
    ends after `count` slots or after the local date `until` (inclusive), never with both, or never.
    """

    frequency: Frequency
    every: int = 1
    weekdays: frozenset[int] = frozenset()
    last_day: bool = False
    count: int | None = None
    until: date | None = None


class ContentKind(StrEnum):
    """What a channel plays."""

    LIVE = "live"
    ASSET = "asset"
    AD = "ad"
    SLICER = "slicer"
    REPLAY = "replay"


@dataclass(frozen=True, slots=True)
class Content:
    """What a channel's schedule plays: an asset, a slicer (a live input) by its id, and so on.

    `offset` is what is left out at the beginning. `ad_breaks_s` are seconds, one for each break of
    the asset in order. Of a `replay`, it is what the channel put out in that window.
    """

    kind: ContentKind
    id: str | None = None
    owner: str | None = None
    offset: timedelta = timedelta(0)
    ad_breaks_s: tuple[float, ...] = ()
    replay: Window | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a schedule carries for people and clients; no decision reads it.

    What was booked from a `playlist` in one go has one `batch`.
    """

    description: str = ""
    origin: str = "cli"
    author: str | None = None
    owner: str | None = None
    external_id: str = ""
    template: Mapping[str, str] = field(default_factory=dict[str, str])
    shared_users: tuple[int, ...] = ()
    shared_groups: tuple[int, ...] = ()
    batch: str | None = None
    playlist: str | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """The wish: one target, a start, a duration, a rule, a priority.

    An occurrence exists only if it starts at or after `effective_from` (creation, or the last
    change of start or rule) and before `ended` (set when the schedule is removed). A `manual` one
    is a recording by hand: one occurrence that goes before all others, and over once it is made.
    `modified` is when it was last changed; `replaced_by` the schedule that took its place.
    """

    id: int
    uid: str
    target: str
    name: str
    start: WallStart | InstantStart
    duration: timedelta
    effective_from: datetime
    created: datetime
    recurrence: Recurrence | None = None
    priority: int = 0
    dst_gap: DstGap = DstGap.SHIFT
    dst_overlap: DstOverlap = DstOverlap.FIRST
    ended: datetime | None = None
    content: Content | None = None
    metadata: Metadata = field(default_factory=Metadata)
    manual: bool = False
    modified: datetime | None = None
    replaced_by: int | None = None


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What a client calls one request by, so that it is carried out once, however often it comes.

    `fingerprint` is that of what is asked; `caller` is whose key it is.
    """

    caller: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Override:
    """Schedule data about one occurrence: left out, ended at another instant, or paused."""

    schedule_id: int
    slot: str
    excluded: bool = False
    stop: datetime | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class ExceptionDay:
    """A day on which nothing starts: everywhere, or on one target."""

    id: int
    day: date
    name: str
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One window of a schedule; (schedule_id, slot) is its identity.

    `slot` is the wall time as the rule gives it, `2026-12-01T09:00:00`, or `@<epoch ms>` for a
    one-shot booked as an instant, or `manual`.
    """

    schedule_id: int
    slot: str
    window: Window


class Verdict(StrEnum):
    """What the plan says of an occurrence."""

    CLEAR = "clear"
    CONFLICT = "conflict"
    BLOCKED = "blocked"
    SUSPENDED = "suspended"


class Reason(StrEnum):
    """Why a verdict or an outcome is what it is; the words that reports and logs use."""

    OCCUPIED = "occupied"
    TOO_SHORT = "too_short"
    LOCKED = "locked"
    TARGET_UNKNOWN = "target_unknown"
    ZONE_UNKNOWN = "zone_unknown"
    EXCEPTION_DAY = "exception_day"
    EXCLUDED = "excluded"
    # outcomes only
    OPERATOR = "operator"
    PAUSED = "paused"
    SCHEDULE_REMOVED = "schedule_removed"
    SCHEDULE_CHANGED = "schedule_changed"
    DAEMON_DOWN = "daemon_down"
    DAEMON_STOPPED = "daemon_stopped"
    POWER_OFF = "power_off"
    LEDGER_RESTORED = "ledger_restored"
    CLOCK = "clock"
    DRIVER_UNAVAILABLE = "driver_unavailable"
    DEVICE_REFUSED = "device_refused"
    DEVICE_SILENT = "device_silent"
    DEVICE_ENDED = "device_ended"
    DEVICE_TIMEOUT = "device_timeout"
    STALLED = "stalled"
    DISK = "disk"
    DISK_FULL = "disk_full"
    DISK_MISSING = "disk_missing"
    LATE = "late"
    BACK_TO_BACK = "back_to_back"


class Status(StrEnum):
    """Where a run stands; `lifecycle` is the only way from one to the next."""

    PENDING = "pending"
    STARTING = "starting"
    STARTED = "started"
    STOPPING = "stopping"
    FINISHED = "finished"


class Outcome(StrEnum):
    """How a run ended."""

    RECORDED = "recorded"
    PARTIAL = "partial"
    FAILED = "failed"
    MISSED = "missed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class EndReason(StrEnum):
    """Why a driver session ended."""

    PLANNED = "planned"
    WITHDRAWN = "withdrawn"
    DIED = "died"
    STALLED = "stalled"
    NO_DATA = "no_data"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    PAUSED = "paused"
    DAEMON_STOPPED = "daemon_stopped"
    DAEMON_DIED = "daemon_died"
    POWER_OFF = "power_off"
    LEDGER_RESTORED = "ledger_restored"
    DISK = "disk"
    DISK_FULL = "disk_full"
    DISK_MISSING = "disk_missing"


class RemovedBecause(StrEnum):
    """Why a recorded file is no longer where the ledger says."""

    AGE = "age"
    ROOM = "room"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class RemovedFile:
    """A file of a part that is there no more: since when it is known, and why."""

    path: str
    at: datetime
    why: RemovedBecause


@dataclass(frozen=True, slots=True)
class Part:
    """The facts of one driver session: what was asked, what the device did. Gaps are derived.

    `commanded_at` is when the driver was called; `first_data_at` is None until data flowed;
    `lead` is what was allowed for the device to come up, and `spread` how much of that because of
    others that started at the same instant. `removed` are those of `files` that are there no more.
    """

    number: int
    input: int
    piece: Window
    token: str
    commanded_at: datetime
    lead: timedelta = timedelta(0)
    spread: timedelta = timedelta(0)
    first_data_at: datetime | None = None
    last_data_at: datetime | None = None
    stopped_at: datetime | None = None
    reference: str | None = None
    files: tuple[str, ...] = ()
    bytes: int = 0
    end: EndReason | None = None
    detail: str | None = None
    removed: tuple[RemovedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """A ledger row: what became of one occurrence that fell due.

    `planned` is the occurrence's window; `since` says since when `blocker` (a schedule's id) stood
    in the way. `outcome` is None until `status` is finished.
    """

    id: int
    target: str
    name: str
    planned: Window
    schedule_id: int
    slot: str
    status: Status = Status.PENDING
    outcome: Outcome | None = None
    reason: Reason | None = None
    sentence: str | None = None
    blocker: int | None = None
    since: datetime | None = None
    finished_at: datetime | None = None
    parts: tuple[Part, ...] = ()

    @property
    def manual(self) -> bool:
        """Whether somebody made it by hand."""
        return self.slot == MANUAL_SLOT

    @property
    def shown_schedule(self) -> int | None:
        """The schedule that people are told of: none where it was made by hand."""
        return None if self.manual else self.schedule_id

    @property
    def confirmed(self) -> bool:
        """Whether data flowed at least once."""
        return any(part.first_data_at is not None for part in self.parts)
