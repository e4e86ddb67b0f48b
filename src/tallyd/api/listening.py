"""The sockets that the server listens on: made before anything is served, removed afterwards."""

import os
import socket
import stat
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from anyio import CancelScope, to_thread

from tallyd.config import TcpAddress, UnixAddress
from tallyd.config.addresses import ListenError

_WAITING = 512
_MODE = 0o660


@asynccontextmanager
async def listening(
    addresses: Sequence[TcpAddress | UnixAddress],
) -> AsyncGenerator[list[socket.socket]]:
    """Listen on every address inside.

    Raises:
        ListenError: one of them cannot be had.
    """
    sockets = await to_thread.run_sync(_open_all, addresses)
    try:
        yield sockets
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(_close_all, sockets, addresses)


def _open_all(addresses: Iterable[TcpAddress | UnixAddress]) -> list[socket.socket]:
    with ExitStack() as opened:
        sockets = [opened.enter_context(_open(address)) for address in addresses]
        opened.pop_all()
    return sockets


def _close_all(
    sockets: Iterable[socket.socket], addresses: Iterable[TcpAddress | UnixAddress]
) -> None:
    for endpoint in sockets:
        endpoint.close()
    for address in addresses:
        if isinstance(address, UnixAddress):
            with suppress(OSError):
                address.path.unlink()


def _open(address: TcpAddress | UnixAddress) -> socket.socket:
    try:
        return _by_path(address.path) if isinstance(address, UnixAddress) else _by_port(address)
    except OSError as error:
        raise ListenError(f"cannot listen on {written(address)}: {error.strerror}") from error


def _by_port(address: TcpAddress) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    # With its protocol named: only then does the event loop send small answers without delay.
    endpoint = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        endpoint.bind((address.host, address.port))
        endpoint.listen(_WAITING)
    except OSError:
        endpoint.close()
        raise
    return endpoint


def _by_path(path: Path) -> socket.socket:
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    # The path of a socket is short: the directory is named by its descriptor.
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    endpoint = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    short = f"/proc/self/fd/{directory}/{path.name}"
    try:
        _remove_stale(path, short)
        endpoint.bind(short)
        path.chmod(_MODE)
        endpoint.listen(_WAITING)
    except OSError:
        endpoint.close()
        raise
    finally:
        os.close(directory)
    return endpoint


def _remove_stale(path: Path, short: str) -> None:
    """Remove a socket that nobody listens on any more; OSError where somebody does."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(17, "there is another file of that name")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(short)
            except ConnectionRefusedError:
                path.unlink()
            else:
                raise FileExistsError(17, "another server listens there")


def listened(address: TcpAddress | UnixAddress, endpoint: socket.socket) -> str:
    """Write where a socket listens: with the port that the system chose, where it did."""
    if isinstance(address, TcpAddress):
        address = replace(address, port=int(endpoint.getsockname()[1]))
    return written(address)


def written(address: TcpAddress | UnixAddress) -> str:
    """Write an address as it is read."""
    if isinstance(address, UnixAddress):
        return f"unix:{address.path}"
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"tcp:{host}:{address.port}"
