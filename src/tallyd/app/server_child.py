"""The HTTP server as a child of the daemon: started, started again, ended. It is never waited for.

Whatever becomes of it, no recording notices: the two share nothing but the database.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

import anyio
from anyio import CancelScope, to_thread

from tallyd.engine.announcer import Announcer
from tallyd.ports.clock import Clock

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
WELL_AFTER_S = 60.0
"""One that lived for so long is started again at once."""

ENDS_WITHIN_S = 5.0
_PRIVATE = frozenset({"CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})


class ServerChild:
    """Keeps `command` running for as long as `run` does, pausing longer after each early end.

    The child reads from a pipe that closes with this process, however that ends.
    """

    def __init__(self, command: Sequence[str], announcer: Announcer, clock: Clock) -> None:
        self._command = command
        self._announcer = announcer
        self._clock = clock

    async def run(self) -> None:
        """Run until cancelled; the child then ends, or is ended."""
        pause_s = FIRST_PAUSE_S
        while True:
            began_s = self._clock.monotonic()
            why = await self._live()
            if self._clock.monotonic() - began_s >= WELL_AFTER_S:
                pause_s = FIRST_PAUSE_S
            self._announcer.say("server.died", error=why, again_in_ms=round(pause_s * 1000))
            await self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _live(self) -> str:
        """Start the server and wait for its end; gives how it ended."""
        try:
            child = await to_thread.run_sync(_start, self._command)
        except OSError as error:
            return f"cannot be started: {error.strerror}"
        try:
            await _ended(child)
        finally:
            with CancelScope(shield=True):
                await _end(child)
        status = child.returncode
        return f"exit status {status}" if status >= 0 else signal.Signals(-status).name


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
    return subprocess.Popen(  # noqa: S603 - it is this program
        command, stdin=subprocess.PIPE, env=environment, start_new_session=True
    )


async def _ended(child: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a child, without a thread."""
    with suppress(ProcessLookupError):
        pidfd = os.pidfd_open(child.pid)
        try:
            await anyio.wait_readable(pidfd)
        finally:
            os.close(pidfd)
    child.poll()


async def _end(child: subprocess.Popen[bytes]) -> None:
    """See to it that a child has ended."""
    if child.stdin is not None:
        child.stdin.close()
    if child.poll() is None:
        child.terminate()
        with anyio.move_on_after(ENDS_WITHIN_S):
            await _ended(child)
    if child.poll() is None:
        child.kill()
        await _ended(child)
