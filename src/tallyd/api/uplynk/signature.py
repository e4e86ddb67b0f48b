"""Who sends a request, as signed messages say it: read, unpacked, compared. Pure; knows no key.

A message is small JSON, mostly compressed; whatever unpacks to more is refused before it is read.
"""

import base64
import binascii
import hashlib
import hmac
import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import unquote

MESSAGE_MAX = 4096
"""Characters of a message as it is sent, and bytes of what is in it."""

_LATEST = 2**53
"""Beyond it there are no whole seconds any more."""


class UnreadableMessage(Exception):  # noqa: N818 - what it is
    """There is no message, or it says nothing of who sent it when."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A message as it was sent, and the signature that came with it."""

    message: str
    signature: str

    def is_signed_with(self, secret: str) -> bool:
        """Tell whether it was signed with a secret; it takes as long where it was not."""
        mac = hmac.new(secret.encode(), self.message.encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(mac.encode(), self.signature.encode())


@dataclass(frozen=True, slots=True)
class Claim:
    """What a message says: whose it is, and when it was made in seconds since the epoch."""

    owner: str
    timestamp: float

    def is_timely(self, now: datetime, skew: timedelta) -> bool:
        """Tell whether it was made about now."""
        return abs(now.timestamp() - self.timestamp) <= skew.total_seconds()


def signed(query: bytes, authorization: str | None) -> Signed | None:
    """Read message and signature from a query as it was sent, else from the header."""
    given = dict(_parameters(query))
    if "msg" in given or "sig" in given:
        # A plus that somebody took for a blank on its way.
        return Signed(given.get("msg", "").replace(" ", "+"), given.get("sig", ""))
    words = (authorization or "").split(" ")
    if len(words) == len(("message", "signature")):
        return Signed(words[0], words[1])
    return None


def _parameters(query: bytes) -> list[tuple[str, str]]:
    pairs = (pair.partition("=") for pair in query.decode("latin-1").split("&") if pair)
    # Not as forms are read: a plus is a plus.
    return [(unquote(name), unquote(value)) for name, _, value in pairs]


def parameters(query: bytes) -> dict[str, str]:
    """Read a query without what signs it; the last of several values counts."""
    return {name: value for name, value in _parameters(query) if name not in {"msg", "sig"}}


def claim_of(message: str) -> Claim:
    """Unpack a message: compressed by zlib, with or without its header, or plain JSON.

    Raises:
        UnreadableMessage: it is none, or too large.
    """
    if not message or len(message) > MESSAGE_MAX:
        raise UnreadableMessage
    try:
        packed = base64.b64decode(message, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableMessage from None
    for text in (_inflated(packed, zlib.MAX_WBITS), _inflated(packed, -zlib.MAX_WBITS), packed):
        claim = _read(text)
        if claim is not None:
            return claim
    raise UnreadableMessage


def _inflated(packed: bytes, window_bits: int) -> bytes:
    """Inflate at most as much as a message may hold; nothing where that is not all."""
    inflater = zlib.decompressobj(window_bits)
    try:
        text = inflater.decompress(packed, MESSAGE_MAX)
    except zlib.error:
        return b""
    return text if inflater.eof and not inflater.unconsumed_tail else b""


def _read(text: bytes) -> Claim | None:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    fields = cast("dict[str, object]", said)
    owner, timestamp = fields.get("_owner"), fields.get("_timestamp")
    if isinstance(timestamp, str) and timestamp.isascii() and timestamp.isdecimal():
        timestamp = int(timestamp)
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | float):
        return None
    if not isinstance(owner, str) or not owner or not owner.isascii():
        return None
    if not abs(timestamp) <= _LATEST:  # so that what is no number is none, too
        return None
    return Claim(owner, float(timestamp))
