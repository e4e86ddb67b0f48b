"""What channels took from live inputs: as it went out, or else as the ledger has it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tallyd.api.services import Services
from tallyd.api.uplynk.desk import Channel, Signer
from tallyd.api.uplynk.views import Played
from tallyd.domain.accounts import may_see
from tallyd.domain.entries import RETENTION
from tallyd.domain.model import ContentKind, Run, Schedule
from tallyd.domain.window import MILLISECOND, Window
from tallyd.ports.as_run import Kind
from tallyd.reports import Broadcast


class Slicers:
    """Tells what was played because of a live input."""

    def __init__(self, services: Services) -> None:
        self._contents = services.contents
        self._reports = services.reports

    async def played(
        self, channel: Channel, period: Window, signer: Signer, now: datetime
    ) -> Sequence[Played]:
        """Give what a channel took from live inputs in a period, whole and in order.

        As of entries, nothing is known of what is 30 days ago.

        Raises:
            AsRunError: what was on air cannot be read.
        """
        past = period.common(Window(now - RETENTION, now + MILLISECOND))
        if past is None:
            return []
        key, own = channel.target.key, channel.words.slicer
        found = await self._reports.as_run(key, past)
        if found is not None:
            live = [each for each in found if each.aired.live]
            schedules = await self._schedules_of(each.run for each in live if each.run is not None)
            return [_as_it_went_out(each, own, schedules, signer) for each in live]
        async with self._contents.read() as reader:
            runs = await reader.runs(start=past.start, stop=past.stop, target=key)
        schedules = await self._schedules_of(runs)
        return [
            each
            for run in reversed(runs)
            for each in _by_the_ledger(run, own, schedules.get(run.schedule_id), signer, now)
        ]

    async def _schedules_of(self, runs: Iterable[Run]) -> Mapping[int, Schedule]:
        wanted = {run.schedule_id for run in runs}
        async with self._contents.read() as reader:
            return {each.id: each for each in await reader.schedules_of(wanted)}


def _as_it_went_out(
    broadcast: Broadcast, own: str, schedules: Mapping[int, Schedule], signer: Signer
) -> Played:
    aired, run = broadcast.aired, broadcast.run
    slicer = aired.name if aired.kind is Kind.SLICER else own
    booked = aired.token is not None
    if run is None or not _is_known(schedules.get(run.schedule_id), signer):
        return Played(slicer, aired.window, booked)
    return Played(slicer, aired.window, booked, aired.token, run.name)


def _by_the_ledger(
    run: Run, own: str, schedule: Schedule | None, signer: Signer, now: datetime
) -> Iterable[Played]:
    slicer = _slicer_of(schedule, own)
    is_known = _is_known(schedule, signer)
    for part in run.parts:
        if slicer is None or part.first_data_at is None:
            continue
        stop = max(part.first_data_at, part.stopped_at or part.last_data_at or now)
        window = Window(part.first_data_at, stop)
        token, name = (part.token, run.name) if is_known else (None, "")
        yield Played(slicer, window, booked=True, token=token, name=name)


def _is_known(schedule: Schedule | None, signer: Signer) -> bool:
    return schedule is not None and may_see(signer.caller, schedule.metadata)


def _slicer_of(schedule: Schedule | None, own: str) -> str | None:
    """Give the live input that a schedule shows; None where it shows something else."""
    content = None if schedule is None else schedule.content
    if content is None or content.kind is ContentKind.LIVE:
        return own
    return content.id if content.kind is ContentKind.SLICER else None
