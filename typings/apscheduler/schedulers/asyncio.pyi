# The part of APScheduler 3.11 that `engine.alarm` uses, and the hooks that its subclass overrides.
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping
from datetime import tzinfo

from apscheduler.executors.debug import DebugExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.date import DateTrigger

class AsyncIOScheduler(BaseScheduler):
    _eventloop: AbstractEventLoop
    def __init__(
        self,
        *,
        executors: Mapping[str, DebugExecutor],
        jobstores: Mapping[str, MemoryJobStore],
        job_defaults: Mapping[str, object],
        timezone: tzinfo,
    ) -> None: ...
    @property
    def running(self) -> bool: ...
    def start(self, paused: bool = False) -> None: ...
    def wakeup(self) -> None: ...
    def add_job(
        self,
        func: Callable[..., object],
        trigger: DateTrigger,
        *,
        args: tuple[object, ...] = (),
        id: str,
        replace_existing: bool = False,
    ) -> object: ...
    def remove_job(self, job_id: str) -> None: ...
    def _process_jobs(self) -> float | None: ...
    def _start_timer(self, wait_seconds: float | None) -> None: ...
    def _stop_timer(self) -> None: ...
    def _lookup_jobstore(self, alias: str) -> MemoryJobStore: ...
