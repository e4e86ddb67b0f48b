"""`python -m bench.daemon NOTED …`: the daemon as it is, whose simulated devices note their calls.

The ledger keeps milliseconds; NOTED gets a line [schedule name, planned ms, called ns, whether the
call has a deadline] for each start when the daemon ends. Everything else of the command line is the
daemon's own.
"""

import json
import math
import sys
import time
from pathlib import Path
from unittest.mock import patch

import anyio

from tallyd.cli.root import main
from tallyd.domain.window import to_ms
from tallyd.drivers.simulation import SimulatedDevice
from tallyd.ports.drivers import Observation, StartOrder

_calls: list[tuple[str, int, int, bool]] = []
_start = SimulatedDevice.start


async def _noted_start(device: SimulatedDevice, order: StartOrder) -> Observation:
    called_ns = time.time_ns()
    try:
        return await _start(device, order)
    finally:
        # Noted only now: the next of a herd must not wait for it.
        has_deadline = anyio.current_effective_deadline() < math.inf
        _calls.append((order.name, to_ms(order.piece.start), called_ns, has_deadline))


if __name__ == "__main__":
    noted = Path(sys.argv.pop(1))
    try:
        with patch.object(SimulatedDevice, "start", _noted_start):
            main()
    finally:
        noted.write_text("".join(f"{json.dumps(call)}\n" for call in _calls))
