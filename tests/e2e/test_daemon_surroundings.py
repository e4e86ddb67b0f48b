"""The daemon among others: a second one, a strange database, whoever reads its log or picture."""

import fcntl
import hashlib
import json
import os
import signal
import sqlite3
from contextlib import closing
from shutil import rmtree

import pytest

from tallyd.domain.model import Outcome

SIMULATED = 'driver = "simulated"'
CAMERA = 'driver = "ffmpeg"\noptions = { source = "test", size = "320x180" }'


async def test_a_second_daemon_is_refused_and_the_first_goes_on(house):
    """Two daemons never drive the same rooms: the second says so and ends."""
    house.configure(aula=SIMULATED)
    first = await house.start()
    schedule = await house.book("aula", 2)
    await first.heard("run.started")
    second = house.launch()
    assert await second.ended() == 1
    assert "another tallyd (process " in second.stderr
    assert str(house.state) in second.stderr
    assert "Traceback" not in second.stderr
    assert second.lines == []
    assert (await house.finished(schedule)).outcome is Outcome.RECORDED
    assert (await house.book("aula", 1)).id > schedule.id
    await first.heard("run.started", schedule_id=schedule.id + 1)
    assert await first.end() == 0


async def test_a_database_of_a_newer_tallyd_is_left_as_it_is(house):
    """After a downgrade the daemon says what it found, and has not changed a byte."""
    house.configure(aula=SIMULATED)
    assert await (await house.start()).end() == 0
    with closing(sqlite3.connect(house.database, isolation_level=None)) as database:
        database.execute("UPDATE meta SET compat_version = 9000")
        database.execute("PRAGMA user_version = 9000")
        database.execute("PRAGMA journal_mode = DELETE")
    before = hashlib.sha256(house.database.read_bytes()).hexdigest()
    files = sorted(path.name for path in house.state.iterdir())
    daemon = house.launch()
    assert await daemon.ended() == 78
    assert "newer tallyd" in daemon.stderr
    assert "Traceback" not in daemon.stderr
    assert hashlib.sha256(house.database.read_bytes()).hexdigest() == before
    assert sorted(path.name for path in house.state.iterdir()) == files


async def test_a_lost_database_is_not_taken_for_a_new_installation(house):
    """Where the database vanished with its backups the daemon refuses: it would forget it all."""
    house.configure(aula=SIMULATED)
    assert await (await house.start()).end() == 0
    for file in house.state.glob("tallyd.db*"):
        file.unlink()
    rmtree(house.state / "backups")
    daemon = house.launch()
    assert await daemon.ended() == 78
    assert "is gone" in daemon.stderr
    assert "Traceback" not in daemon.stderr
    assert not house.database.exists()


async def test_a_log_that_nobody_reads_stops_no_recording(house, media, eventually):
    """A reader of the log that stands still costs log lines, never a recording or the end."""
    house.configure(aula=CAMERA, **{f"r{number}": SIMULATED for number in range(20)})
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    daemon = house.launch(stdout=writing)
    os.close(writing)
    await eventually(house.snapshot.exists)
    for number in range(20):
        await house.book(f"r{number}", 1)
    schedule = await house.book("aula", 3)
    run = await house.finished(schedule)
    assert run.outcome is Outcome.RECORDED, run.sentence
    assert abs(await media.whole_length_s(run.parts[0].files[0]) - 3) <= 0.42
    assert await daemon.end() == 0
    log = os.read(reading, 2**16)
    os.close(reading)
    assert b"daemon.started" in log
    assert b"daemon.stopped" not in log, "the pipe was never full: nothing was tested"


async def test_the_published_picture_is_whole_at_any_moment(house):
    """Whoever reads the picture, however often, reads one JSON object from end to end."""
    house.configure(**{f"r{number}": SIMULATED for number in range(20)})
    daemon = await house.start()
    seen: set[str] = set()
    for number in range(60):
        await house.book(f"r{number % 20}", 0.1)
        for _ in range(50):
            whole = json.loads(house.snapshot.read_text(encoding="utf-8"))
            assert len(whole["targets"]) == 20
            seen.add(whole["heartbeat_at"])
    assert len(seen) > 2, "the picture never changed: nothing was tested"
    assert whole["pid"] == daemon.pid
    assert await daemon.end() == 0
    assert [path.name for path in house.snapshot.parent.iterdir()] == ["state.json"]
    last = json.loads(house.snapshot.read_text(encoding="utf-8"))
    assert last["ready"] is False


async def test_a_daemon_that_cannot_write_its_directory_says_so(house):
    """A directory that is no directory is an error of one sentence, not a traceback."""
    house.configure(aula=SIMULATED)
    house.state.write_text("in the way")
    daemon = house.launch()
    assert await daemon.ended() == 1
    assert str(house.state) in daemon.stderr
    assert "Traceback" not in daemon.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_asked_to_end_twice_it_ends_once(house, number):
    """An impatient operator who repeats the signal does not cut the orderly end short."""
    house.configure(aula='driver = "simulated"\noptions = { stop_ms = 600 }')
    daemon = await house.start()
    schedule = await house.book("aula", 30)
    await daemon.heard("run.started")
    os.kill(daemon.pid, number)
    await daemon.heard("daemon.stopping")
    assert await daemon.end(number) == 0
    assert daemon.said("run.part_ended", end="daemon_stopped")
    assert len(daemon.said("daemon.stopping")) == 1
    assert (await house.run_of(schedule)).parts[0].stopped_at is not None
