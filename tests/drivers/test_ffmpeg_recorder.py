"""The ffmpeg recorder against real ffmpegs of both kinds: what it records, and how it ends."""

# ruff: noqa: ASYNC110 - processes and devices are asked; they set no event

import os
import signal
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread

from tallyd.domain.model import EndReason
from tallyd.drivers.files import FileError
from tallyd.drivers.outliving import find
from tallyd.ports.drivers import GiveUpError, SessionState, TryAgainError


def pid_of(observation) -> int:
    """Give the process that a session refers to."""
    return int(observation.reference.partition("@")[0])


async def running_with(token: str) -> list[int]:
    """Give the processes that carry a part's token in their arguments."""
    return await to_thread.run_sync(_running_with, token)


def _running_with(token: str) -> list[int]:
    found = (who for who, _ in find("comment=tallyd rooms.aula ") if f" {token} " in who.mark)
    return [who.pid for who in found if _is_ours(who.pid)]


def _is_ours(pid: int) -> bool:
    """Tell whether it is a child of this process: others may test on this machine too."""
    with suppress(OSError):
        facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(facts[1]) == os.getpid()
    return False


def graces(recorder, token: str, *escalation: tuple[signal.Signals, float]) -> None:
    """Let a session have these signals and times for its end."""
    recorder._parts.of(token)._process._ending.left = list(escalation)


def open_descriptors() -> int:
    """Count what this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_every_container_plays_for_as_long_as_it_recorded(room, media, binary: str):
    """Stopped recordings of each kind decode without a complaint and have the planned length."""
    containers = {"matroska": ".mkv", "mpegts": ".ts", "mp4": ".mp4"}
    stopped = {}

    async def record(container: str) -> None:
        recorder = room.recorder(container=container, binary=binary)
        started = await recorder.start(room.order(container))
        assert started.files[0].name == f"{container}{containers[container]}.part"
        end = started.first_data_at + timedelta(seconds=2.5)
        await anyio.sleep((end - room.clock.now()).total_seconds())
        stopped[container] = await recorder.stop(container)

    async with anyio.create_task_group() as group:
        for container in containers:
            group.start_soon(record, container)
    for container, observation in stopped.items():
        (file,) = observation.files
        assert file == room.root / f"{container}{containers[container]}"
        assert observation.bytes == file.stat().st_size
        assert (observation.state, observation.end) == (SessionState.ENDED, None)
        assert await media.damage(file) == ""
        assert await media.length_s(file) == pytest.approx(2.5, abs=0.42)
        sound = await media.packet_times(file, "a")
        assert sound[-1] - sound[0] == pytest.approx(2.5, abs=0.42)


async def test_first_data_is_when_the_first_frame_was_captured(room, media, binary: str):
    """The reported first data is the first frame's wall-clock stamp; how exactly, `bench` says."""
    recorder = room.recorder(timestamps="wallclock", binary=binary)
    order = room.order()
    await recorder.start(order)
    await anyio.sleep(1.6)
    stopped = await recorder.stop("t1")
    frames = await media.packet_times(stopped.files[0])
    assert stopped.first_data_at.timestamp() == pytest.approx(frames[0], abs=0.2)
    assert stopped.last_data_at.timestamp() == pytest.approx(frames[-1], abs=0.6)
    assert max(b - a for a, b in pairwise(frames)) < 1
    sound = await media.packet_times(stopped.files[0], "a")
    assert sound[0] == pytest.approx(frames[0], abs=0.3)
    damage = (await media.damage(stopped.files[0])).splitlines()
    # On a busy machine two frames are captured in one millisecond, and honestly stamped so.
    assert [line for line in damage if "monotonically" not in line] == []


async def test_a_killed_recording_is_reported_and_its_file_plays(room, media, binary: str):
    """After a kill -9 the session has died, and what it wrote up to a second before plays."""
    recorder = room.recorder(inputs=["test"] * 3, capacity=3, binary=binary)
    others = {
        "mpegts": room.recorder(container="mpegts", binary=binary),
        "mp4": room.recorder(container="mp4", binary=binary),
    }
    started = [await recorder.start(room.order("matroska"))]
    started += [await other.start(room.order(token)) for token, other in others.items()]
    await anyio.sleep(2.2)
    for one in started:
        os.kill(pid_of(one), signal.SIGKILL)
    await anyio.sleep(0.3)
    for token, one in {"matroska": recorder, **others}.items():
        (shown,) = await one.observe()
        assert (shown.state, shown.end) == (SessionState.ENDED, EndReason.DIED)
        assert "signal 9" in shown.detail
        stopped = await one.stop(token)
        assert stopped.end is EndReason.DIED
        assert await media.length_s(stopped.files[0]) > 0.8


