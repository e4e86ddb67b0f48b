"""How the daemon ends, and what the next one makes of what it finds."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from tallyd.domain.model import EndReason, Outcome, Reason, Status

SIMULATED = 'driver = "simulated"'
CAMERA = 'driver = "ffmpeg"\noptions = { source = "test", size = "320x180" }'


async def test_asked_to_end_it_finishes_its_files_and_the_next_one_goes_on(house, media):
    """A clean end leaves whole files and an open run; a start within its time records the rest."""
    house.configure(aula=CAMERA, rehearsal=SIMULATED)
    first = await house.start()
    lecture = await house.book("aula", 9)
    rehearsal = await house.book("rehearsal", 9)
    await first.heard("run.started", target="rooms.aula")
    await anyio.sleep(1)
    assert await first.end() == 0
    assert house.recorders() == []
    for schedule in (lecture, rehearsal):
        run = await house.run_of(schedule)
        assert run.status is Status.PENDING
        assert [part.end for part in run.parts] == [EndReason.DAEMON_STOPPED]
    assert await media.whole_length_s((await house.run_of(lecture)).parts[0].files[0]) > 0.5

    second = await house.start()
    await second.heard("run.started", target="rooms.aula", part=2)
    run = await house.finished(lecture)
    assert [part.end for part in run.parts] == [EndReason.DAEMON_STOPPED, EndReason.PLANNED]
    assert [Path(p.files[0]).stem.partition("Lecture")[2] for p in run.parts] == ["", "-part2"]
    assert await media.whole_length_s(run.parts[1].files[0]) > 2
    there = sum((part.last_data_at - part.first_data_at for part in run.parts), timedelta())
    lacking = timedelta(seconds=9) - there > timedelta(seconds=2)
    assert run.outcome is (Outcome.PARTIAL if lacking else Outcome.RECORDED), run.sentence
    assert run.reason is (Reason.DAEMON_STOPPED if lacking else None)
    assert (await house.finished(rehearsal)).parts[-1].end is EndReason.PLANNED
    assert await second.end() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_either_signal_ends_it_in_order_and_in_silence(house, number):
    """The service manager's signal and the operator's Ctrl-C do the same: exit 0, no complaint."""
    house.configure(aula=CAMERA)
    daemon = await house.start()
    schedule = await house.book("aula", 30)
    await daemon.heard("run.started")
    assert await daemon.end(number) == 0
    assert daemon.stderr == ""
    assert [line["signal"] for line in daemon.said("daemon.stopping")] == [number.name]
    assert daemon.lines[-1]["event"] == "daemon.stopped"
    assert house.recorders() == []
    (part,) = (await house.run_of(schedule)).parts
    assert part.end is EndReason.DAEMON_STOPPED
    assert [Path(file).suffix for file in part.files] == [".mkv"]


async def test_killed_it_leaves_a_ledger_that_the_next_one_explains(house, media):
    """After kill -9 the part is said to have died with the daemon, and the rest is recorded."""
    house.configure(aula=CAMERA, rehearsal=SIMULATED)
    first = await house.start()
    lecture = await house.book("aula", 14)
    over_by_then = await house.book("rehearsal", 2)
    await first.heard("run.started", target="rooms.aula")
    await first.heard("run.started", target="rooms.rehearsal")
    await anyio.sleep(1)
    assert await first.end(signal.SIGKILL) == -signal.SIGKILL
    for recorder in house.recorders():  # which would have outlived it
        os.kill(recorder, signal.SIGKILL)
    await anyio.sleep(1.5)

    second = await house.start()
    await second.heard("run.started", target="rooms.aula", part=2)
    run = await house.finished(lecture)
    died, rest = run.parts
    assert (died.end, rest.end) == (EndReason.DAEMON_DIED, EndReason.PLANNED)
    assert run.outcome is Outcome.PARTIAL, run.sentence
    assert run.reason is Reason.DAEMON_DOWN
    assert Path(rest.files[0]).stem.endswith("Lecture-part2")
    assert await media.whole_length_s(rest.files[0]) > 2
    cut_short = await house.finished(over_by_then)
    assert cut_short.outcome in {Outcome.PARTIAL, Outcome.RECORDED}, cut_short.sentence
    assert [part.end for part in cut_short.parts] == [EndReason.DAEMON_DIED]
    assert await second.end() == 0


async def test_what_fell_due_while_nobody_ran_is_said_to_be_missed(house):
    """A booking whose whole window passes without a daemon has its outcome at the next start."""
    house.configure(aula=SIMULATED)
    missed = await house.book("aula", 0.5, name="Missed")
    inside = await house.book("aula", 30, in_s=0.5, name="Inside")
    await anyio.sleep(1)
    daemon = await house.start()
    run = await house.finished(missed)
    assert (run.outcome, run.reason) == (Outcome.MISSED, Reason.DAEMON_DOWN)
    started = await daemon.heard("run.started", name="Inside")
    assert started["run_id"] == (await house.run_of(inside)).id
    assert started["late_ms"] > 0
    assert await daemon.end() == 0


async def test_the_ledger_is_written_although_the_booking_came_just_before_the_end(house):
    """A booking and a stop in the same moment leave a row that the next daemon takes up."""
    house.configure(aula=SIMULATED)
    first = await house.start()
    schedule = await house.book("aula", 20)
    assert await first.end() == 0
    assert (await house.run_of(schedule)).status is Status.PENDING
    second = await house.start()
    await second.heard("run.started", schedule_id=schedule.id)
    assert await second.end() == 0
