"""The daemon as users run it, with real ffmpegs: what was booked is recorded, whatever breaks."""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

import anyio

from tallyd.domain.model import EndReason, Outcome, Reason

SIMULATED = 'driver = "simulated"'
CAMERA = 'driver = "ffmpeg"\noptions = { source = "test", size = "320x180", stall_timeout_s = 2 }'


async def test_rooms_record_what_was_booked_beforehand_and_meanwhile(house, media):
    """Bookings made before the daemon and beside it are recorded, at their length."""
    house.configure(aula=CAMERA, lab=CAMERA, rehearsal=SIMULATED)
    before = await house.book("aula", 3, in_s=3, name="Before")
    daemon = await house.start()
    beside = await house.book("lab", 3, in_s=0.5, name="Beside")
    rehearsal = await house.book("rehearsal", 2, in_s=0.5)
    for schedule in (before, beside):
        run = await house.finished(schedule)
        assert (run.outcome, run.reason) == (Outcome.RECORDED, None), run.sentence
        (part,) = run.parts
        assert abs(await media.whole_length_s(part.files[0]) - 3) <= 0.42
        assert part.bytes == (await anyio.Path(part.files[0]).stat()).st_size
        said = daemon.said("run.started", run_id=run.id)
        assert [line["part"] for line in said] == [1]
    assert (await house.finished(rehearsal)).outcome is Outcome.RECORDED
    assert await daemon.end() == 0


async def test_a_booking_of_another_process_starts_at_once(house):
    """`tallyd schedule add --start now` needs no signal and no waiting: the daemon sees it."""
    house.configure(aula=SIMULATED)
    daemon = await house.start()
    booking = {"--target": "rooms.aula", "--name": "Now", "--start": "now", "--duration": "2s"}
    words = ("schedule", "add", *(word for option in booking.items() for word in option))
    await anyio.run_process([sys.executable, "-m", "tallyd", "--config", str(house.config), *words])
    started = await daemon.heard("run.started", target="rooms.aula")
    assert started["name"] == "Now"
    assert 0 <= started["late_ms"] < 1_000


async def test_a_room_is_said_to_record_only_while_data_flows(house):
    """Neither the picture nor the ledger says that a room records before its device does."""
    slow = 'driver = "simulated"\noptions = { start_ms = 700, stop_ms = 700, overlap = false }'
    house.configure(slow=slow, dead='driver = "simulated"\noptions = { hang_start = true }')
    daemon = await house.start()
    slowly, never = await house.book("slow", 3), await house.book("dead", 3)
    await daemon.heard("run.starting", target="rooms.slow")
    assert (await house.shows("slow", "starting"))["name"] == "Lecture"
    assert not daemon.said("run.started")
    assert not (await house.run_of(slowly)).confirmed
    await house.shows("slow", "recording")
    assert daemon.said("run.started", target="rooms.slow")
    await house.shows("slow", "stopping")
    await house.shows("slow", "idle")
    assert house.picture("dead")["status"] in {"starting", "idle"}
    assert not daemon.said("run.started", target="rooms.dead")
    run = await house.finished(never)
    assert (run.outcome, run.confirmed) == (Outcome.FAILED, False), run.sentence


async def test_an_ffmpeg_that_is_killed_is_replaced_within_two_seconds(house, media):
    """A recorder that dies costs two seconds at most; both parts play, and the gap is explained."""
    house.configure(aula=CAMERA)
    daemon = await house.start()
    schedule = await house.book("aula", 7)
    await daemon.heard("run.started", part=1)
    await anyio.sleep(1.5)
    (recorder,) = house.recorders()
    os.kill(recorder, signal.SIGKILL)
    await daemon.heard("run.started", part=2)
    run = await house.finished(schedule)
    first, second = run.parts
    assert (first.end, second.end) == (EndReason.DIED, EndReason.PLANNED)
    assert second.first_data_at - first.last_data_at <= timedelta(seconds=2)
    assert [Path(part.files[0]).stem.partition("Lecture")[2] for part in run.parts] == [
        "",
        "-part2",
    ]
    for part in run.parts:
        recorded = (part.last_data_at - part.first_data_at).total_seconds()
        assert abs(await media.whole_length_s(part.files[0]) - recorded) <= 0.6
    assert run.outcome in {Outcome.RECORDED, Outcome.PARTIAL}
    assert run.reason in {None, Reason.DEVICE_ENDED}
    assert house.recorders() == []


async def test_an_ffmpeg_that_hangs_is_noticed_and_replaced(house, media):
    """A recorder that stands still is said to be silent, ended for sure, and another takes over."""
    house.configure(aula=CAMERA)
    daemon = await house.start()
    schedule = await house.book("aula", 16)
    await daemon.heard("run.started", part=1)
    await anyio.sleep(1)
    (recorder,) = house.recorders()
    os.kill(recorder, signal.SIGSTOP)
    ended = await daemon.heard("run.part_ended", part=1)
    assert ended["end"] == "stalled"
    await daemon.heard("run.started", part=2)
    assert recorder not in house.recorders()
    run = await house.finished(schedule)
    assert (run.outcome, run.reason) == (Outcome.PARTIAL, Reason.STALLED), run.sentence
    assert await media.whole_length_s(run.parts[1].files[0]) > 2


async def test_a_room_with_a_broken_driver_costs_itself_only(house, tmp_path):
    """A driver that fails to load, is unknown or has wrong options leaves all other rooms alone."""
    package = tmp_path / "packages"
    (package / "broken-1.dist-info").mkdir(parents=True)
    (package / "broken-1.dist-info" / "METADATA").write_text("Name: broken\nVersion: 1\n")
    (package / "broken-1.dist-info" / "entry_points.txt").write_text(
        "[tallyd.recorders]\nbroken = broken_driver:Broken\n"
    )
    (package / "broken_driver.py").write_text('raise RuntimeError("not today")\n')
    house.configure(
        raises='driver = "broken"',
        unknown='driver = "no-such-driver"',
        wrong='driver = "ffmpeg"\noptions = { source = "nonsense" }',
        well=SIMULATED,
    )
    daemon = await house.start(PYTHONPATH=str(package))
    broken = ["raises", "unknown", "wrong"]
    schedules = [await house.book(room, 1) for room in broken]
    well = await house.finished(await house.book("well", 1))
    assert well.outcome is Outcome.RECORDED
    failed = {line["target"]: line for line in daemon.said("driver.failed")}
    assert sorted(failed) == [f"rooms.{room}" for room in broken]
    assert "not today" in failed["rooms.raises"]["error"]
    for schedule, room in zip(schedules, broken, strict=True):
        picture = house.picture(room)
        assert (picture["usable"], bool(picture["problem"])) == (False, True)
        run = await house.finished(schedule)
        assert (run.outcome, run.reason) == (Outcome.MISSED, Reason.DRIVER_UNAVAILABLE)
