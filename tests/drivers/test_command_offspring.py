"""Programs that start programs: a part of the session ends with it, what is the device stays."""

import os
import signal
from pathlib import Path

import anyio
import pytest

from command_rig import (
    Rig,
    Switch,
    eventually,
    open_descriptors,
    processes_with,
    python,
    zombies,
)
from tallyd.drivers.ending import ProcessError
from tallyd.drivers.process import Manner, Offspring, spawn_child
from tallyd.ports.drivers import SessionState, TryAgainError

SLOW_TO_END = """
import signal, sys, time
def end(number, frame):
    time.sleep(0.3)
    print("whole", flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("data", flush=True)
while True: time.sleep(60)
"""


@pytest.fixture
def rig(tmp_path: Path, tasks) -> Rig:
    """Give a room whose recordings lie in the test's own directory."""
    return Rig(tmp_path, tasks.start_soon)


async def test_a_wrapped_program_is_asked_to_end_and_waited_for(rig: Rig):
    """A script that dies at once of its signal leaves its program the time to finish the file."""
    inner = python(SLOW_TO_END)
    script = '"$1" "$2" "$3" "$4" > "$0"; true'
    recorder = rig.recorder(run=["sh", "-c", script, "{file}", *inner])
    descriptors = []
    for token in ("t1", "t2", "t3"):
        await recorder.start(rig.order(token))
        stopped = await recorder.stop(token)
        assert stopped.files[0].read_text() == "data\nwhole\n"
        assert stopped.detail is None
        descriptors.append(open_descriptors())
    assert descriptors[2] <= descriptors[0]


async def test_a_program_in_the_background_does_not_outlive_its_session(rig: Rig):
    """A leader that ends has ended the session, and what it left behind is ended too."""
    recorder = rig.recorder(run=["sh", "-c", "sleep 66.5 & sleep 0.3"], alive_after_s=0.1)
    await recorder.start(rig.order())
    await eventually(lambda: recorder._parts.of("t1").over)
    (shown,) = await recorder.observe()
    assert shown.state is SessionState.ENDED
    assert processes_with("66.5") == []
    await recorder.stop("t1")
    with pytest.raises(TryAgainError, match="ended by itself"):
        await rig.recorder(run=["sh", "-c", "sleep 66.5 &"]).start(rig.order("t2"))
    assert processes_with("66.5") == []


async def test_offspring_that_is_deaf_and_holds_the_pipes_is_killed(rig: Rig):
    """A grandchild that ignores signals and keeps the outputs open delays the end by its grace."""
    deaf = "trap '' TERM; sleep 67.5; sleep 67.5"
    recorder = rig.recorder(
        run=["sh", "-c", f'sh -c "{deaf}" & sleep 67.5'], alive_after_s=0.2, stop_grace_s=0.3
    )
    await recorder.start(rig.order())
    with anyio.fail_after(5):
        await recorder.stop("t1")
    assert processes_with("67.5") == []
    assert zombies() == []


async def test_what_a_start_command_leaves_behind_is_the_device(rig: Rig, tmp_path: Path):
    """A recorder that the start command puts into the background lives until the stop command."""
    switch = Switch(tmp_path / "device")
    switch.when("start", "sleep 68.5 > /dev/null 2>&1 & echo $! > pid; touch on")
    switch.when("stop", 'kill "$(cat pid)"; rm on')
    recorder = rig.recorder(**switch.options)
    await recorder.start(rig.order())
    await anyio.sleep(0.2)
    assert len(processes_with("68.5")) == 1
    await recorder.stop("t1")
    assert await eventually(lambda: not processes_with("68.5"))


async def test_a_zombie_in_the_group_is_not_waited_for(tasks):
    """A grandchild that has ended and was never collected by its parent is no longer there."""
    code = """
import os, signal, subprocess, sys, time
if os.fork() == 0:
    if os.fork() == 0:
        os._exit(0)
    print(os.getpid(), flush=True)
    os.setpgid(0, 0)
    time.sleep(60)
time.sleep(0.3)
"""
    lines: list[str] = []
    child = await spawn_child(
        python(code),
        on_line=lines.append,
        spawn=tasks.start_soon,
        manner=Manner(offspring=Offspring.INCLUDED),
    )
    with anyio.fail_after(20):
        assert await child.wait() == 0
    os.kill(int(lines[0]), signal.SIGKILL)


async def test_offspring_that_outlives_everything_is_an_error(tasks, monkeypatch):
    """Where the group cannot be ended that is said, and known once it has ended after all."""
    manner = Manner(
        escalation=((signal.SIGTERM, 0.05), (signal.SIGKILL, 0.05)), offspring=Offspring.INCLUDED
    )
    child = await spawn_child(
        ["sh", "-c", "sleep 69.5 & wait"], on_line=print, spawn=tasks.start_soon, manner=manner
    )
    await eventually(lambda: len(processes_with("69.5")) == 2)
    monkeypatch.setattr(os, "killpg", lambda *_: None)
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(ProcessError, match="does not end, although it was killed"):
        await child.end()
    assert child.returncode is None
    (left,) = processes_with("69.5")
    os.kill(left, signal.SIGKILL)
    assert await child.wait() == -signal.SIGKILL
