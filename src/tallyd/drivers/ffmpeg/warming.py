"""Has ffmpeg read from the disk before it is needed: a cold one starts half a second later."""

import anyio

from tallyd.domain.model import Reason
from tallyd.drivers.ending import ProcessError
from tallyd.drivers.ffmpeg.session import Surroundings
from tallyd.drivers.process import spawn_child
from tallyd.ports.drivers import TryAgainError


async def run_for_nothing(binary: str, around: Surroundings) -> None:
    """Run ffmpeg to its end, with nothing to do; cancelled, it is killed.

    Raises:
        TryAgainError: it cannot be run, or does not end.
    """
    try:
        child = await spawn_child(
            (binary, "-version"),
            on_line=lambda _line: None,
            spawn=around.spawn,
            limiter=around.limiter,
        )
        try:
            await child.wait()
        finally:
            if child.returncode is None:
                with anyio.CancelScope(shield=True):
                    await child.kill()
    except ProcessError as error:
        raise TryAgainError(Reason.DRIVER_UNAVAILABLE, str(error)) from error
