"""`python -m bench.daemon CALLS …`: the daemon as it is, whose simulated devices note their calls.

The ledger keeps milliseconds; CALLS gets a line [schedule name, planned ms, called ns] for each
start when the daemon ends. Everything else of the command line is the daemon's own.
"""

import json
import sys
import time
from pathlib import Path
from unittest.mock import patch

from tallyd.cli.root import main
from tallyd.domain.window import to_ms
from tallyd.drivers.simulation import SimulatedDevice
from tallyd.ports.drivers import Observation, StartOrder

_calls: list[tuple[str, int, int]] = []
_start = SimulatedDevice.start


async def _noted_start(device: SimulatedDevice, order: StartOrder) -> Observation:
    called_ns = time.time_ns()
    _calls.append((order.name, to_ms(order.piece.start), called_ns))
    return await _start(device, order)


if __name__ == "__main__":
    calls = Path(sys.argv.pop(1))
    try:
        with patch.object(SimulatedDevice, "start", _noted_start):
            main()
    finally:
        calls.write_text("".join(f"{json.dumps(call)}\n" for call in _calls))