async def test_a_start_that_is_cancelled_at_once_leaves_nothing(room, binary: str):
    """Cancelled 20 ms after the spawn, no process, no file and no open descriptor is left."""
    recorder = room.recorder(binary=binary)
    before = open_descriptors()
    for number, after_s in enumerate((0, 0.002, 0.02, 0.05)):
        with anyio.move_on_after(after_s):
            await recorder.start(room.order(f"cut{number}"))
            pytest.fail("it was not to get so far")
        assert await running_with(f"cut{number}") == []
    assert await recorder.observe() == ()
    assert list(room.root.iterdir()) == []
    await anyio.lowlevel.checkpoint()
    assert open_descriptors() <= before + 1  # the loop may have opened its waker


async def test_a_stop_right_after_the_spawn_waits_until_ffmpeg_listens(room, media, binary: str):
    """Stopped while it starts, the recording is whole all the same, and the start says so."""
    recorder = room.recorder(binary=binary)
    answers = []

    async def start() -> None:
        try:
            answers.append(await recorder.start(room.order()))
        except TryAgainError as error:
            answers.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(start)
        while not await recorder.observe():
            await anyio.sleep(0.001)
        await anyio.sleep(0.02)
        stopped = await recorder.stop("t1")
    assert "stopped while it started" in str(answers)
    assert (stopped.state, stopped.detail) == (SessionState.ENDED, None)
    assert len(stopped.files) == 1
    assert await running_with("t1") == []
    for file in stopped.files:
        assert await media.damage(file) == ""
    assert list(room.root.iterdir()) == list(stopped.files)


