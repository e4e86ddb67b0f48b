"""Child processes: always read, never signalled more than three times, never left behind."""

# ruff: noqa: ASYNC110 - processes and devices are asked; they set no event

import fcntl
import os
import signal
import sys
from pathlib import Path

import anyio
import pytest

from tallyd.drivers.ending import ProcessError
from tallyd.drivers.process import Child, child_environment, spawn_child

PYTHON = sys.executable
DEAF = """
import signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda n, f: print("got", n, flush=True))
print("ready", flush=True)
while True: time.sleep(60)
"""


class Lines(list[str]):
    """What a child said, and a way to wait for it."""

    async def until(self, line: str) -> None:
        """Wait until the child has said that."""
        with anyio.fail_after(20):
            while line not in self:
                await anyio.sleep(0.005)


def open_descriptors() -> int:
    """Count what this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def kernel_line(pid: int | str) -> str | None:
    """Give what the kernel says of a process; None where there is none."""
    path = Path(f"/proc/{pid}/stat")
    return path.read_text() if path.exists() else None


@pytest.fixture
def short_graces(monkeypatch: pytest.MonkeyPatch):
    """Make the escalation quick."""
    graces = ((signal.SIGINT, 0.1), (signal.SIGTERM, 0.1), (signal.SIGKILL, 2.0))
    monkeypatch.setattr("tallyd.drivers.process.ESCALATION", graces)


async def test_a_child_says_its_last_words_and_its_status(tasks):
    """Both outputs are read to the end, the last line without a newline too."""
    lines = Lines()
    code = "import sys; print('one'); sys.stdout.write('two'); sys.exit('went wrong')"
    child = await spawn_child([PYTHON, "-c", code], on_line=lines.append, spawn=tasks.start_soon)
    assert await child.wait() == 1
    assert (lines, list(child.tail), child.returncode) == (["one", "two"], ["went wrong"], 1)
    assert await child.end() == 1


async def test_what_nobody_can_run_is_an_error(tasks, tmp_path: Path):
    """A missing program, and one that is no program, are named with the cause."""
    (tmp_path / "text").write_text("no program")
    for path, cause in ((tmp_path / "missing", "No such file"), (tmp_path / "text", "Permission")):
        with pytest.raises(ProcessError, match=f"{path} cannot be run: {cause}"):
            await spawn_child([str(path)], on_line=print, spawn=tasks.start_soon)


async def test_outputs_never_fill_up(tasks, monkeypatch: pytest.MonkeyPatch):
    """A child that writes far more than its pipes hold goes on; only its last lines are kept."""
    monkeypatch.setattr("tallyd.drivers.process._READ_BYTES", 4096)
    lines = Lines()
    code = "import sys\nfor n in range(20000): print('out', n); print('err', n, file=sys.stderr)"
    child = await spawn_child([PYTHON, "-c", code], on_line=lines.append, spawn=tasks.start_soon)
    for pipe in (child._popen.stdout, child._popen.stderr):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, 4096)
    with anyio.fail_after(20):
        assert await child.wait() == 0
    assert len(lines) == 20_000
    assert list(child.tail) == [f"err {n}" for n in range(19_980, 20_000)]


async def test_a_line_without_end_costs_no_memory(tasks):
    """Output without a newline is cut, and what follows is read all the same."""
    lines = Lines()
    code = "import sys; sys.stdout.write('x' * 5_000_000); print(); print('after')"
    child = await spawn_child([PYTHON, "-c", code], on_line=lines.append, spawn=tasks.start_soon)
    await child.wait()
    assert [len(line) for line in lines] == [4096, 5]


@pytest.mark.usefixtures("short_graces")
async def test_the_end_is_gentle_first_and_never_more_than_three_signals(
    tasks, monkeypatch: pytest.MonkeyPatch
):
    """SIGINT, SIGTERM and SIGKILL go out once each, however often the end is asked for."""
    sent = []
    send = signal.pidfd_send_signal
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda fd, n: (sent.append(n), send(fd, n)))
    lines = Lines()
    child = await spawn_child([PYTHON, "-c", DEAF], on_line=lines.append, spawn=tasks.start_soon)
    await lines.until("ready")
    with anyio.move_on_after(0.05):
        await child.end()
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(child.end)
    assert await child.kill() == -signal.SIGKILL
    assert sent == [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
    assert lines == ["ready", "got 2", "got 15"]


async def test_kill_sends_one_signal(tasks):
    """A kill does not ask first."""
    lines = Lines()
    child = await spawn_child([PYTHON, "-c", DEAF], on_line=lines.append, spawn=tasks.start_soon)
    await lines.until("ready")
    assert await child.kill() == -signal.SIGKILL
    assert lines == ["ready"]


async def test_a_process_that_outlives_its_death_is_an_error(
    tasks, monkeypatch: pytest.MonkeyPatch
):
    """What does not even die of SIGKILL is reported, not waited for."""
    lines = Lines()
    child = await spawn_child([PYTHON, "-c", DEAF], on_line=lines.append, spawn=tasks.start_soon)
    await lines.until("ready")
    graces = [(number, 0.05) for number, _ in child._ending.left]
    monkeypatch.setattr(child._ending, "left", graces)
    monkeypatch.setattr(signal, "pidfd_send_signal", lambda *_: None)
    with pytest.raises(ProcessError, match="does not end, although it was killed"):
        await child.end()
    monkeypatch.undo()
    os.kill(child.pid, signal.SIGKILL)
    assert await child.wait() == -signal.SIGKILL


async def test_what_is_killed_while_all_is_cancelled_is_reaped():
    """A question that is cut short together with its reader leaves no zombie."""
    asked: list[Child] = []

    async def ask(spawn) -> None:
        child = await spawn_child([PYTHON, "-c", DEAF], on_line=lambda _: None, spawn=spawn)
        asked.append(child)
        try:
            await child.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await child.kill()

    for number in range(20):
        async with anyio.create_task_group() as group:
            group.start_soon(ask, group.start_soon)
            while len(asked) == number:
                await anyio.sleep(0.001)
            group.cancel_scope.cancel()
    assert {child.returncode for child in asked} == {-signal.SIGKILL}


async def test_a_grandchild_that_holds_the_pipes_delays_nothing(tasks):
    """The end of the child is the end, even if what it left behind keeps its outputs open."""
    lines = Lines()
    code = "import subprocess; print(subprocess.Popen(['sleep', '30']).pid, flush=True)"
    child = await spawn_child([PYTHON, "-c", code], on_line=lines.append, spawn=tasks.start_soon)
    with anyio.move_on_after(20) as waiting:
        await child.wait()
    os.kill(int(lines[0]), signal.SIGKILL)
    assert not waiting.cancelled_caught


IMMUNE = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print("ready", flush=True)
while True: time.sleep(60)
"""


