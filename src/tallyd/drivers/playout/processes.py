"""The ffmpegs of a playout, on pipes: spawned, heard, ended. What they do is not known here."""

import fcntl
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import IO

import anyio
import anyio.to_thread

from tallyd.domain.secrecy import hide
from tallyd.drivers.overheard import Overheard, make_output
from tallyd.drivers.playout.encoding import HIDDEN, Command
from tallyd.drivers.process import child_environment

_PIPE_BYTES = 1 << 20
_SAID_LINES = 10
_LAST_WORDS = 300
_NO_FD = -1
_NICER_BY = 5
"""By so much what encodes gives way to what keeps the slots, which needs little and that at once.

On two cores with twelve busy neighbours a playout's worst slot was 1.0 s late without, 0.2 s with.
"""


class Piped:
    """An ffmpeg with a pipe of its own; it ends when that pipe does, whoever else has died.

    `fd` is our end of the pipe; it never blocks. Made by `spawn_writer` and `spawn_reader`.
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        fd: int,
        said: Overheard,
        secrets: tuple[str, ...],
    ) -> None:
        self.pid = popen.pid
        self.fd = fd
        self._popen = popen
        self._pidfd = os.pidfd_open(popen.pid)
        self._said = said
        self._deaf = False
        self._secrets = secrets
        self._lines: deque[str] = deque(maxlen=_SAID_LINES)
        os.set_blocking(fd, False)
        with suppress(OSError):  # beyond what one user may have; the default does as well
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def listen(self) -> None:
        """Take in what it complains of, so that this does not pile up."""
        if not self._deaf:
            self._lines.extend(self._said.lines())

    def last_words(self) -> str:
        """Give what it complained of last, on one line, without secrets."""
        self.listen()
        said = hide(" | ".join(self._lines), self._secrets)
        return " ".join(said.split())[-_LAST_WORDS:]

    async def wait(self) -> None:
        """Wait until it has ended."""
        await anyio.wait_readable(self._pidfd)

    def close(self) -> None:
        """Close our end of the pipe: what reads there ends once it has dealt with what it has."""
        if self.fd != _NO_FD:
            os.close(self.fd)
            self.fd = _NO_FD

    async def kill(self) -> None:
        """End it for sure, and give back what was kept for it."""
        with anyio.CancelScope(shield=True):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self.close()
            await anyio.wait_readable(self._pidfd)
            self._popen.wait()
            self.listen()
            self._deaf = True
            self._said.close()
            os.close(self._pidfd)


async def spawn_writer(make: Callable[[], Command], limiter: anyio.CapacityLimiter) -> Piped:
    """Start an ffmpeg that writes what we read; what `make` raises is raised as well.

    Raises:
        OSError: it cannot be run.
    """
    return await anyio.to_thread.run_sync(lambda: _writer(make()), limiter=limiter)


async def spawn_reader(command: Command, limiter: anyio.CapacityLimiter) -> Piped:
    """Start an ffmpeg that reads what we write.

    Raises:
        OSError: it cannot be run.
    """
    return await anyio.to_thread.run_sync(_reader, command, limiter=limiter)


def _writer(command: Command) -> Piped:
    tells = command.told or command.rest is not None
    stdin = subprocess.PIPE if tells else subprocess.DEVNULL
    popen, said = _started(command, stdin, subprocess.PIPE)
    if popen.stdin is not None and command.rest is not None:
        # It takes them as fast as they are played: nobody waits for that.
        threading.Thread(target=_tell, args=(popen.stdin, command), daemon=True).start()
    elif popen.stdin is not None:
        _tell(popen.stdin, command)
    return _piped(popen, popen.stdout, said, command.secrets)


def _tell(stdin: IO[bytes], command: Command) -> None:
    """Write to an ffmpeg what it is to read, until it takes no more, or a file cannot be read."""
    with suppress(OSError), stdin as pipe:
        pipe.write(command.told.encode())
        for piece in command.rest or ():
            pipe.write(piece)


def _reader(command: Command) -> Piped:
    popen, said = _started(command, subprocess.PIPE, subprocess.DEVNULL)
    return _piped(popen, popen.stdin, said, command.secrets)


def _started(command: Command, stdin: int, stdout: int) -> tuple[subprocess.Popen[bytes], int]:
    """Start an ffmpeg; gives where it complains, too."""
    said = make_output("complaints")
    hidden = make_output("options")
    try:
        os.pwrite(hidden, command.hidden.encode(), 0)
        popen = subprocess.Popen(  # noqa: S603 - a list of arguments, never a shell
            [f"/proc/self/fd/{hidden}" if word == HIDDEN else word for word in command.argv],
            stdin=stdin,
            stdout=stdout,
            stderr=said,
            bufsize=0,
            cwd="/",
            env=child_environment(),
            pass_fds=(hidden,) if command.hidden else (),
        )
    except BaseException:
        os.close(said)
        raise
    finally:
        os.close(hidden)
    with suppress(OSError):  # a sandbox forbids it, or it has ended: it does without
        os.setpriority(os.PRIO_PROCESS, popen.pid, _NICER_BY)
    return popen, said


def _piped(
    popen: subprocess.Popen[bytes], pipe: IO[bytes] | None, said: int, secrets: tuple[str, ...]
) -> Piped:
    if pipe is None:
        raise ValueError("it was started without a pipe")
    with pipe:  # the library's own object would close its end whenever it likes
        return Piped(popen, os.dup(pipe.fileno()), Overheard(said), secrets)
