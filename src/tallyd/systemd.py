"""What systemd is told: `sd_notify(3)` without a library. What there is to tell is not known here.

Datagrams to the socket that the service manager names in the environment; without one, every call
does nothing. Nothing here waits and nothing raises: a service manager that is stuck or gone must
not disturb what it started.
"""

import contextlib
import os
import socket
from collections import deque
from collections.abc import Generator, MutableMapping

from tallyd.ports.clock import Clock

KEPT = 16
"""How many messages wait while the service manager takes none; the oldest are given up first."""

MAX_STATUS = 512
"""The characters of a status; `systemctl status` shows one line."""


class Notifier:
    """Implements `ports.service_manager.ServiceManager` on the socket of the service manager."""

    def __init__(self, address: str | None, watchdog_s: float | None, clock: Clock) -> None:
        self._address = address
        self._watchdog_s = watchdog_s
        self._clock = clock
        self._status = ""
        self._unsent: deque[bytes] = deque(maxlen=KEPT)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 - the signature is the standard library's

    @property
    def watchdog_s(self) -> float | None:
        """Seconds without `alive` after which the daemon is taken for stuck; None: nobody looks."""
        return self._watchdog_s

    def ready(self) -> None:
        """Tell that the daemon works: after its boot, and after each `reloading`."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Tell that the configuration is being read anew; `ready` ends it, applied or refused."""
        # systemd takes a reload for a new one only with the instant at which it was taken up.
        self._send("RELOADING=1", f"MONOTONIC_USEC={_usec(self._clock.monotonic())}")

    def stopping(self, within_s: float) -> None:
        """Tell that the daemon ends, and how long that may take; a further call gives more time."""
        self._send("STOPPING=1", f"EXTEND_TIMEOUT_USEC={_usec(within_s)}")

    def status(self, sentence: str) -> None:
        """Tell people in one line what the daemon does; the same line is told once."""
        # A line break would begin another assignment.
        line = "".join(c if c.isprintable() else " " for c in sentence)[:MAX_STATUS]
        if line == self._status:
            self._flush()
        else:
            self._status = line
            self._send(f"STATUS={line}")

    def alive(self) -> None:
        """Tell that the daemon is not stuck."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        """Tell nothing any more."""
        self._address = None
        self._socket.close()

    def _send(self, *assignments: str) -> None:
        if self._address is None:
            return
        self._unsent.append("\n".join(assignments).encode())
        self._flush()

    def _flush(self) -> None:
        """Send what waits, in order; what is not taken now is offered again with the next call."""
        with contextlib.suppress(OSError):
            while self._address is not None and self._unsent:
                self._socket.sendto(self._unsent[0], self._address)
                self._unsent.popleft()


@contextlib.contextmanager
def notifier(environment: MutableMapping[str, str], clock: Clock) -> Generator[Notifier]:
    """Open the notifier that an environment describes, and take the description out of there.

    So no child can speak in the daemon's name.
    """
    address = _socket_address(environment.pop("NOTIFY_SOCKET", ""))
    usec = environment.pop("WATCHDOG_USEC", "")
    pid = environment.pop("WATCHDOG_PID", str(os.getpid()))
    told = Notifier(address, _watchdog_s(usec) if pid == str(os.getpid()) else None, clock)
    try:
        yield told
    finally:
        told.close()


def _socket_address(text: str) -> str | None:
    """Give the address as the kernel knows it; None for one of a kind that is not known here."""
    match text[:1]:
        case "/":
            return text
        case "@":
            return f"\0{text[1:]}"
        case _:
            return None


def _watchdog_s(usec: str) -> float | None:
    return int(usec) / 1e6 if usec.isdecimal() and usec.isascii() and int(usec) > 0 else None


def _usec(seconds: float) -> int:
    return round(seconds * 1e6)