@pytest.mark.usefixtures("short_graces")
async def test_cancelled_tasks_leave_no_child():
    """When the task that tends it is cancelled the child is ended and reaped, deaf or not."""
    async with anyio.create_task_group() as tasks:
        lines = Lines()
        argv = [PYTHON, "-c", IMMUNE]
        child = await spawn_child(argv, on_line=lines.append, spawn=tasks.start_soon)
        await lines.until("ready")
        tasks.cancel_scope.cancel()
    assert child.returncode == -signal.SIGKILL
    assert kernel_line(child.pid) is None


async def test_no_descriptor_is_left_open(tasks):
    """Twenty children later this process holds no more open than before."""

    async def one() -> None:
        child = await spawn_child(["true"], on_line=print, spawn=tasks.start_soon)
        await child.wait()

    await one()
    before = open_descriptors()
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(one)
    assert open_descriptors() == before


async def test_children_inherit_no_secrets(tasks, monkeypatch: pytest.MonkeyPatch):
    """What systemd gave us alone, and our own settings, are not in a child's environment."""
    for name in ("CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TALLYD_HTTP__KEY", "secret")
    monkeypatch.setenv("HARMLESS", "kept")
    assert "secret" not in child_environment().values()
    lines = Lines()
    child = await spawn_child(["env"], on_line=lines.append, spawn=tasks.start_soon)
    await child.wait()
    assert "HARMLESS=kept" in lines
    assert not [line for line in lines if line.endswith("=secret")]


async def test_a_child_has_a_session_of_its_own(tasks):
    """A signal to the daemon's group does not reach it, and its reference tells it from others."""
    child = await spawn_child(["sleep", "30"], on_line=print, spawn=tasks.start_soon)
    assert os.getsid(child.pid) == child.pid
    pid, _, ticks = child.reference.partition("@")
    assert (int(pid), child.returncode) == (child.pid, None)
    assert ticks in str(kernel_line(pid))
    await child.kill()
