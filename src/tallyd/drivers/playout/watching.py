"""What of a channel is told in the log: one event for each change. The channel is not touched."""

from collections.abc import Callable

from tallyd.drivers.playout.wire import PublicationState, State


class Watcher:
    """Compares how a channel stands with how it stood, and says what has changed."""

    def __init__(self, target: str, say: Callable[..., None]) -> None:
        self._target = target
        self._say = say
        self._before: State | None = None
        self._in_trouble = False
        self._failed: str | None = None
        self._down: set[str] = set()
        self._begun: dict[str, int] = {}

    def on(self, state: State) -> None:
        """Take in that the channel is on, by a playout that was launched."""
        self._before, self._failed = state, None
        self._begun.clear()
        self._say("feed.started", target=self._target, pid=state.pid)

    def found(self, state: State) -> None:
        """Take in that it has been on all the while."""
        self._before = state
        self._say("feed.adopted", target=self._target, pid=state.pid)

    def gone(self, why: str) -> None:
        """Take in that the playout has ended though nobody wanted it to."""
        self._say("feed.died", target=self._target, error=why)

    def look(self, state: State) -> None:
        """Take in how the channel stands."""
        before = self._before or state
        if state.fell_back > before.fell_back or (state.trouble and not self._in_trouble):
            self._in_trouble = True
            self._say(
                "feed.fell_back",
                target=self._target,
                token=state.fell_back_from,
                detail=state.trouble or state.fell_back_why,
            )
        if self._in_trouble and state.trouble is None:
            self._in_trouble = False
            self._say("feed.recovered", target=self._target, on_air=state.on_air)
        for publication in state.publications:
            self._look_at(publication)
        self._before = state

    def failed(self, why: str) -> None:
        """Take in that the channel does not come on."""
        if why != self._failed:
            self._failed = why
            self._say("feed.failed", target=self._target, error=why)

    def _look_at(self, now: PublicationState) -> None:
        begun = self._begun.get(now.shown, now.begun)
        was_down = now.shown in self._down
        self._begun[now.shown] = now.begun
        is_down = not now.up and now.begun > 0
        if not was_down and (is_down or now.begun > begun > 0):
            self._down.add(now.shown)
            self._say(
                "feed.publication_lost",
                target=self._target,
                output=now.shown,
                detail=now.trouble,
            )
        if now.up and now.shown in self._down:
            self._down.discard(now.shown)
            self._say("feed.publication_back", target=self._target, output=now.shown)
