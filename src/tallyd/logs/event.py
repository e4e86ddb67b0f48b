"""What is said of one kind of log line. Which kinds there are is said elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Event:
    """One kind of log line: its level, when it is written, and what its fields mean."""

    level: str
    meaning: str
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
