"""What an entry of a channel plays, ready to be played: files, inputs, breaks. Values, no code.

A schedule's `Content` names things of a library; here they are found: paths, lengths, addresses.
All that is media time counts from the beginning of the entry as it was booked, breaks included.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from tallyd.domain.window import Window


@dataclass(frozen=True, slots=True)
class Spot:
    """One advertisement: a file, and how much of it is played."""

    path: Path
    length: timedelta


@dataclass(frozen=True, slots=True)
class AdBreak:
    """A break in an asset: after so much of it, for exactly so long.

    It is filled with those of `spots` that fit, in their order, and then with the ad slate.
    """

    after: timedelta
    length: timedelta
    spots: tuple[Spot, ...] = ()


@dataclass(frozen=True, slots=True)
class AssetProgramme:
    """A file from its beginning to its end, or to that of the entry, with its breaks in order."""

    path: Path
    length: timedelta
    breaks: tuple[AdBreak, ...] = ()
    kind: Literal["asset"] = "asset"


@dataclass(frozen=True, slots=True)
class AdProgramme:
    """Nothing but advertisements, and then the ad slate, for as long as the entry is."""

    spots: tuple[Spot, ...] = ()
    kind: Literal["ad"] = "ad"


@dataclass(frozen=True, slots=True)
class LiveProgramme:
    """An input, as it comes; `source` is an address, which may be secret.

    `slicer` is the name that it goes by where it is a slicer's.
    """

    source: str = field(repr=False)
    slicer: str | None = None
    kind: Literal["live"] = "live"


@dataclass(frozen=True, slots=True)
class ReplayProgramme:
    """What the same channel put out in a window of the past."""

    window: Window
    kind: Literal["replay"] = "replay"


@dataclass(frozen=True, slots=True)
class MissingProgramme:
    """What is to be played is not there, and why: it may be when it is asked for again."""

    why: str
    kind: Literal["missing"] = "missing"


Playable = AssetProgramme | AdProgramme | LiveProgramme | ReplayProgramme
Programme = Playable | MissingProgramme
