"""Log lines wait until the loop has time, and none is lost or out of order."""

from collections.abc import Iterator

import anyio
import pytest
import structlog
from structlog.testing import capture_logs

from tallyd.engine.announcer import Announcer


@pytest.fixture(autouse=True)
def _every_level() -> Iterator[None]:
    """Log everything here, whatever an earlier test left to be filtered."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


async def test_nothing_is_written_while_something_is_being_done():
    """A line that was said is written when the loop turns, not before; order is kept."""
    with capture_logs() as written:
        announcer = Announcer()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(announcer.run)
            await anyio.sleep(0.001)
            announcer.say("plan.changed", revision=7)
            announcer.say("daemon.stopping", signal="SIGTERM")
            assert written == []
            await anyio.sleep(0.001)
            assert [line["event"] for line in written] == ["plan.changed", "daemon.stopping"]
            announcer.say("daemon.stopped")
            await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()
    assert written == [
        {"event": "plan.changed", "revision": 7, "log_level": "info"},
        {"event": "daemon.stopping", "signal": "SIGTERM", "log_level": "info"},
        {"event": "daemon.stopped", "log_level": "info"},
    ]


async def test_a_line_may_be_more_serious_than_its_event():
    """What happened decides the level where the event alone does not."""
    with capture_logs() as written:
        announcer = Announcer()
        announcer.say_at("error", "run.finished", outcome="failed")
        announcer.flush()
        announcer.flush()
    assert written == [{"event": "run.finished", "outcome": "failed", "log_level": "error"}]


async def test_an_event_that_is_not_listed_is_a_mistake_of_ours():
    """The list of events is complete: nothing else can be said."""
    with pytest.raises(KeyError, match=r"no\.such"):
        Announcer().say("no.such")
