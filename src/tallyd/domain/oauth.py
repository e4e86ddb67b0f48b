"""What OAuth gives to programs: codes and tokens, for how long, and where a code may be sent."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import SplitResult, urlsplit

CODE_LASTS = timedelta(minutes=5)
ACCESS_LASTS = timedelta(days=1)
REFRESH_LASTS = timedelta(days=30)

SCOPES = ("broadcaster", "openid", "email")
"""What may be asked for; anything else is left out of what is given."""

MAX_REDIRECT = 2000
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class TokenKind(StrEnum):
    """What a token is good for: to be exchanged, to ask with, to get others with."""

    CODE = "code"
    ACCESS = "access"
    REFRESH = "refresh"


LASTS = {
    TokenKind.CODE: CODE_LASTS,
    TokenKind.ACCESS: ACCESS_LASTS,
    TokenKind.REFRESH: REFRESH_LASTS,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody has agreed to: `client` may act as `user_id`. All tokens of it share `id`."""

    id: str
    client: str
    user_id: int
    scope: str


@dataclass(frozen=True, slots=True)
class Token:
    """A code or a token as it is stored; `digest` is the SHA-256 of what its owner shows.

    `redirect_uri` is where a code was sent; `spent` is when it, or a refresh token, was used up.
    """

    digest: str
    kind: TokenKind
    grant: Grant
    created: datetime
    expires: datetime
    redirect_uri: str | None = None
    spent: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Tell whether it can still be used."""
        return self.spent is None and now < self.expires


def scope_of(asked: str) -> str:
    """Give what of the scopes that are asked for there is, each once, in the usual order."""
    wanted = set(asked.replace(",", " ").split())
    return " ".join(scope for scope in SCOPES if scope in wanted)


def may_redirect(uri: str, registered: Collection[str]) -> bool:
    """Tell whether a code may be sent to an address.

    It is one of those registered for the client; of a client with none any with TLS will do, for
    nobody else can exchange a code. One on the user's own machine always will, at any port.
    """
    address = _parsed(uri)
    if address is None:
        return False
    return is_loopback(uri) or uri in registered or (not registered and address.scheme == "https")


def is_loopback(uri: str) -> bool:
    """Tell whether an address is one of the machine on which it is opened."""
    address = _parsed(uri)
    return address is not None and address.scheme == "http" and address.hostname in _LOOPBACK


def is_address(uri: str) -> bool:
    """Tell whether something is an address to which a browser can be sent."""
    return _parsed(uri) is not None


def _parsed(uri: str) -> SplitResult | None:
    if len(uri) > MAX_REDIRECT or not uri.isascii() or not uri.isprintable() or " " in uri:
        return None
    try:
        address = urlsplit(uri)
        whole = address.scheme in {"http", "https"} and bool(address.hostname)
        _ = address.port
    except ValueError:
        return None
    return address if whole and not (address.fragment or address.username or "\\" in uri) else None
