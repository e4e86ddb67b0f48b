"""What the log says of a channel: one event for each change, and nothing in between."""

from dataclasses import dataclass, field

import pytest

from tallyd.drivers.playout.watching import Watcher
from tallyd.drivers.playout.wire import PublicationState, State


@dataclass
class Log:
    """Events as they are said."""

    said: list[str] = field(default_factory=list)
    fields: list[dict[str, object]] = field(default_factory=list)

    def say(self, event: str, **fields: object) -> None:
        """Take an event."""
        self.said.append(event.removeprefix("feed."))
        self.fields.append(fields)


@pytest.fixture
def log() -> Log:
    """Give an empty log."""
    return Log()


@pytest.fixture
def watcher(log: Log) -> Watcher:
    """Give a watcher of a channel that has just come on."""
    made = Watcher("channels.one", log.say)
    made.on(state())
    return made


def state(trouble: str | None = None, fell_back: int = 0, *publications: PublicationState) -> State:
    """Make a state."""
    return State(
        brief="b",
        pid=7,
        on_air="slate" if trouble else "live",
        trouble=trouble,
        fell_back=fell_back,
        fell_back_from="t1",
        fell_back_why="gone",
        publications=publications,
    )


def output(*, up: bool, begun: int = 1) -> PublicationState:
    """Make how a publication stands."""
    return PublicationState(shown="srt://h:1", up=up, begun=begun, trouble="Connection refused")


def test_a_fall_back_is_one_event_and_its_end_another(watcher: Watcher, log: Log):
    """However long the slate stands in, and however often the source is tried."""
    for each in (state(), state("gone", 1), state("gone", 1), state("other", 1), state(None, 1)):
        watcher.look(each)
    assert log.said == ["started", "fell_back", "recovered"]
    assert log.fields[1] == {"target": "channels.one", "token": "t1", "detail": "gone"}


def test_a_fall_back_between_two_looks_is_told_as_well(watcher: Watcher, log: Log):
    """What lasted a moment only is in the log."""
    watcher.look(state(None, 1))
    assert log.said == ["started", "fell_back", "recovered"]


def test_a_publication_is_lost_once_and_back_once(watcher: Watcher, log: Log):
    """A server that stays away is one line."""
    coming, up = output(up=False, begun=0), output(up=True)
    lost, lost_again, back = output(up=False), output(up=False, begun=2), output(up=True, begun=3)
    for each in (coming, up, lost, lost, lost_again, back, back):
        watcher.look(state(None, 0, each))
    assert log.said == ["started", "publication_lost", "publication_back"]


def test_a_publication_that_is_back_at_once_is_told_as_well(watcher: Watcher, log: Log):
    """What was down between two looks is in the log."""
    for each in (output(up=True), output(up=True, begun=2)):
        watcher.look(state(None, 0, each))
    assert log.said == ["started", "publication_lost", "publication_back"]


def test_a_channel_that_does_not_come_on_is_told_once(watcher: Watcher, log: Log):
    """However often it is tried."""
    for why in ("no ffmpeg", "no ffmpeg", "no slate"):
        watcher.failed(why)
    assert log.said == ["started", "failed", "failed"]


def test_what_another_daemon_left_and_what_dies_is_told(log: Log):
    """A channel that was on all the while is not said to have come on."""
    watcher = Watcher("channels.one", log.say)
    watcher.found(state("gone", 4))
    watcher.gone("out of memory")
    assert log.said == ["adopted", "died"]
