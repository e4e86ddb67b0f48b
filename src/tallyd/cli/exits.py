"""Exit codes, and the one fence that turns exceptions into them and into a message on stderr."""

import os
import sys
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from enum import IntEnum
from typing import cast

import click

from tallyd.notation.text import instant_text, visible


class Exit(IntEnum):
    """What an exit code of `tallyd` means."""

    OK = 0
    FAILED = 1
    BAD_VALUE = 2
    NOT_FOUND = 3
    REFUSED = 4
    NO_DAEMON = 5
    CONFIG = 78
    INTERRUPTED = 130
    PIPE_CLOSED = 141


class NoDaemonError(Exception):
    """No daemon runs for this configuration, and what was asked needs one."""


@contextmanager
def fence() -> Generator[None]:
    """Run a command inside: what users are meant to meet becomes a message and an exit code.

    An exception that `exit_code` does not know is a bug and keeps its traceback.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()
        sys.exit(Exit.PIPE_CLOSED)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(Exit.INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except Exception as error:
        cause = _sole(error)
        code = exit_code(cause)
        if code is None:
            raise
        for line in _message(cause):
            click.echo(visible(line), err=True)
        sys.exit(code)


def discard_stdout() -> None:
    """Point stdout at nothing once its reader has gone, so that the last flush is silent too."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def exit_code(error: BaseException) -> Exit | None:
    """Give the exit code of an exception that users are meant to meet; None for any other.

    The one place where an exception gets its exit code; the first class that fits counts.
    """
    from tallyd.config.addresses import ListenError
    from tallyd.config.problems import ConfigError
    from tallyd.domain.errors import InvalidBooking, NotFound, Refused, ZoneUnknown
    from tallyd.nudge import NudgeError
    from tallyd.ports.as_run import AsRunError
    from tallyd.ports.store import StoreError
    from tallyd.state_dir import StateDirError
    from tallyd.store.errors import DatabaseStrangeError, DatabaseTooNewError, NoBackupError

    codes: tuple[tuple[type[BaseException], Exit], ...] = (
        (ConfigError, Exit.CONFIG),
        (DatabaseTooNewError, Exit.CONFIG),
        (DatabaseStrangeError, Exit.CONFIG),
        (NoBackupError, Exit.CONFIG),
        (InvalidBooking, Exit.BAD_VALUE),
        (ZoneUnknown, Exit.BAD_VALUE),
        (NotFound, Exit.NOT_FOUND),
        (Refused, Exit.REFUSED),
        (NoDaemonError, Exit.NO_DAEMON),
        (StateDirError, Exit.FAILED),
        (StoreError, Exit.FAILED),
        (AsRunError, Exit.FAILED),
        (NudgeError, Exit.FAILED),
        (ListenError, Exit.FAILED),
    )
    return next((code for kind, code in codes if isinstance(error, kind)), None)


def _sole(error: BaseException) -> BaseException:
    """Take an exception out of the groups that task groups wrap around it."""
    while isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        first, *others = group.exceptions
        if others:
            return group
        error = first
    return error


def _message(error: BaseException) -> Iterable[str]:
    """Give the lines for stderr: one sentence, then a row for each problem or victim."""
    from tallyd.config.problems import ConfigError
    from tallyd.domain.errors import InvalidBooking, Refused
    from tallyd.store.errors import DatabaseDamagedError

    match error:
        case ConfigError():
            yield f"tallyd: the configuration {error.source} cannot be used:"
            yield from (f"  {problem}" for problem in error.problems)
        case InvalidBooking():
            yield "tallyd: this cannot be booked:"
            yield from (f"  {problem}" for problem in error.problems)
        case Refused():
            yield f"tallyd: refused: {error.sentence}"
            for victim in error.victims:
                start, stop = instant_text(victim.loses.start), instant_text(victim.loses.stop)
                yield f"  run {victim.run_id} of {victim.name!r} would lose {start} to {stop}"
        case DatabaseDamagedError():
            yield f"tallyd: {error}"
            yield "  a daemon restores it as it starts; `tallyd doctor` says more"
        case _:
            yield f"tallyd: {error}"
