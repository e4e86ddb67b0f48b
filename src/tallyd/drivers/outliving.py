"""Processes that outlive whoever started them: known again by who they are, signalled by pidfd.

What they write goes to files, never to pipes: a pipe without a reader ends or blocks them.
"""

import os
import signal
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import anyio

from tallyd.drivers.ending import Ending, ProcessError
from tallyd.drivers.overheard import Overheard, make_output
from tallyd.drivers.places import FileId, file_id
from tallyd.drivers.process import child_environment, kernel_facts

_STARTED_TICKS = 19
_NO_FD = -1


@dataclass(frozen=True, slots=True)
class Identity:
    """Which process it is: a pid is used again, and not together with its start, in ticks.

    These count from the boot, so after another one both may come again: `mark`, which stands in
    the arguments, does not.
    """

    pid: int
    started_ticks: int
    mark: str

    def is_alive(self) -> bool:
        """Tell whether just that process is there and has not ended."""
        try:
            facts = kernel_facts(self.pid)
            arguments = Path("/proc", str(self.pid), "cmdline").read_bytes()
        except OSError:
            return False
        begun = int(facts[_STARTED_TICKS])
        return begun == self.started_ticks and self.mark.encode() in arguments

    @property
    def reference(self) -> str:
        """Give pid and start, as the ledger keeps them."""
        return f"{self.pid}@{self.started_ticks}"


def identity_of(pid: int, mark: str) -> Identity:
    """Give who a running process is.

    Raises:
        OSError: there is none.
    """
    return Identity(pid, int(kernel_facts(pid)[_STARTED_TICKS]), mark)


def find(prefix: str) -> Iterator[tuple[Identity, list[str]]]:
    """Give our user's processes with an argument that begins so, and all of their arguments.

    That argument is its mark; anybody could give one to a process of theirs.
    """
    for entry in os.listdir("/proc"):  # noqa: PTH208 - names, no paths
        if not entry.isdigit():
            continue
        try:
            words = (
                Path("/proc", entry, "cmdline").read_bytes().decode(errors="replace").split("\0")
            )
            mark = next((word for word in words if word.startswith(prefix)), None)
            if mark is not None and Path("/proc", entry).stat().st_uid == os.geteuid():
                yield identity_of(int(entry), mark), words
        except OSError:
            continue  # it ended meanwhile, or is somebody else's


class Outliver:
    """A process in a session of its own that goes on when this one ends.

    `output` and `complaints` are what it writes. `returncode` is None while it runs, and for ever
    where this process did not start it: only its parent is told. Made by `launch` and `adopt`;
    whoever makes one runs `tend` beside it.
    """

    def __init__(self, identity: Identity, pidfd: int, heard: tuple[Overheard, Overheard]) -> None:
        self.reference = identity.reference
        self.output, self.complaints = heard
        self.returncode: int | None = None
        self._pidfd = pidfd
        self._ending = Ending(identity.pid, self._send)

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._ending.over.is_set()

    async def wait(self) -> None:
        """Wait until it has ended."""
        await self._ending.over.wait()

    async def end(self) -> None:
        """End it, gently first; takes at most `END_BOUND_S`.

        Raises:
            ProcessError: it outlived all of the signals.
        """
        await self._ending.gently()

    async def kill(self) -> None:
        """End it by the last signal.

        Raises:
            ProcessError: it outlived that, as a process does that waits for a hung disk.
        """
        await self._ending.at_once()

    def forget(self) -> None:
        """Give back what was kept to listen to it."""
        self.output.close()
        self.complaints.close()

    async def tend(self) -> None:
        """Await its end; when cancelled, leave it as it is."""
        try:
            await anyio.wait_readable(self._pidfd)
            self.returncode = _reaped(self._pidfd)
            self._ending.over.set()
        finally:
            os.close(self._pidfd)
            self._pidfd = _NO_FD  # its number is soon another one's

    def _send(self, number: signal.Signals) -> None:
        if self.over:
            return
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except ProcessLookupError:
            return  # it has ended by itself
        except OSError as error:
            raise ProcessError(f"{self.reference} takes no signal: {error.strerror}") from error


def launch(argv: Sequence[str], mark: str, holds: int, told: str = "") -> Outliver:
    """Start `argv`, which has `mark` in it, and keeps the descriptor `holds` open while it lives.

    `told` is what it reads on its standard input: what may be secret has no place in `argv`. Blocks
    on the disk that the program comes from.

    Raises:
        ProcessError: it cannot be run.
    """
    outputs = [make_output("output"), make_output("complaints")]
    try:
        popen = subprocess.Popen(  # noqa: S603 - a list of arguments, never a shell
            list(argv),
            stdin=subprocess.PIPE if told else subprocess.DEVNULL,
            stdout=outputs[0],
            stderr=outputs[1],
            cwd="/",
            env=child_environment(),
            pass_fds=(holds,),
            start_new_session=True,
        )
    except OSError as error:
        for fd in outputs:
            os.close(fd)
        raise ProcessError(f"{argv[0]} cannot be run: {error.strerror}") from error
    try:
        _tell(popen, told)
        pidfd = os.pidfd_open(popen.pid)
        identity = identity_of(popen.pid, mark)
    except OSError as error:
        popen.kill()
        popen.wait()
        for fd in outputs:
            os.close(fd)
        raise ProcessError(f"{argv[0]} cannot be watched: {error.strerror}") from error
    # From here on the pidfd knows; the library would complain of a child that is left running.
    popen.returncode = 0
    return Outliver(identity, pidfd, (Overheard(outputs[0]), Overheard(outputs[1])))


def _tell(popen: subprocess.Popen[bytes], told: str) -> None:
    if popen.stdin is not None:
        with suppress(BrokenPipeError), popen.stdin as pipe:  # one that died says why elsewhere
            pipe.write(told.encode())


def adopt(identity: Identity) -> Outliver | None:
    """Take over a process that another one started; None where it is no longer there."""
    with ExitStack() as unless_taken:
        try:
            pidfd = os.pidfd_open(identity.pid)
            unless_taken.callback(os.close, pidfd)
            output = unless_taken.enter_context(closing(Overheard.of(identity.pid, 1)))
            complaints = unless_taken.enter_context(closing(Overheard.of(identity.pid, 2)))
        except OSError:
            return None
        if not identity.is_alive():  # only now: until then its number could change hands
            return None
        unless_taken.pop_all()
    output.skip()
    complaints.skip()
    return Outliver(identity, pidfd, (output, complaints))


def holds_one_of(pid: int, files: Collection[FileId]) -> bool:
    """Tell whether a process has one of these files open; one that has ended has none."""
    directory = f"/proc/{pid}/fd"
    try:
        names = os.listdir(directory)  # noqa: PTH208 - names, no paths
    except OSError:
        return False
    return any(_is_one_of(f"{directory}/{name}", files) for name in names)


def _is_one_of(path: str, files: Collection[FileId]) -> bool:
    try:
        return file_id(path) in files
    except OSError:  # closed meanwhile: that says nothing of the others
        return False


def _reaped(pidfd: int) -> int | None:
    """Collect the exit status, as `subprocess` gives it, of a child of this process."""
    try:
        ended = os.waitid(os.P_PIDFD, pidfd, os.WEXITED | os.WNOHANG)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
