"""The time zones in which events are taken: the published list, word for word. Pure."""

import re
from importlib.resources import files
from typing import Final, Literal

from tallyd.domain.errors import ZoneUnknown
from tallyd.domain.recurrence import check_zone

_NAME = re.compile(r"[A-Za-z0-9_+/-]{1,64}")

Accepted = Literal["listed", "any"]
"""Whether a zone has to be on the list, or may be any that there is."""


LISTED: Final = frozenset(
    files("tallyd.api.ibm").joinpath("event_timezones.txt").read_text(encoding="utf-8").split()
)
"""The names on the list, which is odd: it has no UTC, and nothing in the Atlantic."""


def is_accepted(zone: str, accepted: Accepted) -> bool:
    """Tell whether an event can be in a zone."""
    if zone in LISTED:
        return True
    if accepted == "listed" or not _NAME.fullmatch(zone):
        return False
    try:
        check_zone(zone)
    except ZoneUnknown:
        return False
    return True
