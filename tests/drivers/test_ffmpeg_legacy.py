"""What an earlier daemon's ffmpegs left: taken over, relieved before their bound, or made whole."""

# ruff: noqa: ASYNC110 - processes are asked; they set no event

import os
import shutil
import signal
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest
from anyio import to_thread

from tallyd.drivers.ffmpeg import repair
from tallyd.drivers.ffmpeg.repair import lacks_its_end
from tallyd.drivers.marks import mark_of
from tallyd.drivers.recorders.ffmpeg import FfmpegRecorder
from tallyd.ports.drivers import DriverContext, SessionState

ENDINGS = {"matroska": ".mkv", "mpegts": ".ts", "mp4": ".mp4"}


def pid_of(observation) -> int:
    """Give the process that a session refers to."""
    return int(observation.reference.partition("@")[0])


def another(room, locks: str = "locks-1", **options) -> FfmpegRecorder:
    """Build the recorder of a successor, or of another installation."""
    place = room.root.with_name(f"{room.root.name}-{locks}")
    context = DriverContext("rooms.aula", 1, room.clock, room._spawn, room.root, place)
    return FfmpegRecorder(context, FfmpegRecorder.Options(source="test", **options))


async def cut_off(room, container: str = "matroska") -> Path:
    """Have a recording that was killed."""
    recorder = room.recorder(container=container)
    started = await recorder.start(room.order())
    await anyio.sleep(2.5)
    os.kill(pid_of(started), signal.SIGKILL)
    while (await recorder.observe())[0].state is not SessionState.ENDED:
        await anyio.sleep(0.01)
    return started.files[0]


async def test_only_what_holds_a_lock_of_ours_is_taken_over(room):
    """Another installation on this machine may record a room of the same name: it is not ours."""
    recorder = room.recorder()
    started = await recorder.start(room.order())
    assert await another(room, "others").recover() == ()
    (found,) = await another(room).recover()
    assert found.reference == started.reference
    assert found.ends_by > room.clock.now() + timedelta(hours=1, minutes=50)
    await recorder.stop("t1")
    assert await another(room).recover() == ()


async def test_what_is_frozen_when_it_is_taken_over_keeps_its_file(room):
    """A recorder that says nothing any more has recorded before: its file is not thrown away."""
    recorder = room.recorder()
    started = await recorder.start(room.order())
    await anyio.sleep(1)
    os.kill(pid_of(started), signal.SIGSTOP)
    heir = another(room)
    await heir.recover()
    session = heir._parts.of("t1")
    session._progress.first_data_at = None
    session._process.output.lines()
    session._process._ending.left = [(signal.SIGKILL, 2.0)]
    stopped = await heir.stop("t1")
    assert stopped.files[0].stat().st_size > 0


async def test_what_is_heard_after_a_takeover_is_given_back_too(room):
    """Weeks of reports of a recorder that was taken over cost no memory either."""
    recorder = room.recorder()
    await recorder.start(room.order())
    heir = another(room)
    await heir.recover()
    output = heir._parts.of("t1")._process.output
    os.write(output._fd, b"x" * 200_000 + b"\n")
    output.lines()
    assert os.fstat(output._fd).st_blocks * 512 <= 8_192
    await recorder.stop("t1")


async def test_a_part_takes_over_before_the_bound_of_the_last(room, monkeypatch):
    """With a small bound: the next one records before the first is ended, on the same input."""
    monkeypatch.setattr("tallyd.drivers.recorders.ffmpeg.ORPHAN_LIMIT", timedelta(seconds=2))
    recorder = room.recorder()
    order = room.order(length_s=1)
    started = await recorder.start(order)
    assert started.ends_by == pytest.approx(
        order.piece.stop + timedelta(seconds=1), abs=timedelta(seconds=0.1)
    )
    second = await recorder.start(room.order("t2", length_s=60))
    assert second.ends_by > started.ends_by
    assert {o.state for o in await recorder.observe()} == {SessionState.FLOWING}
    first = await recorder.stop("t1")
    assert first.detail is None
    await recorder.stop("t2")


