"""The nudge: an empty datagram that tells the daemon to read the database. It carries no command.

A nudge sent after a commit is never lost where it matters: one that finds the queue full is implied
by those that wait there, and without a daemon there is nobody who must know.
"""

import contextlib
import os
import secrets
import socket
from collections.abc import Generator
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import anyio.to_thread

SOCKET_NAME = "nudge.sock"
SOCKET_MODE = 0o660
"""Who may write the database through the group may nudge too."""

MAX_DRAINED = 4096
"""More nudges than a queue holds; bounds one `wait` while somebody floods the socket."""


class NudgeError(Exception):
    """The socket of the run directory cannot be used: what was tried, and what the system said."""


class NudgeResult(StrEnum):
    """What became of a nudge; every one of these is a success."""

    DELIVERED = "delivered"
    PENDING = "pending"
    NOBODY = "nobody"


def send(run_dir: Path) -> NudgeResult:
    """Tell the daemon that owns `run_dir` to read the database; never waits.

    Raises:
        NudgeError: a daemon may be there, but may not be reached from here.
    """
    try:
        with _short_address(run_dir, SOCKET_NAME) as address, _datagram_socket() as sender:
            sender.sendto(b"", address)
    except BlockingIOError:
        return NudgeResult.PENDING
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return NudgeResult.NOBODY
    except OSError as error:
        raise NudgeError(f"cannot nudge the daemon of {run_dir}: {error}") from error
    return NudgeResult.DELIVERED


class Listener:
    """The daemon's end: `async with Listener(run_dir) as nudges`, then `await nudges.wait()`.

    Takes the place of whatever socket file is there, so a crash leaves nothing to clear away; that
    no second daemon runs is for the daemon's lock to ensure. Makes `run_dir` where it is missing.
    """

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._socket: socket.socket | None = None
        self._inode = 0

    async def __aenter__(self) -> Self:
        """Bind the socket.

        Raises:
            NudgeError: the run directory cannot be made or written.
        """
        try:
            self._bind()
        except OSError as error:
            await self.__aexit__(None, None, None)
            raise NudgeError(f"cannot listen for nudges in {self._run_dir}: {error}") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket and take its file away, unless a successor has put its own there."""
        if self._socket is None:
            return
        self._socket.close()
        self._socket = None
        # In a thread: it is called while recordings are still being finished.
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._take_away)

    async def wait(self) -> None:
        """Wait for a nudge, and take all that have come: whoever reads the database now sees all.

        Call it from one task, inside the context.
        """
        listening = self._socket
        if listening is None:
            raise RuntimeError("the listener is not open")
        await anyio.wait_readable(listening)
        with contextlib.suppress(BlockingIOError):
            for _ in range(MAX_DRAINED):
                listening.recv(1)

    def _bind(self) -> None:
        self._run_dir.mkdir(parents=True, exist_ok=True)
        listening = self._socket = _datagram_socket()
        temporary = f".{SOCKET_NAME}.{secrets.token_hex(4)}"
        path = self._run_dir / temporary
        with _short_address(self._run_dir, temporary) as address:
            listening.bind(address)
        try:
            path.chmod(SOCKET_MODE)
            self._inode = path.stat().st_ino
            path.replace(self._run_dir / SOCKET_NAME)
        except OSError:
            path.unlink(missing_ok=True)
            raise

    def _take_away(self) -> None:
        path = self._run_dir / SOCKET_NAME
        with contextlib.suppress(OSError):
            if path.lstat().st_ino == self._inode:
                path.unlink()


def _datagram_socket() -> socket.socket:
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    datagrams.setblocking(False)  # noqa: FBT003 - the signature is the standard library's
    return datagrams


@contextlib.contextmanager
def _short_address(directory: Path, name: str) -> Generator[str]:
    """Give an address for `name` in `directory` of any length; socket paths end at 107 bytes."""
    handle = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{name}"
    finally:
        os.close(handle)
