"""What a dialect is given to answer with, and what a dialect is. Nothing is decided here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp

from tallyd.accounts import Accounts
from tallyd.api.callers import Callers
from tallyd.bookings import Bookings
from tallyd.bookings.entries import EntryBookings
from tallyd.config import Settings
from tallyd.library import Library
from tallyd.oauth import OAuth
from tallyd.ports.clock import Clock
from tallyd.ports.contents import ContentStore
from tallyd.ports.store import Store
from tallyd.reports import Reports

Picture = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Services:
    """The installation as every dialect sees it.

    `store` and `contents` are there to be read; whatever changes goes through `bookings`,
    `entries`, `library` or `accounts`. `picture` gives the engine's last word about itself, None
    where no daemon runs (it blocks); `nudges` how often it was told of a change, by what came of
    it. `zone` is the one in which wall times are meant that name none.
    """

    settings: Settings
    clock: Clock
    store: Store
    contents: ContentStore
    bookings: Bookings
    entries: EntryBookings
    library: Library
    reports: Reports
    accounts: Accounts
    oauth: OAuth
    callers: Callers
    picture: Callable[[], Picture | None]
    nudges: Callable[[], Mapping[str, int]]

    @property
    def zone(self) -> str:
        """The appliance's time zone."""
        return self.settings.appliance.timezone


@dataclass(frozen=True, slots=True)
class Dialect:
    """One interface: its name in `[http] dialects`, and what makes its applications by path."""

    name: str
    build: Callable[[Services], Mapping[str, ASGIApp]]
