"""The system's clock keeps the port's promises."""

from datetime import UTC, timedelta

from tallyd.clock import SystemClock


async def test_it_tells_utc_and_waits() -> None:
    """Instants are aware UTC; waiting lasts as long as asked on the steady clock."""
    clock = SystemClock()
    before, began = clock.now(), clock.monotonic()
    await clock.sleep(0.02)
    assert before.tzinfo is UTC
    assert clock.monotonic() - began >= 0.02
    assert clock.now() - before >= timedelta(milliseconds=15)
