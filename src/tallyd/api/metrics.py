"""`/metrics` for Prometheus: what the ledger, the plan and the engine's picture say, counted."""

from datetime import datetime, timedelta

import anyio
from anyio import to_thread
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from tallyd.api.answers import UnauthenticatedError, answer_of
from tallyd.api.callers import TooManyRequestsError
from tallyd.api.native.problems import problem_response
from tallyd.api.services import Picture, Services
from tallyd.domain.accounts import Purpose
from tallyd.domain.model import Run, Status
from tallyd.domain.outcomes import late
from tallyd.domain.planner import Planned
from tallyd.domain.window import Window, floor_ms
from tallyd.ports.store import StoreError

FIRST_LOOK_BACK = timedelta(days=1)
LOOK_BACK = timedelta(hours=1)
LOOK_AHEAD = timedelta(days=1)
FRESH_S = 5.0
"""So long what was counted is good enough: scraping costs nothing then."""

MOST_RUNS = 50_000

_LATE = (-1.0, -0.1, -0.02, 0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """Everything that is counted; what was counted before this process began is not in it.

    But for the runs of the last day, so that a restart of the server hides no failure.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._turn = anyio.Lock()
        self._looked_s: float | None = None
        self._looked_at: datetime | None = None
        self._counted: set[int] = set()
        self._drivers = {each.key: each.driver for each in services.settings.targets()}
        self.registry = CollectorRegistry()
        self._declare()

    def _declare(self) -> None:
        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(f"tallyd_{name}", about, labels, registry=self.registry)

        def histogram(name: str, about: str, buckets: tuple[float, ...], label: str) -> Histogram:
            return Histogram(
                f"tallyd_{name}", about, (label,), buckets=buckets, registry=self.registry
            )

        self._late = histogram(
            "start_lateness_seconds", "First data less planned start", _LATE, "target"
        )
        self._slow = histogram(
            "driver_start_seconds", "First data less the command to start", _SLOW, "driver"
        )
        self._runs = Counter(
            "tallyd_runs", "Runs that are over", ("outcome", "reason"), registry=self.registry
        )
        self._up = gauge("daemon_up", "1 where a daemon runs")
        self._heard = gauge("daemon_heartbeat_timestamp_seconds", "When it was heard last")
        self._waiting = gauge("ledger_waiting_rows", "Rows that wait for the disk")
        self._recording = gauge("recording", "1 where a target records", "target")
        self._next = gauge("next_start_timestamp_seconds", "The next start of a day", "target")
        self._blocked = gauge(
            "blocked_seconds", "What the next day does not get of what is booked", "target"
        )
        self._free = gauge("disk_free_bytes", "Free on the disk of the recordings")
        self._disk = gauge("disk_state", "1 for the state that it is in", "state")
        self._trusted = gauge("clock_trusted", "1 where the clock is trusted")
        self._clock = gauge("clock_state", "1 for the state that it is in", "state")
        self._nudges = gauge("nudges", "How often the engine was told of a change", "result")

    async def text(self) -> bytes:
        """Give everything in Prometheus' own format, looking anew where the last look is old."""
        async with self._turn:
            now_s = self._services.clock.monotonic()
            if self._looked_s is None or now_s - self._looked_s >= FRESH_S:
                await self._look()
                self._looked_s = now_s
        return generate_latest(self.registry)

    async def _look(self) -> None:
        now = floor_ms(self._services.clock.now())
        since = self._looked_at - LOOK_BACK if self._looked_at else now - FIRST_LOOK_BACK
        runs = await self._services.reports.runs(Window(since, now), None, MOST_RUNS)
        over = {run.id: run for run in runs if run.status is Status.FINISHED}
        for run_id, run in over.items():
            if run_id not in self._counted:
                self._count(run)
        # Those of the last look that are not in this one are too old to come again.
        self._counted = set(over)
        self._looked_at = now
        self._show_plan(await self._services.reports.plan(Window(now, now + LOOK_AHEAD)), now)
        self._show_picture(await to_thread.run_sync(self._services.picture))
        for result, count in self._services.nudges().items():
            self._nudges.labels(result).set(count)

    def _count(self, run: Run) -> None:
        self._runs.labels(str(run.outcome), str(run.reason or "")).inc()
        confirmed = next((part for part in run.parts if part.first_data_at is not None), None)
        if confirmed is None or confirmed.first_data_at is None:
            return
        behind = late(confirmed)
        if behind is not None:
            self._late.labels(run.target).observe(behind.total_seconds())
        took = confirmed.first_data_at - confirmed.commanded_at
        self._slow.labels(self._drivers.get(run.target, "")).observe(took.total_seconds())

    def _show_plan(self, planned: tuple[Planned, ...], now: datetime) -> None:
        starts: dict[str, datetime] = {}
        lost = dict.fromkeys(self._drivers, timedelta(0))
        for entry in planned:
            key = entry.schedule.target
            window = entry.occurrence.window
            if entry.claim and entry.claim[0].start > now:
                starts[key] = min(starts.get(key, entry.claim[0].start), entry.claim[0].start)
            if entry.by:
                held = sum((each.stop - each.start for each in entry.claim), timedelta(0))
                lost[key] = lost.get(key, timedelta(0)) + window.stop - window.start - held
        self._next.clear()
        for key, start in starts.items():
            self._next.labels(key).set(start.timestamp())
        for key, much in lost.items():
            self._blocked.labels(key).set(much.total_seconds())

    def _show_picture(self, picture: Picture | None) -> None:
        self._up.set(picture is not None)
        for old in (self._recording, self._disk, self._clock):
            old.clear()
        if picture is None:
            return
        if heartbeat := picture.get("heartbeat_at"):
            self._heard.set(datetime.fromisoformat(heartbeat).timestamp())
        self._waiting.set(picture.get("ledger_waiting") or 0)
        for key, doing in picture["targets"].items():
            self._recording.labels(key).set(doing.get("status") == "recording")
        disk: Picture = picture.get("disk") or {}
        clock: Picture = picture.get("clock") or {}
        self._free.set(disk.get("free_bytes") or 0)
        self._disk.labels(str(disk.get("state"))).set(1)
        self._trusted.set(bool(clock.get("trusted")))
        self._clock.labels(str(clock.get("state"))).set(1)


async def metrics_response(metrics: Metrics, services: Services, request: Request) -> Response:
    """Answer a scrape; whoever has a native key may."""
    try:
        await _require_caller(services, request)
        return Response(await metrics.text(), media_type=CONTENT_TYPE_LATEST)
    except (UnauthenticatedError, TooManyRequestsError, StoreError) as error:
        answer = answer_of(error)
        if answer is None:
            raise
        return problem_response(answer)


async def _require_caller(services: Services, request: Request) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if not scheme and services.callers.of_peer(request) is not None:
        return
    if scheme.lower() == "bearer" and token:
        known = await services.callers.of_token(request, token.strip(), Purpose.NATIVE)
        if known is not None:
            return
    services.callers.of_nobody(request)
    raise UnauthenticatedError("give a valid key: Authorization: Bearer KEY")
