"""The files beside the database: the installation's id, the daemon's lock, the engine's picture.

What a schedule or a run is is not known here.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

DATABASE = "tallyd.db"
APPLIANCE_ID = "appliance-id"
LOCK = "daemon.lock"
SNAPSHOT = "state.json"
BACKUPS = "backups"
SUSPECT = "database-suspect"
RECORDINGS_MOUNT = "recordings-mount"
HTTP_SECRET = "http-secret"  # noqa: S105 - the name of a file
_APPLIANCE_ID = re.compile(r"[0-9a-f]{32}")
_WORD_AND_VALUE = re.compile(r"^(\w+):\t(.*)$", re.MULTILINE)
_DIRECTORY_MODE = 0o750


class StateDirError(Exception):
    """A directory of the installation cannot be used: what was tried, and what the system said."""


class DaemonRunsError(StateDirError):
    """Another daemon holds the lock of this state directory, or what is left of one does."""

    def __init__(self, path: Path, holder: int | None = None) -> None:
        who = "another tallyd" if holder is None else f"another tallyd (process {holder})"
        sentence = f"{who} runs with the state directory {path}; stop it first"
        if holder is not None and _has_ended(holder):
            sentence = (
                f"{who} has ended, but for a call that a hung disk does not give back, and holds "
                f"the lock of the state directory {path} until it does; mend the disk"
            )
        super().__init__(sentence)


class DatabaseLostError(StateDirError):
    """This installation had a database, and the file is gone."""

    what = "it is gone"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path}: the database of this installation is gone; the daemon restores its newest "
            "backup as it starts, `tallyd restore` any other one"
        )


class StateDir:
    """One installation's state directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / DATABASE
        self.backups = path / BACKUPS

    def is_new(self) -> bool:
        """Tell whether no database was ever made here.

        Raises:
            DatabaseLostError: one was made, and is gone.
        """
        if self.database.exists():
            return False
        if (self.path / APPLIANCE_ID).exists() or any(self.backups.glob("*.db")):
            raise DatabaseLostError(self.database)
        return True

    def prepare(self) -> None:
        """Make the directory where it is missing.

        Raises:
            StateDirError: it cannot be made.
        """
        make_directory(self.path)

    def appliance_id(self) -> str | None:
        """Give the installation's id; None where it was not written yet, or is damaged.

        Raises:
            StateDirError: it cannot be read.
        """
        path = self.path / APPLIANCE_ID
        try:
            text = path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateDirError(f"cannot read {path}: {error}") from error
        return text if _APPLIANCE_ID.fullmatch(text) else None

    def mark_installed(self, appliance_id: str) -> None:
        """Write the installation's id, after its database was made.

        Raises:
            StateDirError: it cannot be written.
        """
        path = self.path / APPLIANCE_ID
        try:
            _replace(path, f"{appliance_id}\n")
            _sync(path)
            _sync(self.path)
        except OSError as error:
            raise StateDirError(f"cannot write {path}: {error}") from error

    def database_file(self) -> tuple[int, int] | None:
        """Tell which file has the database's name at present; None where none has."""
        try:
            about = self.database.stat()
        except OSError:
            return None
        return about.st_dev, about.st_ino

    def is_suspect(self) -> bool:
        """Tell whether damage was found that only a thorough look at the database finds."""
        return (self.path / SUSPECT).exists()

    def suspect(self, why: str) -> None:
        """Have the next start look thoroughly, and mend what it finds.

        Raises:
            StateDirError: that cannot be written down.
        """
        try:
            _replace(self.path / SUSPECT, f"{why}\n")
        except OSError as error:
            raise StateDirError(f"cannot write {self.path / SUSPECT}: {error}") from error

    def trust(self) -> None:
        """Take that back: it was looked at thoroughly.

        Raises:
            StateDirError: that cannot be written down.
        """
        try:
            (self.path / SUSPECT).unlink(missing_ok=True)
        except OSError as error:
            raise StateDirError(f"cannot remove {self.path / SUSPECT}: {error}") from error

    def http_secret(self) -> bytes:
        """Give the secret from which keys for signatures are derived; made at the first call.

        It is in no backup of the database, and known to no one but the owner of the directory.

        Raises:
            StateDirError: it cannot be read or written.
        """
        path = self.path / HTTP_SECRET
        try:
            with contextlib.suppress(FileExistsError):
                _make_secret(path)
            return bytes.fromhex(path.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise StateDirError(f"cannot use {path}: {error}") from error

    def recordings_mount(self) -> Path | None:
        """Give where the disk of the recordings was mounted when it was last seen, if it was."""
        with contextlib.suppress(OSError, ValueError):
            text = (self.path / RECORDINGS_MOUNT).read_text(encoding="utf-8").rstrip("\n")
            return Path(text) if text.startswith("/") else None
        return None

    def remember_recordings_mount(self, mount: Path) -> None:
        """Write that down; where it cannot be, what was written before goes on to hold."""
        with contextlib.suppress(OSError):
            _replace(self.path / RECORDINGS_MOUNT, f"{mount}\n")

    def lock_holder(self) -> int | None:
        """Give the process that holds the daemon's lock, as far as the system tells; else None.

        The lock itself is not tried: a daemon that starts at that moment would find it taken.
        """
        with contextlib.suppress(OSError, ValueError):
            held = _in_list_of_locks(self.path / LOCK)
            for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
                words = line.split()
                if "FLOCK" in words and held in words and "->" not in words:
                    return int(words[4])
        return None

    @contextlib.contextmanager
    def locked(self) -> Generator[None]:
        """Hold the daemon's lock inside; the system gives it back whatever ends the process.

        Raises:
            DaemonRunsError: another process holds it.
            StateDirError: it cannot be taken.
        """
        try:
            handle = _open_lock(self.path / LOCK)
        except OSError as error:
            raise StateDirError(f"cannot open {self.path / LOCK}: {error}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(handle)
            raise DaemonRunsError(self.path, self.lock_holder()) from error
        try:
            yield
        finally:
            os.close(handle)


def _make_secret(path: Path) -> None:
    """Make the file of a secret, whole or not at all; FileExistsError where there is one."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.touch(mode=0o600)
        temporary.write_text(f"{secrets.token_hex(32)}\n", encoding="ascii")
        _own(temporary)
        _sync(temporary)
        os.link(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def make_directory(path: Path) -> None:
    """Make a directory of the installation and those above it.

    Raises:
        StateDirError: it cannot be made.
    """
    try:
        # On a disk that hangs, to make what is there already would hang too.
        if not path.is_dir():
            path.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise StateDirError(f"cannot make the directory {path}: {error}") from error


def _open_lock(path: Path) -> int:
    """Open the file of the lock; one that is there is not written to, should its disk hang."""
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        _own(path)
    except OSError:
        os.close(handle)
        raise
    return handle


def _in_list_of_locks(path: Path) -> str:
    """Name a file as /proc/locks does: by the device of its mount, not what `stat` makes of it.

    The two differ on btrfs and overlays (proc_pid_fdinfo(5), proc_pid_mountinfo(5)).
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        told = Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii")
    finally:
        os.close(handle)
    about: dict[str, str] = dict(_WORD_AND_VALUE.findall(told))
    for line in os.fsdecode(Path("/proc/self/mountinfo").read_bytes()).splitlines():
        mount, _, device, *_ = line.split()
        if mount == about.get("mnt_id"):
            major, minor = map(int, device.split(":"))
            return f"{major:02x}:{minor:02x}:{about.get('ino')}"
    raise ValueError(f"{path} is on no mount")


def _has_ended(pid: int) -> bool:
    """Tell whether a process is dead, and only a thread in the kernel is left of it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] in {"Z", "X"}


def write_snapshot(run_dir: Path, snapshot: Mapping[str, object]) -> None:
    """Replace the engine's picture; readers see the old one or the new one, whole.

    Raises:
        OSError: it cannot be written.
    """
    _replace(run_dir / SNAPSHOT, json.dumps(snapshot, default=_plain))


def read_snapshot(run_dir: Path) -> Mapping[str, Any] | None:
    """Give the engine's last picture, or None where there is none that can be read."""
    try:
        text = (run_dir / SNAPSHOT).read_text(encoding="utf-8")
        return cast("Mapping[str, Any]", json.loads(text))
    except (OSError, ValueError):
        return None


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    raise TypeError(f"a picture holds no {type(value).__name__}")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _own(path: Path) -> None:
    """Let what root makes belong to whom the directory belongs: the daemon has to use it."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_text(text, encoding="utf-8")
        _own(temporary)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
