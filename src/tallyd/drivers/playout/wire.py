"""What a daemon and a playout tell one another: lines of JSON. Nothing is done here."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from tallyd.drivers.playout.options import PlayoutOptions
from tallyd.drivers.playout.rundown import Entry

VERSION = 1
"""Raised with every change that an older daemon or playout would misread."""

SOCKET = "control.sock"
AS_RUN = "as-run"
ARCHIVE = "archive"


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Brief(_Line):
    """What a playout is told at birth, on its standard input."""

    target: str
    directory: str
    options: PlayoutOptions
    live: str | None = Field(default=None, repr=False)
    ad_slate: Path | None = None
    version: int = VERSION

    @property
    def digest(self) -> str:
        """What tells briefs apart, without their secrets."""
        return sha256(self.model_dump_json().encode()).hexdigest()[:16]


class Play(_Line):
    """Take an entry into the rundown."""

    do: Literal["play"] = "play"
    entry: Entry


class Drop(_Line):
    """Take an entry out of the rundown."""

    do: Literal["drop"] = "drop"
    token: str


class Ask(_Line):
    """Tell how things stand; whoever only looks is no daemon that looks after the channel."""

    do: Literal["ask"] = "ask"


class End(_Line):
    """Go off the air."""

    do: Literal["end"] = "end"


Request = Annotated[Play | Drop | Ask | End, Field(discriminator="do")]
REQUEST: TypeAdapter[Play | Drop | Ask | End] = TypeAdapter(Request)


class EntryState(_Line):
    """How an entry stands; times are epoch milliseconds."""

    token: str
    start_ms: int
    stop_ms: int
    first_ms: int | None = None
    last_ms: int | None = None
    bytes: int = 0
    trouble: str | None = None


class PublicationState(_Line):
    """How a publication stands; `begun` counts how often it was started."""

    shown: str
    up: bool
    begun: int
    trouble: str | None = None
    pid: int | None = None


class State(_Line):
    """How a channel stands. `on_air` is what is, `trouble` why the slate stands in for it.

    `brief` is the digest of what the playout was told at birth. `fell_back` counts how often the
    slate had to stand in, the last time for the entry `fell_back_from`.
    """

    version: int = VERSION
    brief: str
    pid: int
    on_air: str | None = None
    token: str | None = None
    trouble: str | None = None
    fell_back: int = 0
    fell_back_from: str | None = None
    fell_back_why: str | None = None
    slots: int = 0
    late_slots: int = 0
    entries: tuple[EntryState, ...] = ()
    publications: tuple[PublicationState, ...] = ()
