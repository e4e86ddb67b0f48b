"""The events of the log, which are an interface: names, levels, meanings and fields, in one place.

A name is dotted and past tense where something happened. `docs/log-events.md` is made from this.
"""

from collections.abc import Mapping
from typing import Final

from tallyd.logs.event import Event
from tallyd.logs.feed_events import FEED_EVENTS
from tallyd.logs.store_events import STORE_EVENTS

_TARGET = {"target": "key of the room or channel"}
_RUN = {
    **_TARGET,
    "run_id": "id of the run in the ledger; 0 until its row is written",
    "schedule_id": "id of its schedule; null for a manual recording",
    "slot": "which occurrence of the schedule; null for a manual recording",
    "name": "name of the schedule or recording",
}
_PART = {**_RUN, "part": "number of the part, from 1"}
_INPUT = {"input": "input of the device, from 0"}
_FILES = {"files": "paths"}
_FILE = {**_PART, "file": "path"}
_END = {"end": "why the session ended", "detail": "what the device said"}
_WHY = {"reason": "reason code", "blocker": "id of the schedule in the way, if one is"}


EVENTS: Final[Mapping[str, Event]] = {
    "daemon.started": Event(
        "info",
        "The daemon has read its configuration and begins.",
        {"version": "of tallyd", "pid": "process id"},
    ),
    "daemon.ready": Event(
        "info",
        "Every target has been decided once; from here on nothing due is overlooked.",
        {"targets": "how many", "schedules": "how many", "boot_ms": "since daemon.started"},
    ),
    "daemon.stopping": Event(
        "info",
        "The daemon was asked to end.",
        {"signal": "what asked"},
    ),
    "daemon.stopped": Event("info", "The daemon has ended."),
    "daemon.cut_short": Event(
        "error",
        "Something that hangs kept the daemon from its end, and was not waited for any longer.",
        {"within_s": "how long it waited", "calls": "where threads stand that did not return"},
    ),
    "server.started": Event(
        "info",
        "The HTTP server takes requests.",
        {"version": "of tallyd", "pid": "process id", "listen": "where, as `--listen` has it"},
    ),
    "server.request_failed": Event(
        "error",
        "A request met a bug; whoever sent it was told no more than that.",
        {
            "method": "of the request",
            "path": "of the request, without its query",
            "error": "what was raised",
            "exception": "where",
        },
    ),
    "server.stopping": Event(
        "info",
        "The HTTP server ends; requests that are under way get their answers.",
        {"why": "the signal that asked, or what happened"},
    ),
    "server.stopped": Event("info", "The HTTP server has ended."),
    "server.died": Event(
        "warning",
        "The HTTP server beside the daemon has ended by itself; it is started again.",
        {"error": "how it ended", "again_in_ms": "when"},
    ),
    "config.reloaded": Event(
        "info",
        "A new configuration is in force.",
        {"targets": "keys whose drivers are built anew, once what they record has ended"},
    ),
    "config.refused": Event(
        "error",
        "A new configuration was refused as a whole; the old one stays in force.",
        {"problems": "everything that is wrong with it"},
    ),
    **STORE_EVENTS,
    "driver.loaded": Event(
        "info", "A target has its driver.", {**_TARGET, "driver": "name of the driver"}
    ),
    "driver.failed": Event(
        "error",
        "A target's driver cannot be used; what is booked there is reported as missed.",
        {**_TARGET, "driver": "name of the driver", "error": "why"},
    ),
    "driver.stuck": Event(
        "error",
        "A call of a driver was to have ended and does not return, as one that hangs in a thread."
        " Until it does, its target can do little or nothing; all others go on.",
        {
            **_TARGET,
            "call": "which: start, stop, probe, ...",
            "since_ms": "how long ago it was made",
            "stuck": "how many calls of this driver hang",
        },
    ),
    "target.unknown": Event(
        "warning",
        "Schedules are booked on a target that the configuration no longer has.",
        {**_TARGET, "schedules": "how many"},
    ),
    "plan.changed": Event(
        "info",
        "A booking or other change of wishes was seen and planned.",
        {"revision": "of the wishes", "targets": "keys that were planned anew"},
    ),
    "run.left": Event(
        "info",
        "The daemon ends, and this recording goes on: the next daemon takes it over.",
        {
            **_PART,
            "reference": "process or device that records it",
            "stop": "planned stop of the part; by itself it ends two hours after that",
        },
    ),
    "run.adopted": Event(
        "info",
        "A recording that went on while no daemon ran is taken over; nothing of it was lost.",
        {
            **_PART,
            "reference": "process or device that records it",
            "stop": "planned stop of the part",
        },
    ),
    "run.interrupted": Event(
        "warning",
        "A recording was cut off while no daemon saw to it; what is left of it is recorded on.",
        {
            **_PART,
            "end": "power_off or daemon_died",
            "last_data": "until when data is known to have come; its file may tell better",
            "stop": "planned stop of the part",
        },
    ),
    "recording.salvaged": Event(
        "warning",
        "A file that was cut off with the daemon, or by the power, got its final name.",
        {
            **_RUN,
            **_FILES,
            "mended": "those that lacked an index or a length, and were made whole",
            "detail": "what could not be done, and why",
        },
    ),
    "recording.found": Event(
        "warning",
        "An unfinished file lies among the recordings, and is of no run that the ledger knows. It"
        " is left as it is.",
        {
            "path": "where it is",
            "bytes": "its size",
            "written_at": "when something was written to it last",
            "target": "where it was recorded, if the file says so",
            "token": "as which part, if the file says so",
        },
    ),
    "recording.search_failed": Event(
        "error",
        "The recordings could not be looked through for files that were cut off.",
        {"error": "what went wrong"},
    ),
    "recording.left": Event(
        "error",
        "A file that was cut off keeps its name and the ending .part: the disk refused.",
        {**_RUN, "error": "what went wrong"},
    ),
    "recording.removed": Event(
        "info",
        "Retention removed a file, as the operator wishes; the ledger keeps the run.",
        {
            **_FILE,
            "why": "age or room",
            "bytes": "its size",
            "age_s": "how long ago its run was over",
        },
    ),
    "recording.kept": Event(
        "warning",
        "Retention left a file alone: it is not, or no longer, what was recorded; said once.",
        {**_FILE, "error": "why"},
    ),
    "retention.short": Event(
        "warning",
        "Less is free than `min_free`, and no recording is left that could be removed for it.",
        {"free_bytes": "what is free", "total_bytes": "of the disk", "lacking_bytes": "how many"},
    ),
    "retention.failed": Event(
        "error",
        "Recordings cannot be removed for now; it is tried again every half minute.",
        {"error": "what the disk or the database said"},
    ),
    "recorder.stray": Event(
        "warning",
        "A recorder was found running that is of no open run; it is ended, and its file is kept.",
        {"target": "key", "token": "of the part", "files": "paths"},
    ),
    "run.starting": Event(
        "info",
        "A driver was told to start.",
        {
            **_PART,
            **_INPUT,
            "start": "planned start of the part",
            "stop": "planned stop of the part",
            "lead_ms": "how much earlier it was told, for the device to come up",
        },
    ),
    "run.started": Event(
        "info",
        "Data flows.",
        {
            **_PART,
            **_INPUT,
            **_FILES,
            "late_ms": "first data minus planned start of the part; negative is early",
            "command_late_ms": "when the driver was told, minus planned start less lead",
            "stop": "planned stop of the part",
        },
    ),
    "run.late": Event(
        "warning",
        "The planned start has come and no data flows yet; said once for each run.",
        {**_RUN, "start": "planned start", "detail": "what the device said last, if anything"},
    ),
    "run.retrying": Event(
        "warning",
        "A start brought no data.",
        {
            **_PART,
            **_END,
            "attempt": "number of the attempt that failed",
            "next": "what is done about it",
            "retry_at": "instant of the next attempt; null where there is none",
        },
    ),
    "run.part_ended": Event(
        "info",
        "A driver session is over, as planned or not.",
        {**_PART, **_END, **_FILES, "bytes": "written"},
    ),
    "run.stop_failed": Event(
        "error",
        "A device does not confirm that it stopped; it is asked again.",
        {**_PART, "detail": "what the device said"},
    ),
    "run.finished": Event(
        "info",
        "A run has its outcome.",
        {
            **_RUN,
            **_WHY,
            "outcome": "what became of it",
            "sentence": "the same for people",
            "parts": "how many",
        },
    ),
    "run.blocked": Event(
        "warning",
        "The planned start has come and another holds the target; said once for each run.",
        {
            **_RUN,
            **_WHY,
            "until": "when the blocker is over",
            "remaining": "what the run still holds: a list of [start, stop]",
        },
    ),
    "preflight.failed": Event(
        "warning",
        "Before a start device, disk or clock is not as it should be; said once for each run and "
        "cause.",
        {
            **_RUN,
            "start": "planned start of the piece",
            "cause": "device, disk or clock",
            "detail": "what is wrong",
            "next": "what happens if nobody does anything",
            "fix": "what helps",
        },
    ),
    "device.gone": Event(
        "warning",
        "A device does not answer any more, or could not start; said once until it is back.",
        {
            **_TARGET,
            "detail": "what is wrong",
            "next_start": "planned start of the next piece within a day; null where there is none",
            "ask_again_s": "how often it is asked until it is back",
        },
    ),
    "device.back": Event(
        "info",
        "A device that was gone answers again.",
        {**_TARGET, "gone_ms": "for how long it was gone"},
    ),
    "disk.troubled": Event(
        "warning",
        "The disk of the recordings has too little room, is not there, or does not answer.",
        {
            "state": "low (a warning); full, missing or unknown (errors: nothing can be recorded)",
            "detail": "what is wrong",
            "free_bytes": "what is free, as far as known",
        },
    ),
    "disk.recovered": Event(
        "info",
        "The disk of the recordings answers and has room again.",
        {"free_bytes": "what is free"},
    ),
    **FEED_EVENTS,
    "clock.doubted": Event(
        "warning",
        "The wall clock is not kept right, or cannot be right, or is waited for.",
        {
            "state": "unsynchronised, implausible or unknown",
            "trusted": "whether things start by it all the same",
            "detail": "what is wrong",
            "next": "what happens until it is right",
        },
    ),
    "clock.trusted": Event(
        "info",
        "The wall clock is right, as far as anybody knows; what is due by it starts now.",
        {
            "now": "what it shows",
            "doubted_ms": "for how long nothing could start; 0 where it could",
        },
    ),
    "clock.wait_ended": Event(
        "warning",
        "No time server has set the wall clock in time; everything starts by it as it is.",
        {"now": "what it shows", "waited_ms": "for how long"},
    ),
    "nudge.failed": Event(
        "warning",
        "A change is stored, and the daemon could not be told; it looks by itself in seconds.",
        {"error": "what the system said"},
    ),
    "alarm.clock_stepped": Event(
        "warning",
        "Somebody set the clock; everything is planned anew. Where that was by more than five"
        " minutes, nothing is called missed for the next one.",
        {"now": "what it shows since", "by_ms": "by how much it was set, and which way"},
    ),
    "logs.dropped": Event(
        "warning",
        "The reader of the log was too slow and lines were thrown away here.",
        {"lines": "how many"},
    ),
    "task.failed": Event(
        "error",
        "A part of the daemon failed in a way that nobody foresaw.",
        {"task": "its name", "error": "what was raised", "exception": "the traceback"},
    ),
    "library.logged": Event(
        "warning",
        "A library that tallyd uses wrote to Python's own log; the level is that of the library.",
        {"library": "name of its logger", "message": "what it wrote", "exception": "a traceback"},
    ),
}
"""Every event by name; the level is the one at which it is written."""


def level_of(event: str) -> str:
    """Give the level at which an event is written.

    Raises:
        KeyError: no such event is listed.
    """
    return EVENTS[event].level
