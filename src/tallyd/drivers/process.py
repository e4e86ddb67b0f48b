"""Child processes: spawned, drained, awaited by pidfd, ended for sure, whatever they do."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread

from tallyd.drivers.ending import ESCALATION, LAST_GRACE_S, Ending, ProcessError
from tallyd.ports.drivers import BackgroundTask

_PRIVATE_VARIABLES = frozenset({"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET"})
_PRIVATE_PREFIXES = ("LISTEN_", "TALLYD_", "WATCHDOG_")
_READ_BYTES = 65_536
_SWEEP_READS = 64
_LINE_BYTES = 4_096
_TAIL_LINES = 20

LineReader = Callable[[str], None]
"""Called in the event loop with one line of output; must not block and must not raise."""


class Offspring(StrEnum):
    """What the processes that a child starts, in its process group, are to whoever ends the child.

    IGNORED: nothing. SIGNALLED: they get the child's signals, but they may outlive it. INCLUDED:
    they are a part of it, so that it has ended only when they have.
    """

    IGNORED = "ignored"
    SIGNALLED = "signalled"
    INCLUDED = "included"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a child lives and ends, where that is not as usual.

    `environment` is added to what `child_environment` gives; `escalation` None means `ESCALATION`.
    """

    environment: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    directory: Path = Path("/")
    escalation: tuple[tuple[signal.Signals, float], ...] | None = None
    offspring: Offspring = Offspring.IGNORED


AS_USUAL = Manner()


def child_environment() -> dict[str, str]:
    """Give this process's environment without what is meant for this process alone."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _PRIVATE_VARIABLES and not name.startswith(_PRIVATE_PREFIXES)
    }


class _Output:
    """The reading end of one of a child's pipes, cut into lines of bounded length."""

    def __init__(self, pipe: IO[bytes], on_line: LineReader) -> None:
        os.set_blocking(pipe.fileno(), False)
        self._pipe = pipe
        self._on_line = on_line
        self._rest = b""

    async def drain(self) -> None:
        """Read until the last writer has closed the pipe."""
        open_ = True
        while open_:
            await anyio.wait_readable(self._pipe.fileno())
            open_ = self._read()

    def close(self) -> None:
        """Read what is left in the pipe, so that the last words of a child are heard; close it."""
        if self._pipe.closed:
            return
        reads = 0
        while reads < _SWEEP_READS and self._read():
            reads += 1
        if self._rest:
            self._on_line(self._rest.decode(errors="replace"))
        self._pipe.close()

    def _read(self) -> bool:
        """Read once, without waiting; tells whether there may be more to read at once."""
        chunk: bytes | None = self._pipe.read(_READ_BYTES)
        if not chunk:
            return False
        *lines, rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._on_line(line[:_LINE_BYTES].decode(errors="replace"))
        self._rest = rest[:_LINE_BYTES]
        return True


