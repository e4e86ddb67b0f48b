"""The events of channels; the list of all is in `events`. Nothing is logged here."""

from collections.abc import Mapping
from typing import Final

from tallyd.logs.event import Event

_TARGET = {"target": "key of the channel"}

FEED_EVENTS: Final[Mapping[str, Event]] = {
    "slicer.failed": Event(
        "error",
        "A live input cannot be used; what would show it fails, all else is played.",
        {"slicer": "its name in the configuration", "error": "why"},
    ),
    "feed.started": Event(
        "info",
        "A channel is on air, by a playout that was started now.",
        {**_TARGET, "pid": "of the playout"},
    ),
    "feed.adopted": Event(
        "info",
        "A channel has been on air while no daemon looked after it, and goes on.",
        {**_TARGET, "pid": "of the playout"},
    ),
    "feed.failed": Event(
        "error",
        "A channel does not come on; it is tried again.",
        {**_TARGET, "error": "why"},
    ),
    "feed.removed": Event(
        "info",
        "A channel that an earlier daemon left on air, and nobody has configured now, is off.",
        {**_TARGET, "pid": "of what was its playout"},
    ),
    "feed.died": Event(
        "error",
        "The playout of a channel has ended, or hung and was killed; it is started again.",
        {**_TARGET, "error": "what it said last, or that it hung"},
    ),
    "feed.fell_back": Event(
        "warning",
        "A channel shows its slate, because what it should play does not come; that is retried.",
        {
            **_TARGET,
            "token": "of the part that should play; null for what plays between entries",
            "detail": "what its source said",
        },
    ),
    "feed.recovered": Event(
        "info",
        "A channel no longer shows its slate in place of something else.",
        {**_TARGET, "on_air": "what it plays"},
    ),
    "feed.publication_lost": Event(
        "warning",
        "One of a channel's publications has ended; it is started again, the others go on.",
        {**_TARGET, "output": "which", "detail": "what it said last"},
    ),
    "feed.publication_back": Event(
        "info",
        "A publication is up again.",
        {**_TARGET, "output": "which"},
    ),
}