async def test_a_frozen_ffmpeg_is_shown_as_silent_and_still_ends(
    room, binary: str, monkeypatch: pytest.MonkeyPatch
):
    """One that no longer moves is silent, and its stop is carried through with three signals."""
    sent = []
    send = signal.pidfd_send_signal
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda fd, n: (sent.append(n), send(fd, n)))
    monkeypatch.setattr("tallyd.drivers.ffmpeg.session.SILENT_AFTER", timedelta(seconds=0.4))
    recorder = room.recorder(binary=binary)
    started = await recorder.start(room.order())
    graces(recorder, "t1", (signal.SIGINT, 0.2), (signal.SIGTERM, 0.2), (signal.SIGKILL, 2.0))
    os.kill(pid_of(started), signal.SIGSTOP)
    await anyio.sleep(0.6)
    (shown,) = await recorder.observe()
    assert shown.state is SessionState.SILENT
    stopped = await recorder.stop("t1")
    await recorder.stop("t1")
    assert sent == [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
    assert "roughly (status -9)" in stopped.detail
    assert await running_with("t1") == []


async def test_an_end_that_nobody_asked_for_is_a_fault(room, media, binary: str, monkeypatch):
    """An ffmpeg that exits with 0 before its stop has died, its upper bound included."""
    monkeypatch.setattr("tallyd.drivers.recorders.ffmpeg.ORPHAN_LIMIT", timedelta(seconds=0.5))
    for timestamps in ("zero", "wallclock"):
        recorder = room.recorder(binary=binary, timestamps=timestamps)
        await recorder.start(room.order(timestamps, length_s=0.5))
        with anyio.fail_after(20):
            while (await recorder.observe())[0].state is not SessionState.ENDED:
                await anyio.sleep(0.05)
        (shown,) = await recorder.observe()
        assert shown.end is EndReason.DIED
        assert "exit status 0" in shown.detail
        stopped = await recorder.stop(timestamps)
        assert await media.length_s(stopped.files[0]) == pytest.approx(1.0, abs=0.15)


async def test_it_records_on_when_the_daemon_is_gone(
    tmp_path: Path, room_class, media, binary: str
):
    """When the daemon's tasks are cancelled its recorder goes on, and its file with it."""
    async with anyio.create_task_group() as tasks:
        recorder = room_class(tmp_path, tasks.start_soon).recorder(binary=binary)
        await recorder.start(room_class(tmp_path, tasks.start_soon).order())
        await anyio.sleep(0.5)
        tasks.cancel_scope.cancel()
    (pid,) = await running_with("t1")
    file = tmp_path / "t1.mkv.part"
    before = file.stat().st_size
    await anyio.sleep(1.5)
    assert file.stat().st_size > before
    os.kill(pid, signal.SIGINT)
    while await running_with("t1"):
        await anyio.sleep(0.02)
    assert await media.damage(file) == ""


async def test_a_recording_is_not_overwritten_by_one_that_appeared_meanwhile(room):
    """A file that took the final name during the recording is kept beside it."""
    recorder = room.recorder()
    await recorder.start(room.order())
    (room.root / "t1.mkv").write_text("mine")
    stopped = await recorder.stop("t1")
    assert stopped.files == (room.root / "t1-2.mkv",)
    assert (room.root / "t1.mkv").read_text() == "mine"


async def test_a_directory_that_leads_out_is_refused(room, tmp_path_factory):
    """A link planted among the recordings does not let a file out, and nothing is started."""
    (room.root / "t1").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    order = room.order()
    recorder = room.recorder()
    with pytest.raises(TryAgainError, match="leads out") as caught:
        await recorder.start(
            type(order)(
                **{
                    **{f: getattr(order, f) for f in order.__slots__},
                    "output": room.root / "t1" / "lecture",
                }
            )
        )
    assert caught.value.reason == "disk"


async def test_a_program_that_vanished_is_told(room, tmp_path_factory):
    """An ffmpeg that was there when the daemon started and is gone now fails the start, cleanly."""
    link = tmp_path_factory.mktemp("bin") / "ffmpeg"
    link.symlink_to("/bin/true")
    recorder = room.recorder(binary=str(link))
    link.unlink()
    with pytest.raises(TryAgainError, match="cannot be run: No such file") as caught:
        await recorder.start(room.order())
    assert caught.value.reason == "driver_unavailable"
    assert await recorder.observe() == ()
    assert list(room.root.iterdir()) == []


async def test_a_program_that_says_nothing_and_ends_is_no_recording(room):
    """An end before any data, with status 0, fails the start."""
    with pytest.raises(TryAgainError, match=r"ended by itself \(exit status 0\)"):
        await room.recorder(binary="/bin/true").start(room.order())
    assert list(room.root.iterdir()) == []


async def test_a_file_that_cannot_be_finished_is_named_as_it_is(room, monkeypatch):
    """A rename that fails does not hide that the recording has ended, nor where its data lies."""

    def fail(_reservation):
        raise FileError("the disk is gone")

    monkeypatch.setattr("tallyd.drivers.ffmpeg.session.finish_if_any", fail)
    recorder = room.recorder()
    await recorder.start(room.order())
    stopped = await recorder.stop("t1")
    assert (stopped.state, stopped.detail) == (SessionState.ENDED, "the disk is gone")
    assert stopped.files == (room.root / "t1.mkv.part",)
    assert stopped.files[0].stat().st_size > 0


async def test_an_empty_file_that_cannot_be_removed_hides_no_cause(room, monkeypatch):
    """Why the start failed is told even where its empty file stays."""

    def fail(_reservation):
        raise FileError("the disk is gone")

    monkeypatch.setattr("tallyd.drivers.ffmpeg.session.discard", fail)
    with pytest.raises(TryAgainError, match="exit status 0"):
        await room.recorder(binary="/bin/true").start(room.order())


async def test_a_process_that_does_not_end_is_an_error_until_it_does(room, monkeypatch):
    """A stop that is not confirmed says so, and the session stays until a later stop is."""
    recorder = room.recorder()
    started = await recorder.start(room.order())
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda *_: None)
    graces(recorder, "t1", (signal.SIGINT, 0.01))
    with pytest.raises(TryAgainError, match="does not end") as caught:
        await recorder.stop("t1")
    assert caught.value.reason == "device_timeout"
    assert len(await recorder.observe()) == 1
    os.kill(pid_of(started), signal.SIGKILL)
    assert (await recorder.stop("t1")).state is SessionState.ENDED
    assert await recorder.observe() == ()


async def test_more_capacity_than_inputs_is_refused(room):
    """A room of two needs two inputs, and the sentence says so."""
    with pytest.raises(GiveUpError, match="capacity of 2 needs as many `inputs`"):
        room.recorder(capacity=2, source="rtsp://127.0.0.1/1")


async def test_a_missing_ffmpeg_names_its_cure(room, monkeypatch: pytest.MonkeyPatch):
    """Where there is no ffmpeg the error says what to install."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    with pytest.raises(GiveUpError, match=r"pip install 'tallyd\[ffmpeg\]'"):
        room.recorder()
    with pytest.raises(GiveUpError, match="no program /nowhere/ffmpeg"):
        room.recorder(binary="/nowhere/ffmpeg")
