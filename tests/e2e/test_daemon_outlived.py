"""Recordings outlive the daemon: whoever ends it, and however often, no frame is lost."""

import os
import signal
from datetime import timedelta
from itertools import pairwise

import anyio
import pytest

from tallyd.domain.model import EndReason, Outcome

CAMERA = 'driver = "ffmpeg"\noptions = { source = "test", size = "320x180" }'
FRAME_S = 1 / 25


@pytest.fixture
def house(house):
    """Give an installation that leaves its recordings to the next daemon."""
    house.on_stop = "leave"
    return house


async def end_by(daemon, number):
    """End a daemon by a signal, and wait until it is gone."""
    os.kill(daemon.pid, number)
    await daemon.ended()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_no_frame_is_lost_when_the_daemon_is_ended_and_started_again(house, media, number):
    """However the daemon ends, the recording goes on in one file, and the next one ends it."""
    house.configure(aula=CAMERA)
    daemon = await house.start()
    lecture = await house.book("aula", 9)
    await daemon.heard("run.started")
    (recorder,) = house.recorders()
    for _ in range(2):
        await end_by(daemon, number)
        assert house.recorders() == [recorder]
        assert len(daemon.said("run.left")) == (number is signal.SIGTERM)
        daemon = await house.start()
        adopted = await daemon.heard("run.adopted")
        assert adopted["reference"].startswith(f"{recorder}@")
        assert daemon.said("run.starting") == []
    run = await house.finished(lecture)
    assert run.outcome is Outcome.RECORDED, run.sentence
    (part,) = run.parts
    assert part.end is EndReason.PLANNED
    assert house.recorders() == []
    times = await media.packet_times(part.files[0])
    assert await media.damage(part.files[0]) == ""
    assert max(after - before for before, after in pairwise(times)) < 2 * FRAME_S
    assert len(times) * FRAME_S == pytest.approx(9, abs=0.7)
    assert await daemon.end(signal.SIGINT) == 0


async def test_what_is_no_longer_wanted_ends_with_the_next_daemon(house, media):
    """A booking that was removed while no daemon ran is not recorded on, and its file is kept."""
    house.configure(aula=CAMERA)
    daemon = await house.start()
    lecture = await house.book("aula", 60)
    await daemon.heard("run.started")
    await anyio.sleep(1)
    await end_by(daemon, signal.SIGKILL)
    await house.remove(lecture)
    daemon = await house.start()
    run = await house.finished(lecture)
    assert house.recorders() == []
    (part,) = run.parts
    assert part.end is EndReason.PLANNED  # what was planned is that it ends now
    assert await media.whole_length_s(part.files[0]) > 0.5


async def test_a_recorder_of_a_run_that_nobody_knows_is_ended(house, eventually):
    """What records for no open run would keep the input from the next: it is ended, and said."""
    house.configure(aula=CAMERA)
    daemon = await house.start()
    await house.book("aula", 60)
    await daemon.heard("run.started")
    await end_by(daemon, signal.SIGKILL)
    for suffix in ("", "-wal", "-shm"):
        (house.state / f"tallyd.db{suffix}").unlink(missing_ok=True)
    (house.state / "appliance-id").unlink()
    daemon = await house.start()
    await daemon.heard("recorder.stray", target="rooms.aula")
    await eventually(lambda: house.recorders() == [])
    assert await daemon.end(signal.SIGINT) == 0


async def test_an_interrupt_ends_what_records(house):
    """Ctrl-C is somebody who wants it all to end, whatever the configuration says."""
    house.configure(aula=CAMERA)
    daemon = await house.start()
    lecture = await house.book("aula", 60)
    await daemon.heard("run.started")
    assert await daemon.end(signal.SIGINT) == 0
    assert house.recorders() == []
    (part,) = (await house.run_of(lecture)).parts
    assert part.end is EndReason.DAEMON_STOPPED


async def test_two_recorders_never_share_an_input(house):
    """A daemon that died between a start and its row finds the recorder, and starts no second."""
    house.configure(aula=CAMERA)
    daemon = await house.start()
    await house.book("aula", 30)
    await daemon.heard("run.started")
    (recorder,) = house.recorders()
    await end_by(daemon, signal.SIGKILL)
    daemon = await house.start()
    await daemon.heard("run.adopted")
    await anyio.sleep(timedelta(seconds=1).total_seconds())
    assert house.recorders() == [recorder]
    assert await daemon.end(signal.SIGINT) == 0
