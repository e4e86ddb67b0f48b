"""Processes that outlive whoever started them, their inputs, and what is heard of them."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from tallyd.drivers.ending import ProcessError
from tallyd.drivers.outliving import Identity, adopt, find, holds_one_of, launch
from tallyd.drivers.overheard import Overheard, make_output
from tallyd.drivers.places import PlaceTakenError, file_id, hold

LEAVES_ONE = """
import sys
from pathlib import Path
from tallyd.drivers.outliving import launch
from tallyd.drivers.places import hold

with hold(Path(sys.argv[1]), 0, 1) as fd:
    launch(("python3", "-c", "import time; print('working', flush=True); time.sleep(60)",
            sys.argv[2]), sys.argv[2], fd)
"""


@pytest.fixture
def mark(tmp_path):
    """Give a mark that no other process has, and end what has it afterwards."""
    mark = f"mark {tmp_path.name} {os.getpid()}"
    yield mark
    for identity, _ in find(mark):
        os.kill(identity.pid, signal.SIGKILL)


def leave_one(directory: Path, mark: str) -> Identity:
    """Have another process start one, and end itself."""
    subprocess.run((sys.executable, "-c", LEAVES_ONE, directory, mark), check=True)
    ((identity, _words),) = find(mark)
    return identity


def held(directory, number, places):
    """Hold an input for a moment."""
    with hold(directory, number, places):
        pass


def started(directory, mark, script):
    """Start a process of our own."""
    with hold(directory, 0, 1) as fd:
        return launch(("sh", "-c", script, mark), mark, fd)


def left_over(directory, mark):
    """Have another process start one and end itself, and take over what it left."""
    identity = leave_one(directory, mark)
    return identity, adopt(identity)


async def test_a_process_is_found_again_when_its_parent_is_gone(tmp_path, mark, tasks):
    """A successor finds it by its mark, hears what it says, and ends it."""
    identity, process = await to_thread.run_sync(left_over, tmp_path, mark)
    tasks.start_soon(process.tend)
    assert process.reference == f"{identity.pid}@{identity.started_ticks}"
    with anyio.fail_after(5):
        while "working" not in process.output.lines():  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(0.01)
    assert not process.over
    await process.end()
    assert process.over
    assert process.returncode is None
    assert await to_thread.run_sync(lambda: list(find(mark))) == []


async def test_an_input_is_held_for_as_long_as_its_process_lives(tmp_path, mark, tasks):
    """Whoever died when, no second process can be started on an input while one lives."""
    _, process = await to_thread.run_sync(left_over, tmp_path, mark)
    tasks.start_soon(process.tend)
    with pytest.raises(PlaceTakenError, match="input 0 is held"):
        await to_thread.run_sync(held, tmp_path, 0, 1)
    await to_thread.run_sync(held, tmp_path, 0, 2)
    await to_thread.run_sync(held, tmp_path, 1, 1)
    await process.kill()
    await to_thread.run_sync(held, tmp_path, 0, 1)


async def test_the_exit_status_of_an_own_process_is_known(tmp_path, mark, tasks):
    """What it died of is told by whoever started it."""
    process = await to_thread.run_sync(started, tmp_path, mark, "echo last words >&2; exit 3")
    tasks.start_soon(process.tend)
    await process.wait()
    assert process.returncode == 3
    assert process.complaints.lines() == ["last words"]
    process.forget()


async def test_an_end_by_a_signal_is_told_as_such(tmp_path, mark, tasks):
    """As `subprocess` tells it: the negative number."""
    process = await to_thread.run_sync(started, tmp_path, mark, "sleep 60; exit 1")
    tasks.start_soon(process.tend)
    await process.kill()
    assert process.returncode == -signal.SIGKILL


def test_what_cannot_be_run_is_an_error(tmp_path):
    """A missing program is told as a sentence."""
    with hold(tmp_path, 0, 1) as fd, pytest.raises(ProcessError, match="cannot be run"):
        launch((str(tmp_path / "nothing"),), "mark", fd)


def test_a_number_that_changed_hands_is_not_taken_over(tmp_path, mark):
    """The same pid with another start, or without the mark, is another process."""
    identity = leave_one(tmp_path, mark)
    assert adopt(Identity(identity.pid, identity.started_ticks + 1, mark)) is None
    assert adopt(Identity(identity.pid, identity.started_ticks, "other mark")) is None
    assert adopt(Identity(2**22 + 1, 1, mark)) is None


def test_what_is_written_is_heard_line_by_line_and_forgotten():
    """A recorder that reports for weeks costs no memory, read or not."""
    fd = make_output("test")
    heard = Overheard(fd)
    os.write(fd, b"one\ntw")
    assert heard.lines() == ["one"]
    os.write(fd, b"o\n")
    assert heard.lines() == ["two"]
    for _ in range(100):
        os.write(fd, b"x" * 4_000 + b"\n")
        assert len(heard.lines()) == 1
    assert os.fstat(fd).st_blocks * 512 <= 3 * 65_536
    assert abs(heard.written_at - datetime.now(UTC)) < timedelta(seconds=1)
    heard.close()


def test_a_successor_hears_the_last_lines_only():
    """Of hours of reports the last few say how it stands."""
    fd = make_output("test")
    os.write(fd, b"".join(b"line %d\n" % n for n in range(10_000)))
    heard = Overheard.of(os.getpid(), fd)
    heard.skip()
    lines = heard.lines()
    assert lines[-1] == "line 9999"
    assert len(lines) < 1_000
    os.close(fd)
    heard.close()


BUSY = """
import os, sys
print(flush=True)
while True:
    for number in [os.dup(0) for _ in range(50)]:
        os.close(number)
"""


def test_a_process_that_opens_and_closes_files_is_seen_to_hold_its_own(tmp_path: Path) -> None:
    """Who is asked what it holds may close something at that moment: that changes nothing."""
    lock = tmp_path / "lock"
    lock.touch()
    command = [sys.executable, "-c", BUSY]
    with (
        lock.open() as given,
        subprocess.Popen(command, stdout=subprocess.PIPE, pass_fds=(given.fileno(),)) as busy,
    ):
        try:
            assert busy.stdout is not None
            busy.stdout.readline()
            files = {file_id(lock)}
            assert all(holds_one_of(busy.pid, files) for _ in range(500))
        finally:
            busy.kill()
    assert not holds_one_of(busy.pid, files)
