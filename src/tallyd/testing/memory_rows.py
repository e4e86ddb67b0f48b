"""The rows of the store in memory at one moment. What may be asked of them is not known here."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from tallyd.domain.model import ExceptionDay, Override, Run, Schedule, Target


@dataclass(slots=True)
class Rows:
    """All rows at one moment; what is committed is never changed in place."""

    revision: int = 0
    targets_revision: int = 0
    exception_days_revision: int = 0
    watermark: datetime | None = None
    last_public_id: int = 0
    last_schedule_id: int = 0
    last_exception_day_id: int = 0
    last_run_id: int = 0
    targets: dict[str, Target] = field(default_factory=dict[str, Target])
    schedules: dict[int, Schedule] = field(default_factory=dict[int, Schedule])
    changed_at: dict[int, int] = field(default_factory=dict[int, int])
    overrides: dict[tuple[int, str], Override] = field(
        default_factory=dict[tuple[int, str], Override]
    )
    exception_days: dict[int, ExceptionDay] = field(default_factory=dict[int, ExceptionDay])
    runs: dict[int, Run] = field(default_factory=dict[int, Run])
    run_ids: dict[tuple[int, str], int] = field(default_factory=dict[tuple[int, str], int])
    requests: dict[tuple[str, str], tuple[int, str]] = field(
        default_factory=dict[tuple[str, str], tuple[int, str]]
    )
    tokens: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    def copy(self) -> "Rows":
        """Give a state that can be changed without changing this one."""
        return replace(
            self,
            targets=dict(self.targets),
            schedules=dict(self.schedules),
            changed_at=dict(self.changed_at),
            overrides=dict(self.overrides),
            exception_days=dict(self.exception_days),
            runs=dict(self.runs),
            run_ids=dict(self.run_ids),
            requests=dict(self.requests),
            tokens=dict(self.tokens),
        )
