"""The files beside the database: what tells a new installation, keeps daemons apart, shows them."""

import os
import platform
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from tallyd.state_dir import (
    APPLIANCE_ID,
    DaemonRunsError,
    DatabaseLostError,
    StateDir,
    StateDirError,
    make_directory,
    read_snapshot,
    write_snapshot,
)

ID = "0123456789abcdef" * 2

HOLD_THE_LOCK = """
import sys, time
from pathlib import Path
from tallyd.state_dir import StateDir
with StateDir(Path(sys.argv[1])).locked():
    print("locked", flush=True)
    time.sleep(60)
"""

EXIT_CALLS = {"x86_64": 60, "aarch64": 93}
DIE_BUT_FOR_A_THREAD = """
import ctypes, sys, threading, time
from pathlib import Path
from tallyd.state_dir import StateDir
with StateDir(Path(sys.argv[1])).locked():
    threading.Thread(target=time.sleep, args=(60,)).start()
    print("locked", flush=True)
    input()
    ctypes.CDLL(None).syscall(int(sys.argv[2]), 0)
"""
"""The number of the call that ends one thread, and a process of which all but one has ended."""


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    """Give a state directory that is there, and empty."""
    state = StateDir(tmp_path / "state")
    state.prepare()
    return state


def test_an_installation_is_new_until_its_database_was_made(state):
    """Only where nothing ever was may an empty database be made."""
    assert state.is_new()
    state.database.touch()
    assert not state.is_new()
    state.mark_installed(ID)
    assert not state.is_new()


def test_a_directory_that_does_not_exist_is_new(tmp_path):
    """Before the first start there is not even a directory."""
    assert StateDir(tmp_path / "nowhere").is_new()


def _mark(state: StateDir) -> None:
    state.mark_installed(ID)


def _damage_the_mark(state: StateDir) -> None:
    (state.path / APPLIANCE_ID).write_bytes(b"\0" * 33)


def _leave_a_backup(state: StateDir) -> None:
    state.backups.mkdir()
    (state.backups / "00000001.db").touch()


@pytest.mark.parametrize("leave", [_mark, _damage_the_mark, _leave_a_backup])
def test_a_database_that_is_gone_is_not_taken_for_new(state, leave):
    """An installation that had a database says so, and what to do about it."""
    leave(state)
    with pytest.raises(DatabaseLostError, match="tallyd restore") as raised:
        state.is_new()
    assert str(state.database) in str(raised.value)


def test_an_installation_knows_its_id(state):
    """The id is written whole and leaves nothing else behind; one that is damaged is none."""
    assert state.appliance_id() is None
    state.mark_installed(ID)
    assert state.appliance_id() == ID
    assert [path.name for path in state.path.iterdir()] == [APPLIANCE_ID]
    _damage_the_mark(state)
    assert state.appliance_id() is None


def test_the_holder_of_the_lock_is_told_without_trying_it(state):
    """Whoever looks for a daemon is not in the way of one that starts."""
    assert state.lock_holder() is None
    with state.locked():
        assert state.lock_holder() == os.getpid()
    assert state.lock_holder() is None


def test_the_lock_keeps_a_second_daemon_out(state):
    """While one daemon holds the lock, no other gets it; afterwards it is free."""
    with (
        state.locked(),
        pytest.raises(DaemonRunsError, match=re.escape(str(state.path))),
        state.locked(),
    ):
        pytest.fail("two hold the lock")
    with state.locked():
        pass


