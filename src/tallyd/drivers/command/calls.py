"""How a command is run: its surroundings, its deadline, its answer and its last words."""

import signal
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from tallyd.domain.model import Reason
from tallyd.domain.secrecy import hide
from tallyd.drivers.command.options import CommandOptions
from tallyd.drivers.ending import LAST_GRACE_S, ProcessError
from tallyd.drivers.process import Child, LineReader, Manner, Offspring, spawn_child
from tallyd.drivers.threads import Threads
from tallyd.ports.drivers import DriverContext, TryAgainError

_KILL_GRACE_S = 2.0
KILL_BOUND_S = _KILL_GRACE_S + LAST_GRACE_S
"""How long it may take to be rid of a command that missed its deadline."""

_TERM_GRACE_S = 2.0
_THREADS = 4
_ANSWER_LINES = 200
_WORDS_LINES = 3
_MOST_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command that ended by itself gave: exit status, lines on stdout, last words."""

    code: int
    lines: tuple[str, ...]
    words: str

    @property
    def shown(self) -> str:
        """The exit status and the last words, for a sentence."""
        return how_it_ended(self.code, self.words)


class Caller:
    """Runs the commands of one target in the surroundings that its options ask for."""

    def __init__(self, context: DriverContext, options: CommandOptions) -> None:
        # Threads of its own: what hangs under this target holds up no other, nor a file a program.
        self.limiter = anyio.CapacityLimiter(_THREADS)
        self.starting = Threads(_THREADS, context.spawn)
        self.files = Threads(_THREADS, context.spawn)
        self.clock = context.clock
        self.spawn = context.spawn
        self._secrets = options.secrets
        directory, variables = Path(options.directory), options.variables
        # What a command leaves running behind is the device; a command that hangs is killed whole.
        self._short = Manner(
            variables, directory, ((signal.SIGKILL, _KILL_GRACE_S),), Offspring.SIGNALLED
        )
        escalation = end_of_run(options)
        self._long = Manner(variables, directory, escalation, Offspring.INCLUDED)

    async def launch(self, argv: Sequence[str], on_line: LineReader) -> Child:
        """Start a program that is to run until it is ended, and all that it starts with it.

        Raises:
            TryAgainError: it cannot be run.
        """
        return await self._child(argv, on_line, self._long)

    async def ask(self, argv: Sequence[str], within_s: float) -> Answer:
        """Run a command to its end; cancelled, it is killed.

        Raises:
            TryAgainError: it cannot be run, or does not end in time.
        """
        lines: deque[str] = deque(maxlen=_ANSWER_LINES)
        child = await self._child(argv, lines.append, self._short)
        try:
            with anyio.fail_after(within_s):
                code = await child.wait()
        except TimeoutError as error:
            sentence = f"{argv[0]} does not end within {within_s:g} s{self.words(child, lines)}"
            raise TryAgainError(Reason.DEVICE_TIMEOUT, sentence) from error
        finally:
            with anyio.CancelScope(shield=True):
                await self._kill(child)
        return Answer(code, tuple(lines), self.words(child, lines))

    def words(self, child: Child, lines: Iterable[str]) -> str:
        """Give the last words of a program, on stderr or else on `lines`, as `: words`, or "".

        Secrets that it was given are not repeated, nor anything that is no text.
        """
        for said in (child.tail, lines):
            text = "; ".join([line.strip() for line in said if line.strip()][-_WORDS_LINES:])
            text = hide(text, self._secrets)
            if text:
                printable = "".join(c if c.isprintable() else " " for c in text)
                return f": {printable[-_MOST_CHARACTERS:]}"
        return ""

    async def _child(self, argv: Sequence[str], on_line: LineReader, manner: Manner) -> Child:
        try:
            return await spawn_child(
                argv, on_line=on_line, spawn=self.spawn, limiter=self.limiter, manner=manner
            )
        except ProcessError as error:
            raise TryAgainError(Reason.DRIVER_UNAVAILABLE, str(error)) from error

    async def _kill(self, child: Child) -> None:
        if child.returncode is not None:
            return
        try:
            await child.kill()
        except ProcessError as error:
            raise TryAgainError(Reason.DEVICE_TIMEOUT, str(error)) from error


def end_of_run(options: CommandOptions) -> tuple[tuple[signal.Signals, float], ...]:
    """Give the signals that end `run`, and the seconds that each may take to work."""
    gentle = ((options.stop_number, options.stop_grace_s),)
    firm = () if options.stop_number is signal.SIGTERM else ((signal.SIGTERM, _TERM_GRACE_S),)
    return (*gentle, *firm, (signal.SIGKILL, _KILL_GRACE_S))


def how_it_ended(code: int, words: str) -> str:
    """Give an exit status and last words for a sentence."""
    status = f"signal {-code}" if code < 0 else f"exit status {code}"
    return f"({status}){words}"
