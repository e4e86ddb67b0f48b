"""From a decision to what a driver is told: part number, token, file name, media position."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tallyd.domain.errors import ZoneUnknown
from tallyd.domain.model import Part, Run, Target, TargetKind
from tallyd.domain.naming import NameFields, NameTemplate
from tallyd.domain.planner import Planned
from tallyd.domain.recurrence import wall_time
from tallyd.domain.window import Window
from tallyd.engine.programmes import NO_INPUTS, Library, LiveInputs, programme_of
from tallyd.engine.tokens import token_for
from tallyd.ports.drivers import StartOrder
from tallyd.ports.programme import Programme


@dataclass(frozen=True, slots=True)
class Start:
    """A start that was decided: which piece of which run, on which input, how early, when."""

    target: Target
    entry: Planned
    run: Run
    piece: Window
    input: int
    lead: timedelta
    spread: timedelta
    now: datetime
    library: Library = field(default_factory=Library)


class Orders:
    """Makes the part and the order for a start; files go below `recordings_dir`."""

    def __init__(
        self, recordings_dir: Path, template: NameTemplate, inputs: LiveInputs = NO_INPUTS
    ) -> None:
        self._recordings_dir = recordings_dir
        self._template = template
        self._inputs = inputs

    def rename_by(self, template: NameTemplate) -> None:
        """Name files by another template from here on."""
        self._template = template

    def play_from(self, inputs: LiveInputs) -> None:
        """Have channels show other live inputs from here on."""
        self._inputs = inputs

    def make(self, start: Start) -> tuple[Part, StartOrder]:
        """Give the next part of the run and what its driver is told."""
        number = _next_number(start.run)
        token = token_for(start.run, number)
        part = Part(
            number=number,
            input=start.input,
            piece=start.piece,
            token=token,
            commanded_at=start.now,
            lead=start.lead,
            spread=start.spread,
        )
        content = start.entry.schedule.content
        order = StartOrder(
            target=start.target.key,
            input=start.input,
            token=token,
            name=start.run.name,
            piece=start.piece,
            output=self._recordings_dir / self._file(start, number),
            content=content,
            media_offset=_joined_late(start) + (content.offset if content else timedelta(0)),
            begins_at=start.entry.occurrence.window.start,
            programme=self._programme(start),
        )
        return part, order

    def _programme(self, start: Start) -> Programme | None:
        if start.target.kind is not TargetKind.CHANNEL:
            return None
        return programme_of(start.entry, self._inputs, start.library)

    def _file(self, start: Start, number: int) -> str:
        planned = start.entry.occurrence.window.start
        utc = planned.astimezone(UTC)
        try:
            local = wall_time(planned, start.target.zone)
        except ZoneUnknown:  # gone from the database: a name must not cost the recording
            local = utc
        return self._template.render(
            NameFields(
                target=start.target.key,
                schedule=start.run.name,
                local=local,
                utc=utc,
                input=start.input,
                part=number,
                run=start.run.id,
            )
        )


def _joined_late(start: Start) -> timedelta:
    """Give how much of an occurrence is over when its first data comes, late starts included."""
    joins_at = max(start.piece.start, start.now + start.lead)
    return joins_at - start.entry.occurrence.window.start


def _next_number(run: Run) -> int:
    """Count on from the last part that has data; one that never had any is tried again."""
    done = [part.number for part in run.parts if part.first_data_at is not None]
    return max(done, default=0) + 1
