"""Which ffmpeg is used: the one that was named, the system's, or the one from PyPI."""

import importlib
import os
import shutil

from tallyd.domain.model import Reason
from tallyd.ports.drivers import GiveUpError

AUTO = "auto"


def find_ffmpeg(wanted: str) -> str:
    """Give the path of the ffmpeg to run; `wanted` is a path, or `auto`.

    Raises:
        GiveUpError: there is none.
    """
    if wanted != AUTO:
        if os.access(wanted, os.X_OK):
            return wanted
        raise GiveUpError(Reason.DRIVER_UNAVAILABLE, f"there is no program {wanted}")
    return shutil.which("ffmpeg") or _from_python()


def _from_python() -> str:
    try:
        path: str = importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise GiveUpError(
            Reason.DRIVER_UNAVAILABLE,
            "there is no ffmpeg: install your system's package, or pip install 'tallyd[ffmpeg]'",
        ) from error
    return path
