"""The port of what channels really had on air, as their playouts wrote it down. Values, no code."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tallyd.domain.window import Window


class Kind(StrEnum):
    """What is on air; `SLATE` stands in for something else, `DEFAULT` plays between entries."""

    ASSET = "asset"
    AD = "ad"
    AD_SLATE = "ad_slate"
    LIVE = "live"
    SLICER = "slicer"
    REPLAY = "replay"
    DEFAULT = "default"
    SLATE = "slate"


class AsRunError(Exception):
    """What was written down cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class Aired:
    """Something that was on air from its first picture until the first of what came next.

    `token` is that of the part of a run, None for what plays between entries. `detail` says why
    the slate stood in; `live` whether the picture came from a live input at that very time.
    """

    kind: Kind
    window: Window
    token: str | None = None
    name: str = ""
    detail: str | None = None
    live: bool = False


class AsRun(Protocol):
    """Reads what the playouts of channels wrote down."""

    async def aired(self, target: str, period: Window) -> tuple[Aired, ...] | None:
        """Give all of which something was on air in a period, whole and in order.

        None where nobody wrote anything down: the feed keeps no log, or it began later, or it had
        ended before.

        Raises:
            AsRunError: it cannot be read.
        """
        ...
