"""What channels had on air, from the logs that their playouts keep. Nothing is written."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from anyio import CapacityLimiter, to_thread

from tallyd.config import Settings
from tallyd.domain.window import Window
from tallyd.drivers.playout.asrun import aired
from tallyd.drivers.playout.wire import AS_RUN
from tallyd.ports.as_run import Aired, AsRunError
from tallyd.ports.clock import Clock

TARGETS = "targets"
"""Where below the state directory each target's driver keeps what must last."""

_THREADS = 2
"""A disk that hangs takes no more of them, whoever asks."""


def directory_of(state_dir: Path, target: str) -> Path:
    """Give the directory that is a target's own."""
    return state_dir / TARGETS / target


def on_air(settings: Settings, target: str, window: Window, now: datetime) -> tuple[Aired, ...]:
    """Give what a channel had on air in a window, in order and cut to it. Blocks on the disk.

    Raises:
        OSError: the disk refuses.
    """
    directory = directory_of(settings.appliance.state_dir, target) / AS_RUN
    found = aired(directory, window, now) or ()
    common = ((each, each.window.common(window)) for each in found)
    return tuple(replace(each, window=inside) for each, inside in common if inside is not None)


class AsRunLogs:
    """The logs of every channel of an installation, read in threads."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._state_dir = state_dir
        self._clock = clock
        self._limiter = CapacityLimiter(_THREADS)

    async def aired(self, target: str, period: Window) -> tuple[Aired, ...] | None:
        """Give what `AsRun` says."""
        directory = directory_of(self._state_dir, target) / AS_RUN
        now = self._clock.now()
        try:
            return await to_thread.run_sync(
                lambda: aired(directory, period, now),
                limiter=self._limiter,
                abandon_on_cancel=True,
            )
        except OSError as error:
            sentence = f"the as-run log of {target} cannot be read: {error.strerror}"
            raise AsRunError(sentence) from error