class Child:
    """A running child process in a session of its own; `tail` holds its last lines on stderr.

    `reference` is its pid and, since pids are used again, when it started (ticks since boot).
    Made by `spawn_child`, which also sees to it that `tend` runs for as long as the child does.
    """

    def __init__(
        self, popen: subprocess.Popen[bytes], pidfd: int, on_line: LineReader, manner: Manner
    ) -> None:
        self.pid = popen.pid
        self.reference = f"{popen.pid}@{_started_ticks(popen.pid)}"
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._popen = popen
        self._pidfd = pidfd
        pipes = ((popen.stdout, on_line), (popen.stderr, self.tail.append))
        self._outputs = [_Output(pipe, reader) for pipe, reader in pipes if pipe is not None]
        escalation = ESCALATION if manner.escalation is None else manner.escalation
        self._ending = Ending(popen.pid, self._send, escalation)
        self._offspring = manner.offspring
        self._over = False

    @property
    def returncode(self) -> int | None:
        """The exit status as `subprocess` gives it; None until all of the child's end was seen."""
        return self._popen.returncode if self._ending.over.is_set() else None

    async def wait(self) -> int:
        """Wait until the child has ended and all that it wrote was read; gives its exit status."""
        await self._ending.over.wait()
        return self._popen.wait()

    async def end(self) -> int:
        """End the child, gently first, and give its exit status; takes at most `END_BOUND_S`.

        A call that was cancelled is carried on by the next: no signal is ever sent twice.

        Raises:
            ProcessError: it outlived all of the signals.
        """
        await self._ending.gently()
        return self._popen.wait()

    async def kill(self) -> int:
        """End the child by the last signal, and give its exit status.

        Raises:
            ProcessError: it outlived that, as a process does that waits for a hung disk.
        """
        await self._ending.at_once()
        return self._popen.wait()

    def _send(self, number: signal.Signals) -> None:
        try:
            if self._offspring is Offspring.IGNORED:
                signal.pidfd_send_signal(self._pidfd, number)
            else:
                # Until the child is reaped, which is last, no other group can have its number.
                os.killpg(self.pid, number)
        except ProcessLookupError:
            return  # it has ended by itself
        except OSError as error:
            raise ProcessError(f"process {self.pid} takes no signal: {error.strerror}") from error

    async def tend(self) -> None:
        """Read what the child writes and await its end; when cancelled, end the child first."""
        try:
            async with anyio.create_task_group() as readers:
                for output in self._outputs:
                    readers.start_soon(output.drain)
                await anyio.wait_readable(self._pidfd)
                if self._offspring is Offspring.INCLUDED:
                    readers.start_soon(self._end_offspring)
                await self._all_ended()
                # A grandchild may hold the pipes open: what lies in them is read on closing.
                readers.cancel_scope.cancel()
        finally:
            # Without a reader a child could block on its pipes for ever, and ignore signals.
            for output in self._outputs:
                output.close()
            with anyio.CancelScope(shield=True):
                await self._reap()

    async def _end_offspring(self) -> None:
        """End what a child has left behind; who ends the child already does just that."""
        with suppress(ProcessError):
            await self._ending.gently()

    async def _all_ended(self) -> None:
        """Wait until the child has ended, and its offspring where that is a part of it."""
        await anyio.wait_readable(self._pidfd)
        if self._offspring is Offspring.INCLUDED:
            while others := await anyio.to_thread.run_sync(_open_offspring, self.pid):
                try:
                    for pidfd in others:
                        await anyio.wait_readable(pidfd)
                finally:
                    for pidfd in others:
                        os.close(pidfd)
        self._over = True

    async def _reap(self) -> None:
        """Collect the exit status of a child that has ended, or that is to end now."""
        while not self._over and self._ending.left:
            number, grace_s = self._ending.left.pop(0)
            self._send(number)
            with anyio.move_on_after(grace_s):
                await self._all_ended()
        if not self._over:  # who else ends it has just sent the last one
            with anyio.move_on_after(LAST_GRACE_S):
                await self._all_ended()
        if self._popen.poll() is not None:
            self._ending.over.set()
        os.close(self._pidfd)


async def spawn_child(
    argv: Sequence[str],
    *,
    on_line: LineReader,
    spawn: Callable[[BackgroundTask], None],
    limiter: anyio.CapacityLimiter | None = None,
    manner: Manner = AS_USUAL,
) -> Child:
    """Start `argv` with its output going to `on_line`, tended by a task that `spawn` runs.

    The start may wait for a disk, so it happens in a worker thread, of which `limiter` bounds the
    number. Cancelled, this either has started nothing or gives the child all the same.

    Raises:
        ProcessError: it cannot be run.
    """
    try:
        child = await anyio.to_thread.run_sync(_popen, argv, on_line, manner, limiter=limiter)
    except OSError as error:
        raise ProcessError(f"{argv[0]} cannot be run: {error.strerror}") from error
    spawn(child.tend)
    return child


def _popen(argv: Sequence[str], on_line: LineReader, manner: Manner) -> Child:
    popen = subprocess.Popen(  # noqa: S603 - a list of arguments, never a shell
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=manner.directory,
        env={**child_environment(), **manner.environment},
        start_new_session=True,
    )
    try:
        return Child(popen, os.pidfd_open(popen.pid), on_line, manner)
    except BaseException:
        popen.kill()
        popen.communicate()
        raise


def _open_offspring(leader: int) -> list[int]:
    """Give a pidfd for each living process in the group of `leader` but for itself."""
    pidfds: list[int] = []
    for pid in _offspring(leader):
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        if _is_offspring(pid, leader):  # still: until it was opened its number could change hands
            pidfds.append(pidfd)
        else:
            os.close(pidfd)
    return pidfds


def _offspring(leader: int) -> Iterator[int]:
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - names
    return (pid for pid in pids if _is_offspring(pid, leader))


def _is_offspring(pid: int, leader: int) -> bool:
    if pid == leader:
        return False
    try:
        state, _parent, group = kernel_facts(pid)[:3]
    except OSError:
        return False
    return state not in {b"Z", b"X"} and int(group) == leader


def _started_ticks(pid: int) -> int:
    return int(kernel_facts(pid)[19])


def kernel_facts(pid: int) -> list[bytes]:
    """Give the kernel's line on a process from its 3rd field on; the 2nd may hold blanks."""
    with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - no path arithmetic here
        return file.read().rpartition(b")")[2].split()
