"""The system's clock keeps the port's promises."""

from datetime import UTC, timedelta
from types import SimpleNamespace

import pytest

from tallyd.clock import SystemClock


async def test_it_tells_utc_and_waits() -> None:
    """Instants are aware UTC; waiting lasts as long as asked on the steady clock."""
    clock = SystemClock()
    before, began = clock.now(), clock.monotonic()
    await clock.sleep(0.02)
    assert before.tzinfo is UTC
    assert clock.monotonic() - began >= 0.02
    assert clock.now() - before >= timedelta(milliseconds=15)


def test_it_says_whether_the_kernel_holds_it_for_right() -> None:
    """Or that nobody may ask; never anything else."""
    assert SystemClock().synchronised() in {True, False, None}


@pytest.mark.parametrize(("answer", "said"), [(0, True), (3, True), (5, False), (-1, None)])
def test_what_the_kernel_says_is_understood(monkeypatch, answer, said) -> None:
    """A leap second is no reason to doubt; a sandbox that forbids the question is none either."""
    library = SimpleNamespace(adjtimex=lambda _zeros: answer)
    monkeypatch.setattr("ctypes.CDLL", lambda _name: library)
    assert SystemClock().synchronised() is said
