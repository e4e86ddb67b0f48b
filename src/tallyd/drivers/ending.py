"""How a process is ended for sure: by signals, gently first, each at most once. No pipes here."""

import signal
from collections.abc import Callable, Iterable

import anyio

ESCALATION = ((signal.SIGINT, 5.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0))
"""The signals that end a child, each at most once, and the seconds each may take to work.

There are no more than three: ffmpeg counts them, and a fourth makes it leave a broken file.
"""

LAST_GRACE_S = 0.5
"""How long a child that was sent all of them is still waited for, by every call that ends it."""

END_BOUND_S = sum(grace_s for _, grace_s in ESCALATION) + LAST_GRACE_S

Escalation = Iterable[tuple[signal.Signals, float]]


class ProcessError(Exception):
    """A process could not be started, or does not end."""


class Ending:
    """The end of one process, which `over` tells.

    A call that was cancelled is carried on by the next. `left` are the signals not sent yet.
    """

    def __init__(
        self, pid: int, send: Callable[[signal.Signals], None], escalation: Escalation = ESCALATION
    ) -> None:
        self.over = anyio.Event()
        self.left = list(escalation)
        self._pid = pid
        self._send = send
        self._turn = anyio.Lock()

    async def gently(self) -> None:
        """Send one signal after the other until one works.

        Raises:
            ProcessError: it outlived all of them.
        """
        await self._from(0)

    async def at_once(self) -> None:
        """Send the last signal.

        Raises:
            ProcessError: it outlived that, as a process does that waits for a hung disk.
        """
        await self._from(-1)

    async def _from(self, first: int) -> None:
        async with self._turn:
            del self.left[: len(self.left[:first])]
            while self.left and not self.over.is_set():
                number, grace_s = self.left.pop(0)
                self._send(number)
                with anyio.move_on_after(grace_s):
                    await self.over.wait()
            with anyio.move_on_after(LAST_GRACE_S):
                await self.over.wait()
            if not self.over.is_set():
                raise ProcessError(f"process {self._pid} does not end, although it was killed")
