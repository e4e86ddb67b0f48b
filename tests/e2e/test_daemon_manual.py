"""Recordings by hand under the daemon as users run it, with real ffmpegs, across a restart."""

import json
import signal
import sys

import anyio
import pytest

SIMULATED = 'driver = "simulated"'
CAMERA = 'driver = "ffmpeg"\noptions = { source = "test", size = "320x180" }'
WRONG = 'driver = "ffmpeg"\noptions = { source = "nonsense" }'


async def tallyd(house, *words):
    """Run a command; gives its exit code, what it said as JSON, and its complaints."""
    command = [sys.executable, "-m", "tallyd", "--config", str(house.config), *words, "--json"]
    done = await anyio.run_process(command, check=False)
    said = json.loads(done.stdout) if done.returncode == 0 else None
    return done.returncode, said, done.stderr.decode()


async def run_when(house, number, is_so):
    """Wait until a run is so, and give it as the command line shows it."""
    with anyio.fail_after(20):
        while True:
            _, rows, _ = await tallyd(house, "runs")
            (run,) = (row for row in rows if row["id"] == number)
            if is_so(run):
                return run
            await anyio.sleep(0.1)


async def test_a_recording_by_hand_goes_through_a_restart(house, media):
    """Started, paused, resumed, taken over by the next daemon, stopped: two files that play."""
    house.on_stop = "leave"
    house.configure(aula=CAMERA)
    daemon = await house.start()
    code, run, _ = await tallyd(house, "runs", "start", "rooms.aula", "--name", "Exam")
    assert code == 0
    started = await daemon.heard("run.started", run_id=run["id"])
    assert (started["schedule_id"], started["name"]) == (None, "Exam")
    number = str(run["id"])
    code, _, complaint = await tallyd(house, "runs", "start", "rooms.aula")
    assert (code, f'run {number} "Exam"' in complaint) == (4, True)

    await tallyd(house, "runs", "pause", number)
    ended = await daemon.heard("run.part_ended", run_id=run["id"])
    assert ended["end"] == "paused"
    assert (await house.shows("aula", "paused"))["run_id"] == run["id"]
    await tallyd(house, "runs", "resume", number)
    await daemon.heard("run.started", part=2)

    await daemon.end(signal.SIGTERM)
    (recorder,) = house.recorders()
    daemon = await house.start()
    await daemon.heard("run.adopted", run_id=run["id"])
    assert house.recorders() == [recorder]
    shown = await house.shows("aula", "recording")
    assert (shown["run_id"], shown["schedule_id"], shown["name"]) == (run["id"], None, "Exam")

    await tallyd(house, "runs", "stop", number)
    final = await run_when(house, run["id"], lambda row: row["outcome"])
    assert (final["schedule_id"], final["slot"]) == (None, None)
    assert [part["end"] for part in final["parts"]] == ["paused", "planned"]
    assert house.recorders() == []
    for part in final["parts"]:
        (file,) = part["files"]
        assert await media.whole_length_s(file) > 0
        assert await media.damage(file) == ""


async def test_a_room_whose_driver_cannot_be_used_is_refused_at_once(house):
    """Nobody waits for hours for a recording that cannot be; the daemon's reason is given."""
    house.configure(aula=WRONG, lab=SIMULATED)
    daemon = await house.start()
    assert daemon.said("driver.failed", target="rooms.aula")
    code, _, complaint = await tallyd(house, "runs", "start", "rooms.aula")
    assert (code, "rooms.aula cannot record" in complaint) == (4, True)
    code, run, _ = await tallyd(house, "runs", "start", "rooms.lab", "--for", "1s")
    assert code == 0
    final = await run_when(house, run["id"], lambda row: row["outcome"])
    assert (final["outcome"], final["reason"]) == ("recorded", None)
    assert final["late_ms"] == pytest.approx(0, abs=500)
