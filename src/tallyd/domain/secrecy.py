"""What of a text may be shown: the one rule for secrets. Who shows it is not known here."""

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

MASK = "***"

SHORTEST = 4
"""Shorter texts are hidden as parts of their URL only: on their own they stand in any sentence."""

_LOCAL = "file|v4l2"
_URL = re.compile(
    rf"\b(?!(?:{_LOCAL}):)([a-z][a-z0-9+.-]*:)(?:\\?/){{2}}(\S*)", re.IGNORECASE | re.ASCII
)
_ALMOST_URL = re.compile(r"[:@]|//|\\/")
_AUTHORITY_ENDS = re.compile(r"[/?#\\]")
_HOST = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:.]+\])?(?::\d*)?")
_AROUND = "\"'`)>],.;:"
_PIECE_ENDS = re.compile(r"[/?#&,;]")
_SECRET_KEY = re.compile(
    r"pass|secret|token|credential|stream_?id|(^|_)(key|pin)($|_)", re.IGNORECASE
)
_ADDRESS_KEY = re.compile(r"(^|_)(source|inputs?|url|uri|address)($|_)", re.IGNORECASE)


def mask_urls(text: str) -> str:
    """Leave of every URL in `text` its scheme, host and port.

    A stream key is a part of the path, a passphrase one of the query: what of them is secret
    depends on the server, so nothing of them is shown. Files of this machine have no secret names.
    """
    return _URL.sub(_masked, text) if ":" in text else text


def hide(text: str, secrets: Iterable[str]) -> str:
    """Take `secrets` out of `text`, wherever they stand, and all that URLs may hold."""
    text = mask_urls(text)
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def secrets_of(url: str) -> tuple[str, ...]:
    """Give what of a URL must not be shown on its own either, the longest first.

    Servers repeat a stream key, or a name and password, without the URL around it.
    """
    try:
        parts = urlsplit(url)
        password = parts.password or ""
    except ValueError:  # nothing can be told apart in it
        return in_order((url,))
    userinfo = parts.netloc.rpartition("@")[0]
    path = url.partition("://")[2].partition("/")[2]
    found = {userinfo, password, path, parts.path.strip("/"), parts.query, parts.fragment}
    found |= {value for _, value in parse_qsl(parts.query)}
    for piece in _PIECE_ENDS.split(f"{path}&{parts.query}&{parts.fragment}"):
        found |= {piece} if "=" not in piece else {piece.partition("=")[2]}
    return in_order(found)


def in_order(secrets: Iterable[str]) -> tuple[str, ...]:
    """Give secrets, as they are and as URLs write them, in an order in which `hide` finds all."""
    found = set(secrets)
    found |= {unquote(secret) for secret in found}
    return tuple(
        sorted((each for each in found if len(each) >= SHORTEST), key=lambda s: (-len(s), s))
    )


def is_secret(key: str) -> bool:
    """Tell whether what has this name is a secret, as far as a name can tell."""
    return _SECRET_KEY.search(key) is not None


def shown_mistake(path: Iterable[str], value: str) -> str:
    """Give a mistaken value at the place `path` as it may be repeated.

    What is wrong with it may be just what makes a URL of it, so half of one is hidden too.
    """
    names = tuple(path)
    if any(map(is_secret, names)):
        return MASK
    if any(map(_ADDRESS_KEY.search, names)) and "/" in value:
        return MASK
    masked = mask_urls(value)
    is_path = value.startswith("/") and not value.startswith("//")
    if masked != value or is_path or not ("/" in value or "@" in value):
        return masked
    found = _ALMOST_URL.search(value)
    return f"{value[: found.end()]}{MASK}" if found else value


def _masked(match: re.Match[str]) -> str:
    url = match[2].rstrip(_AROUND)
    around = match[2][len(url) :]
    begin = _AUTHORITY_ENDS.search(url)
    authority, rest = (url[: begin.start()], url[begin.start() :]) if begin else (url, "")
    user, at, host = authority.rpartition("@")
    # With an unescaped "/" or "@" in a password nobody knows where the host begins.
    if "@" in rest or not _HOST.fullmatch(host):
        return f"{match[1]}//{MASK}{around}"
    shown_user = f"{MASK}@" if user or at else ""
    shown_rest = rest if len(rest) <= 1 else f"{rest[0]}{MASK}"
    return f"{match[1]}//{shown_user}{host}{shown_rest}{around}"
