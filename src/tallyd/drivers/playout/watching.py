"""What of a channel is told in the log: one event for each change. The channel is not touched."""

from collections.abc import Callable

from tallyd.drivers.playout.wire import State


class Watcher:
    """Compares how a channel stands with how it stood, and says what has changed."""

    def __init__(self, target: str, say: Callable[..., None]) -> None:
        self._target = target
        self._say = say
        self._before: State | None = None
        self._in_trouble = False
        self._down: dict[str, bool] = {}

    def on(self, state: State) -> None:
        """Take in that the channel is on, by a playout that was launched."""
        self._before = state
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
            token, detail = state.fell_back_from, state.fell_back_why
            self._in_trouble = True
            self._say("feed.fell_back", target=self._target, token=token, detail=detail)
        if self._in_trouble and state.trouble is None:
            self._in_trouble = False
            self._say("feed.recovered", target=self._target, on_air=state.on_air)
        for publication in state.publications:
            self._look_at(publication.shown, publication.trouble, up=publication.up)
        self._before = state

    def _look_at(self, output: str, detail: str | None, *, up: bool) -> None:
        was_down = self._down.get(output, False)
        if not up and not was_down and detail is not None:
            self._down[output] = True
            self._say("feed.publication_lost", target=self._target, output=output, detail=detail)
        elif up and was_down:
            self._down[output] = False
            self._say("feed.publication_back", target=self._target, output=output)
