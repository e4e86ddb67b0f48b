"""Where a server may listen, as it is written: `tcp:127.0.0.1:8080`, `unix:/run/api.sock`."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

MAX_PORT = 65_535


class ListenError(Exception):
    """Nothing can listen where it should: where, and what the system said."""


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """An address and a port; port 0 lets the system choose."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a Unix socket."""

    path: Path


def parse_address(text: str) -> TcpAddress | UnixAddress:
    """Read an address.

    Raises:
        ValueError: with what to write instead.
    """
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest and rest.isprintable():
        return UnixAddress(Path(rest))
    if kind == "tcp":
        host, _, port = rest.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        if port.isascii() and port.isdigit() and int(port) <= MAX_PORT:
            return TcpAddress(str(ip_address(bare)), int(port))
    raise ValueError("write tcp:127.0.0.1:8080, or unix: and a path")
