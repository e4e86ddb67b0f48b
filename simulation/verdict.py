"""One seed from its script to its verdict; runs in a process of its own where many do at once."""

import time
import traceback
from dataclasses import dataclass

from simulation.checker import check
from simulation.operator import DAYS, script
from simulation.world import simulate


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one seed; `took_s` is real time."""

    seed: int
    broken: tuple[str, ...]
    log: tuple[str, ...]
    runs: int
    took_s: float


def judge(seed: int, days: float = DAYS) -> Verdict:
    """Simulate a seed and check it."""
    began = time.perf_counter()
    try:
        report = simulate(seed, script(seed, days))
    except Exception as error:  # noqa: BLE001 - a simulation that fails is a finding of its seed
        story = "".join(traceback.format_exception(error))
        return Verdict(seed, (story,), (), 0, time.perf_counter() - began)
    broken = tuple(check(report.history, report.ledger, report.restarted))
    took_s = time.perf_counter() - began
    return Verdict(seed, broken, report.log, len(report.ledger.runs), took_s)
