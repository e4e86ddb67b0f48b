"""The first process of a virtual machine whose clock may be set: what every guest program needs.

Guest programs measure and judge nothing; `test_real_clock_step.py` does, outside.
"""

import ctypes
import json
import os
import struct
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TextIO

import anyio

RESULTS = Path("/dev/ttyS1")

Results = AsyncIterator[tuple[str, dict[str, Any]]]
"""What was measured, piece by piece: a name, and what JSON can hold."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_ADJ_SETOFFSET = 0x0100
_TIMEX = struct.Struct("@I 68x ll 120x")
_REBOOT = 0x01234567


def step_by(seconds: float) -> None:
    """Set the clock ahead or back."""
    time.clock_settime_ns(time.CLOCK_REALTIME, time.time_ns() + round(seconds * 1e9))


def step_by_offset(seconds: float) -> None:
    """Set the clock as a time service does that corrects an error at once."""
    whole, rest = divmod(round(seconds * 1e6), 10**6)
    order = _TIMEX.pack(_ADJ_SETOFFSET, whole, rest)
    if _LIBC.adjtimex(ctypes.create_string_buffer(order, len(order))) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")


def measure(results: Callable[[], Results]) -> None:
    """Write what a guest program measures, and end the machine.

    It refuses to begin anywhere but in a virtual machine that was started for this.
    """
    if os.getpid() != 1:
        sys.exit("it sets the clock: it runs only as the first process of a virtual machine")
    _mount("proc", "/proc")
    if sys.argv[1] not in Path("/proc/cmdline").read_text().split():
        sys.exit("this is not a machine whose clock may be set")
    _mount("devtmpfs", "/dev")
    with RESULTS.open("w") as out:
        anyio.run(_write, results, out)
    _LIBC.reboot(_REBOOT)


async def _write(results: Callable[[], Results], out: TextIO) -> None:
    async for name, result in results():
        print(json.dumps([name, result]), file=out, flush=True)
    print(json.dumps(["complete", True]), file=out, flush=True)


def _mount(kind: str, place: str) -> None:
    Path(place).mkdir(exist_ok=True)
    if _LIBC.mount(kind.encode(), place.encode(), kind.encode(), 0, None) != 0:
        raise OSError(ctypes.get_errno(), f"mount {place}")
