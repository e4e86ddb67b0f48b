"""The bodies of native requests: the options of the command line, described for programs."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from tallyd.domain.drafts import MAX_COUNT, MAX_EVERY
from tallyd.domain.model import MAX_NAME, MAX_PRIORITY, MIN_PRIORITY, DstGap, DstOverlap
from tallyd.notation.wishes import Repeat

TARGET = r"^(rooms|channels)\.[a-z0-9][a-z0-9_-]{0,199}$"
START = (
    r"^(now|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,3})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?)$"
)
MOMENT = START[:-2] + r"|[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])|[+-][0-9]{1,4}[dhms])$"
LENGTH = r"^([0-9]{1,5}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?([0-9]{1,9}ms)?$"
DATE = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
NAME = r"^[^\x00-\x1f\x7f-\x9f]*$"

Target = Annotated[str, Field(pattern=TARGET, examples=["rooms.aula"])]
Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Start = Annotated[str, Field(pattern=START, examples=["2027-12-01T09:00", "2027-12-01T09:00:00Z"])]
Moment = Annotated[str, Field(pattern=MOMENT, examples=["2027-12-01", "now", "+7d"])]
Length = Annotated[str, Field(pattern=LENGTH, min_length=2, examples=["1h30m"])]
Zone = Annotated[str, Field(min_length=1, max_length=64, examples=["Europe/Berlin"])]
Weekday = Annotated[str, Field(pattern=r"^(mon|tue|wed|thu|fri|sat|sun)$")]
Until = Annotated[str, Field(pattern=DATE.replace("$", "") + "$|^never$", examples=["2027-12-31"])]


def _whole(value: object) -> object:
    """Take 3.0 for 3, as JSON does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Options(_Body):
    """The options of a schedule that may always be left out."""

    timezone: Zone | None = None
    repeat: Repeat | None = None
    every: (
        Annotated[int, Field(ge=1, le=MAX_EVERY, strict=True), BeforeValidator(_whole)] | None
    ) = None
    days: Annotated[list[Weekday], Field(max_length=7)] | None = None
    last_day: Annotated[bool, Field(strict=True)] | None = None
    count: (
        Annotated[int, Field(ge=1, le=MAX_COUNT, strict=True), BeforeValidator(_whole)] | None
    ) = None
    until: Until | None = None
    priority: (
        Annotated[
            int, Field(ge=MIN_PRIORITY, le=MAX_PRIORITY, strict=True), BeforeValidator(_whole)
        ]
        | None
    ) = None
    dst_gap: DstGap | None = None
    dst_overlap: DstOverlap | None = None

    def options(self) -> dict[str, Any]:
        """Give what was said, as the command line would have it."""
        return self.model_dump(exclude_none=True)


class ScheduleChange(Options):
    """What is to change of a schedule; what is left out stays."""

    target: Target | None = None
    name: Name | None = None
    start: Start | None = None
    duration: Length | None = None


class NewSchedule(Options):
    """A schedule to be booked; what is left out takes its default."""

    target: Target
    name: Name
    start: Start
    duration: Length


class WhatIf(_Body):
    """A period, and what it is to be planned with as if it were booked."""

    from_: Annotated[Moment, Field(alias="from")] = "now"
    to: Moment | None = None
    with_: Annotated[list[NewSchedule], Field(alias="with", max_length=100)] = []


class OverrideChange(_Body):
    """Whether an occurrence is left out."""

    excluded: Annotated[bool, Field(strict=True)]


class Extension(_Body):
    """How much longer a run is to go on."""

    by: Length


class NewDay(_Body):
    """A day on which nothing starts, on one target or on all."""

    date: Annotated[str, Field(pattern=DATE, examples=["2027-12-25"])]
    name: Name
    target: Target | None = None
