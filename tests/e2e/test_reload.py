"""A new configuration for a running daemon: taken as a whole or refused as a whole."""

import json
import sys
from subprocess import CompletedProcess

import anyio

from tallyd.domain.model import Outcome, Reason

SIMULATED = 'driver = "simulated"'
SLOW = 'driver = "simulated"\noptions = { start_ms = 700 }'


async def reload(house) -> CompletedProcess[bytes]:
    """Ask for a reload as the service manager does, and wait for the answer."""
    argv = (sys.executable, "-m", "tallyd", "--config", str(house.config), "reload", "--wait")
    return await anyio.run_process(argv, check=False)


async def test_a_new_room_records_after_a_reload(house):
    """What was configured while the daemon ran is recorded, without a restart."""
    house.configure(aula=SIMULATED)
    daemon = await house.start()
    house.configure(aula=SIMULATED, lab=SIMULATED)
    done = await reload(house)
    assert (done.returncode, done.stdout) == (0, b"reloaded\n")
    schedule = await house.book("lab", 1)
    assert (await house.finished(schedule)).outcome is Outcome.RECORDED
    assert daemon.said("config.reloaded")[0]["targets"] == ["rooms.lab"]
    assert await daemon.end() == 0


async def test_a_room_that_records_keeps_its_driver_until_it_has_ended(house):
    """Other options come into force with the next recording; the running one is not touched."""
    house.configure(aula=SIMULATED)
    daemon = await house.start()
    running = await house.book("aula", 3)
    await daemon.heard("run.started")
    house.configure(aula=SLOW)
    assert (await reload(house)).returncode == 0
    after = await house.book("aula", 2, in_s=4)
    run = await house.finished(running)
    assert (run.outcome, len(run.parts)) == (Outcome.RECORDED, 1)
    assert (await house.finished(after)).parts[0].lead.total_seconds() == 0.7
    assert await daemon.end() == 0


async def test_what_is_wrong_is_refused_as_a_whole(house):
    """A file with a mistake fails loudly, changes nothing and touches no recording."""
    house.configure(aula=SIMULATED)
    daemon = await house.start()
    running = await house.book("aula", 3)
    await daemon.heard("run.started")
    for wrong, word in (
        ({"aula": SIMULATED, "lab": 'driver = "simulatd"'}, b"simulatd"),
        ({"aula": 'driver = "simulated"\ncapacity = "two"'}, b"capacity"),
        ({"aula": 'driver = "simulated"\ncapacity = 2\noptions = { inputs = 1 }'}, b"inputs"),
    ):
        house.configure(**wrong)
        done = await reload(house)
        assert done.returncode == 78
        assert word in done.stderr
        assert b"Traceback" not in done.stderr
    text = house.config.read_text().replace('state_dir = "state"', 'state_dir = "state"\nX = 1')
    house.config.write_text(text)
    assert (await reload(house)).returncode == 78
    house.configure(aula=SIMULATED)
    assert (await house.finished(running)).outcome is Outcome.RECORDED
    assert set(json.loads(house.snapshot.read_text())["targets"]) == {"rooms.aula"}
    assert daemon.said("config.refused")
    assert await daemon.end() == 0


async def test_a_room_taken_away_is_blocked_and_comes_back(house):
    """Its schedules stay; while it is gone they are blocked, with the reason."""
    house.configure(aula=SIMULATED, lab=SIMULATED)
    daemon = await house.start()
    house.configure(lab=SIMULATED)
    schedule = await house.book("aula", 2, in_s=2)
    assert (await reload(house)).returncode == 0
    run = await house.finished(schedule)
    assert (run.outcome, run.reason) == (Outcome.BLOCKED, Reason.TARGET_UNKNOWN)
    house.configure(aula=SIMULATED, lab=SIMULATED)
    assert (await reload(house)).returncode == 0
    assert (await house.finished(await house.book("aula", 1))).outcome is Outcome.RECORDED
    assert await daemon.end() == 0


async def test_a_room_is_renamed_by_its_id(house):
    """The same id under a new key: what was booked is recorded there."""
    house.configure(aula=f"{SIMULATED}\nid = 7")
    daemon = await house.start()
    schedule = await house.book("aula", 2, in_s=3)
    house.configure(hall=f"{SIMULATED}\nid = 7")
    assert (await reload(house)).returncode == 0
    await daemon.heard("run.finished", target="rooms.hall")
    runs = await anyio.run_process(
        [sys.executable, "-m", "tallyd", "--config", str(house.config), "runs", "--json"]
    )
    (run,) = json.loads(runs.stdout)
    assert (run["schedule_id"], run["target"], run["outcome"]) == (
        schedule.id,
        "rooms.hall",
        "recorded",
    )
    assert await daemon.end() == 0


async def test_without_a_daemon_there_is_nobody_to_ask(house):
    """Exit 5, in words."""
    house.configure(aula=SIMULATED)
    done = await reload(house)
    assert done.returncode == 5
    assert b"no daemon runs" in done.stderr