@pytest.mark.parametrize("container", list(ENDINGS))
async def test_what_was_cut_off_is_made_whole(room, media, container):
    """It decodes, knows its length, says whose it is, and nothing else is left beside it."""
    part = await cut_off(room, container)
    assert await to_thread.run_sync(mark_of, part) is not None
    lacking = await to_thread.run_sync(lacks_its_end, part, ENDINGS[container])
    assert lacking == (container != "mpegts")
    done = await another(room, container=container).salvage((part,))
    whole = part.with_suffix("")
    assert done.files == (whole,)
    assert done.mended == ((whole,) if lacking else ())
    assert done.bytes == whole.stat().st_size
    assert list(room.root.iterdir()) == [whole]
    assert not await to_thread.run_sync(lacks_its_end, whole, ENDINGS[container])
    assert await media.whole_length_s(whole) > 1
    assert (await to_thread.run_sync(mark_of, whole)).token == "t1"  # noqa: S105 - no secret


async def test_a_name_that_is_taken_is_not_taken_away(room):
    """A file that has the final name keeps it; the one that is made whole stands beside it."""
    part = await cut_off(room)
    part.with_suffix("").write_text("mine")
    done = await another(room).salvage((part,))
    assert done.files == (room.root / "t1-2.mkv",)
    assert part.with_suffix("").read_text() == "mine"


async def test_what_cannot_be_proved_whole_stays_as_it_is(room, tmp_path_factory):
    """Where the copy fails the recording gets its name all the same, untouched, and why is said."""
    part = await cut_off(room)
    before = part.read_bytes()
    program = tmp_path_factory.mktemp("bin") / "ffmpeg"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    program.chmod(0o755)
    done = await another(room, binary=str(program)).salvage((part,))
    assert done.mended == ()
    assert "broken" in done.detail
    assert done.files[0].read_bytes() == before
    assert list(room.root.iterdir()) == list(done.files)


async def test_a_copy_that_lacks_something_does_not_take_the_place(room, tmp_path_factory):
    """A copy that comes out shorter than what went in is thrown away, and the recording is not."""
    part = await cut_off(room)
    before = part.read_bytes()
    program = tmp_path_factory.mktemp("bin") / "ffmpeg"
    real = shutil.which("ffmpeg") or "ffmpeg"
    lossy = f'#!/bin/sh\ncase "$*" in *null*) exec {real} -t 0.5 "$@";; esac\nexec {real} "$@"\n'
    program.write_text(lossy.replace("-t 0.5 ", "").replace("null*) exec", "null*) exit 0; exec"))
    program.chmod(0o755)
    done = await another(room, binary=str(program)).salvage((part,))
    assert "does not hold all of it" in done.detail
    assert done.files[0].read_bytes() == before


async def test_a_disk_without_room_for_a_copy_is_left_alone(room, monkeypatch):
    """What runs needs the room more: the recording is only renamed."""
    part = await cut_off(room)
    full = SimpleNamespace(total=10**12, used=10**12, free=10)
    monkeypatch.setattr(repair.shutil, "disk_usage", lambda _path: full)
    done = await another(room).salvage((part,))
    assert "no room" in done.detail
    assert done.files == (part.with_suffix(""),)


async def test_a_repair_that_was_cut_short_is_not_made_twice(room):
    """Killed between the rename and the removal of the damaged one, only that is left to do."""
    part = await cut_off(room)
    kept = part.read_bytes()
    done = await another(room).salvage((part,))
    part.write_bytes(kept)
    again = await another(room).salvage((part,))
    assert again.files == done.files
    assert list(room.root.iterdir()) == list(done.files)


async def test_an_empty_file_is_no_recording(room):
    """What a start left that never came to data is not named as a file."""
    part = room.root / "t1.mkv.part"
    part.touch()
    assert (await another(room).salvage((part, room.root / "gone.mkv.part"))).files == ()
