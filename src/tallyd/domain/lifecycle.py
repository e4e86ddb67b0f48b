"""Where a run may go: one table, Status x Event -> Status. Nothing else moves a run."""

from enum import StrEnum

from tallyd.domain.errors import IllegalTransition
from tallyd.domain.model import Status


class Event(StrEnum):
    """What can happen to a run."""

    DUE = "due"
    DATA = "data"
    ATTEMPT_FAILED = "attempt_failed"
    PIECE_OVER = "piece_over"
    WITHDRAWN = "withdrawn"
    OVER = "over"
    STALLED = "stalled"
    DIED = "died"
    STOPPED_WITH_REST = "stopped_with_rest"
    STOPPED_FOR_GOOD = "stopped_for_good"
    BOOT_FOUND_RECORDING = "boot_found_recording"
    BOOT_FOUND_IDLE = "boot_found_idle"
    WANTED_AGAIN = "wanted_again"


_BOOT = {
    Event.BOOT_FOUND_RECORDING: Status.STARTED,
    Event.BOOT_FOUND_IDLE: Status.PENDING,
}

TRANSITIONS: dict[Status, dict[Event, Status]] = {
    Status.PENDING: {
        Event.DUE: Status.STARTING,
        Event.OVER: Status.FINISHED,
        Event.WITHDRAWN: Status.FINISHED,
        **_BOOT,
    },
    Status.STARTING: {
        Event.DATA: Status.STARTED,
        Event.ATTEMPT_FAILED: Status.PENDING,
        Event.OVER: Status.STOPPING,
        Event.WITHDRAWN: Status.STOPPING,
        **_BOOT,
    },
    Status.STARTED: {
        Event.PIECE_OVER: Status.STOPPING,
        Event.WITHDRAWN: Status.STOPPING,
        Event.STALLED: Status.STOPPING,
        Event.DIED: Status.STOPPING,
        **_BOOT,
    },
    Status.STOPPING: {
        Event.STOPPED_WITH_REST: Status.PENDING,
        Event.STOPPED_FOR_GOOD: Status.FINISHED,
        **_BOOT,
    },
    # Only a run with nothing recorded may come back, before its start: the clock stepped back, or
    # a withdrawn occurrence is wanted again. The caller asks `outcomes.may_return` first.
    Status.FINISHED: {Event.WANTED_AGAIN: Status.PENDING},
}


def advance(status: Status, event: Event) -> Status:
    """Give the status after `event`.

    Raises:
        IllegalTransition: a run in `status` cannot take `event`; nothing changed.
    """
    try:
        return TRANSITIONS[status][event]
    except KeyError:
        raise IllegalTransition(status, event) from None


def shown(status: Status) -> Status:
    """Give what the outside is told of a run that is not finished: pending or started."""
    return Status.STARTED if status in {Status.STARTED, Status.STOPPING} else Status.PENDING