def test_the_lock_of_a_daemon_that_was_killed_is_free(state):
    """No crash leaves a lock behind that somebody has to remove."""
    argv = [sys.executable, "-c", HOLD_THE_LOCK, str(state.path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(DaemonRunsError), state.locked():
            pytest.fail("two hold the lock")
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with state.locked():
        pass


@pytest.mark.skipif(platform.machine() not in EXIT_CALLS, reason="knows no such machine")
def test_a_dead_daemon_that_hangs_in_the_kernel_is_told_from_one_that_runs(state):
    """Whoever finds the lock taken reads whether to stop a daemon or to mend a disk."""
    exit_call = str(EXIT_CALLS[platform.machine()])
    argv = [sys.executable, "-c", DIE_BUT_FOR_A_THREAD, str(state.path), exit_call]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        assert holder.stdin is not None
        stat = Path(f"/proc/{holder.pid}/stat")
        with (
            pytest.raises(DaemonRunsError, match=f"process {holder.pid}.* stop it"),
            state.locked(),
        ):
            pytest.fail("two hold the lock")
        holder.stdin.write(b"die\n")
        holder.stdin.flush()
        give_up = time.monotonic() + 10
        while ") Z" not in stat.read_text():
            assert time.monotonic() < give_up
        with pytest.raises(DaemonRunsError, match=r"has ended, but .* disk"), state.locked():
            pytest.fail("two hold the lock")
        holder.kill()
    with state.locked():
        pass


def test_nothing_is_written_to_find_the_lock_taken(state, monkeypatch):
    """On a disk that hangs it is said who holds the lock: nothing is made or changed for that."""
    with state.locked():

        def hang(*_: object) -> None:
            pytest.fail("this would hang")

        monkeypatch.setattr(os, "mkdir", hang)
        monkeypatch.setattr(os, "chown", hang)
        state.prepare()
        with pytest.raises(DaemonRunsError), state.locked():
            pytest.fail("two hold the lock")


def test_children_do_not_inherit_the_lock(state):
    """A recorder that outlives the daemon does not keep the next daemon out."""
    with state.locked():
        sleeper = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with state.locked():
            assert sleeper.poll() is None
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(StateDir.prepare, id="making it"),
        pytest.param(lambda state: state.locked().__enter__(), id="locking it"),
        pytest.param(_mark, id="marking it"),
    ],
)
def test_a_path_that_cannot_be_a_directory_is_named(tmp_path, use):
    """What stands in the way becomes one sentence with the path in it."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateDirError, match=re.escape(str(tmp_path / "file"))):
        use(StateDir(tmp_path / "file" / "state"))


def test_directories_are_made_with_those_above_them_and_not_for_everybody(tmp_path):
    """A fresh machine needs no preparation, and strangers see nothing."""
    path = tmp_path / "a" / "b" / "c"
    make_directory(path)
    make_directory(path)
    assert path.is_dir()
    assert path.stat().st_mode & 0o007 == 0


def test_the_picture_is_read_as_it_was_written(tmp_path):
    """Instants become text in UTC, to the millisecond; everything else stays as it is."""
    rome = timezone(timedelta(hours=1))
    write_snapshot(
        tmp_path,
        {
            "ready": True,
            "at": datetime(2026, 12, 1, 9, 30, 0, 123_999, rome),
            "targets": {"rooms.a": {"since": datetime(2026, 12, 1, tzinfo=UTC), "bytes": 7}},
        },
    )
    assert read_snapshot(tmp_path) == {
        "ready": True,
        "at": "2026-12-01T08:30:00.123Z",
        "targets": {"rooms.a": {"since": "2026-12-01T00:00:00.000Z", "bytes": 7}},
    }


def test_a_new_picture_takes_the_place_of_the_old_one(tmp_path):
    """There is one picture, the newest, and no trace of how it came there."""
    for number in range(3):
        write_snapshot(tmp_path, {"number": number})
    assert read_snapshot(tmp_path) == {"number": 2}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_picture_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    """A full disk costs the new picture, not the old one, and leaves no rubbish."""
    write_snapshot(tmp_path, {"number": 1})

    def full(*_args: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_snapshot(tmp_path, {"number": 2})
    assert read_snapshot(tmp_path) == {"number": 1}
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("found", [None, "", '{"cut": ', "\x00\x01"])
def test_no_picture_is_no_error(tmp_path, found):
    """Where no daemon ever ran, or something else lies there, there is nothing to show."""
    if found is not None:
        (tmp_path / "state.json").write_text(found)
    assert read_snapshot(tmp_path) is None


def test_a_picture_of_something_unknown_is_a_mistake_of_ours(tmp_path):
    """What cannot be shown faithfully is not shown at all."""
    with pytest.raises(TypeError, match="a picture holds no object"):
        write_snapshot(tmp_path, {"odd": object()})
    assert read_snapshot(tmp_path) is None


def test_it_is_remembered_where_the_disk_of_the_recordings_was(tmp_path):
    """What was never written, or is no path, is not known; what cannot be written costs nothing."""
    state = StateDir(tmp_path)
    assert state.recordings_mount() is None
    state.remember_recordings_mount(Path("/srv/a b"))
    assert state.recordings_mount() == Path("/srv/a b")
    (tmp_path / "recordings-mount").write_text("nonsense")
    assert state.recordings_mount() is None
    StateDir(tmp_path / "gone").remember_recordings_mount(Path("/srv"))
