"""The nudge between processes, over a real socket."""

import socket
import stat
from pathlib import Path

import anyio
import pytest

from tallyd.nudge import SOCKET_NAME, Listener, NudgeError, NudgeResult, send


@pytest.fixture
def long_dir(tmp_path: Path) -> Path:
    """Give a directory whose path is longer than a socket's address may be."""
    path = tmp_path.joinpath(*["a-directory-with-a-long-name"] * 8)
    path.mkdir(parents=True)
    assert len(str(path)) > 108
    return path


def names(directory: Path) -> list[str]:
    """Give what is in a directory."""
    return sorted(path.name for path in directory.iterdir())


async def quiet(listener: Listener) -> bool:
    """Tell whether no nudge waits."""
    with anyio.move_on_after(0.02):
        await listener.wait()
        return False
    return True


async def test_a_nudge_wakes_the_daemon(tmp_path: Path) -> None:
    """A booking made in another process is seen at once."""
    async with Listener(tmp_path) as nudges:
        assert send(tmp_path) is NudgeResult.DELIVERED
        with anyio.fail_after(10):
            await nudges.wait()


async def test_a_nudge_wakes_one_who_waits_already(tmp_path: Path) -> None:
    """The daemon sleeps until the nudge comes."""
    woken = anyio.Event()

    async def waiting() -> None:
        await nudges.wait()
        woken.set()

    async with Listener(tmp_path) as nudges, anyio.create_task_group() as tasks:
        tasks.start_soon(waiting)
        await anyio.lowlevel.checkpoint()
        send(tmp_path)
        with anyio.fail_after(10):
            await woken.wait()


async def test_many_nudges_are_one(tmp_path: Path) -> None:
    """A thousand bookings make the daemon read the database once, not a thousand times."""
    async with Listener(tmp_path) as nudges:
        results = {send(tmp_path) for _ in range(1_000)}
        assert results <= {NudgeResult.DELIVERED, NudgeResult.PENDING}
        await nudges.wait()
        assert await quiet(nudges)


async def test_a_full_queue_is_a_success(tmp_path: Path) -> None:
    """A daemon that is busy cannot make a booking fail or wait: the nudge is implied."""
    async with Listener(tmp_path) as nudges:
        limit = 100_000
        sent = 0
        while send(tmp_path) is NudgeResult.DELIVERED and sent < limit:
            sent += 1
        assert sent < limit
        assert send(tmp_path) is NudgeResult.PENDING
        await nudges.wait()
        assert send(tmp_path) is NudgeResult.DELIVERED


@pytest.mark.parametrize("there", ["nothing", "no directory", "a dead socket", "a file above"])
async def test_without_a_daemon_nobody_is_nudged(tmp_path: Path, there: str) -> None:
    """Booking works while the daemon is down."""
    run_dir = tmp_path
    match there:
        case "no directory":
            run_dir = tmp_path / "none"
        case "a dead socket":
            leave_socket(run_dir)
        case "a file above":
            run_dir = tmp_path / "file"
            run_dir.touch()
    assert send(run_dir) is NudgeResult.NOBODY


def leave_socket(run_dir: Path) -> None:
    """Leave a socket file behind as a killed daemon does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(run_dir / SOCKET_NAME))


async def test_a_long_path_works(long_dir: Path) -> None:
    """The limit of socket addresses is no limit for where data lives."""
    async with Listener(long_dir) as nudges:
        assert send(long_dir) is NudgeResult.DELIVERED
        await nudges.wait()


async def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    """A daemon that was killed does not keep the next one from listening."""
    leave_socket(tmp_path)
    async with Listener(tmp_path) as nudges:
        assert send(tmp_path) is NudgeResult.DELIVERED
        await nudges.wait()
        assert names(tmp_path) == [SOCKET_NAME]


async def test_leaving_takes_the_socket_away(tmp_path: Path) -> None:
    """A clean end leaves nothing behind, and the run directory is made where it is missing."""
    run_dir = tmp_path / "new" / "run"
    async with Listener(run_dir):
        assert stat.S_IMODE((run_dir / SOCKET_NAME).stat().st_mode) == 0o660
    assert names(run_dir) == []


async def test_leaving_spares_the_socket_of_a_successor(tmp_path: Path) -> None:
    """A slow end does not make the next daemon deaf."""
    async with Listener(tmp_path):
        successor = Listener(tmp_path)
        await successor.__aenter__()
    assert send(tmp_path) is NudgeResult.DELIVERED
    await successor.wait()
    await successor.__aexit__(None, None, None)


async def test_a_place_that_cannot_be_used_is_a_clear_error(tmp_path: Path) -> None:
    """What the system says comes with the directory it is about."""
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(NudgeError, match=r"cannot listen for nudges in .*file"):
        async with Listener(blocked / "run"):
            pass
    (tmp_path / SOCKET_NAME).mkdir()
    with pytest.raises(NudgeError, match="Is a directory"):
        async with Listener(tmp_path):
            pass
    assert names(tmp_path) == ["file", SOCKET_NAME]


async def test_a_foreign_socket_is_a_clear_error(tmp_path: Path) -> None:
    """What is there but cannot be nudged is not taken for success."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as foreign:
        foreign.bind(str(tmp_path / SOCKET_NAME))
        foreign.listen()
        with pytest.raises(NudgeError, match="cannot nudge the daemon"):
            send(tmp_path)


async def test_waiting_outside_the_context_is_a_bug(tmp_path: Path) -> None:
    """A daemon that would sleep for ever is told at once."""
    with pytest.raises(RuntimeError, match="not open"):
        await Listener(tmp_path).wait()
