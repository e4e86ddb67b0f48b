"""How many requests somebody may send in each minute, and what the answers say of it."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallyd.ports.clock import Clock

WINDOW_S = 60
MAX_KNOWN = 4096
"""So many are remembered in a minute; whoever is forgotten begins anew."""

_STATE = "allowance"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to somebody: of `limit` requests `remaining`, until `reset` (Unix seconds)."""

    limit: int
    remaining: int
    reset: int
    wait_s: int

    @property
    def exceeded(self) -> bool:
        """Whether there was none left for this request."""
        return self.wait_s > 0


class Allowances:
    """Counts requests by the minutes of the clock."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._minute = 0
        self._asked: OrderedDict[str, int] = OrderedDict()

    def take(self, who: str) -> Allowance:
        """Count a request."""
        now = _seconds(self._clock.now())
        if now // WINDOW_S != self._minute:
            self._minute = now // WINDOW_S
            self._asked.clear()
        asked = self._asked.get(who, 0) + 1
        self._asked[who] = min(asked, self._limit + 1)
        self._asked.move_to_end(who)
        if len(self._asked) > MAX_KNOWN:
            self._asked.popitem(last=False)
        reset = (self._minute + 1) * WINDOW_S
        left = self._limit - asked
        return Allowance(self._limit, max(left, 0), reset, 0 if left >= 0 else reset - now)


def _seconds(instant: datetime) -> int:
    return int(instant.astimezone(UTC).timestamp())


def note(scope: Scope, allowance: Allowance) -> None:
    """Have the answer to a request say what is left."""
    scope.setdefault("state", {})[_STATE] = allowance


class AllowanceHeaders:
    """Writes what is left into every answer to a request of which it was noted, errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        state = scope.setdefault("state", {})

        async def told(message: Message) -> None:
            allowance: Allowance | None = state.get(_STATE)
            if message["type"] == "http.response.start" and allowance is not None:
                headers = MutableHeaders(scope=message)
                headers["X-RateLimit-Limit"] = str(allowance.limit)
                headers["X-RateLimit-Remaining"] = str(allowance.remaining)
                headers["X-RateLimit-Reset"] = str(allowance.reset)
            await send(message)

        await self._app(scope, receive, told)
