"""A machine of its own with a real systemd, and a service manager that only listens."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BOOT = Path(__file__).with_name("boot-sandbox.sh")
SYSTEMD = Path("/lib/systemd/systemd")
PROGRAMS = ("unshare", "nsenter", "setpriv", "pivot_root", "mknod", "mount")
NAMESPACES = ("--pid", "--mount", "--uts", "--ipc", "--cgroup")
PLAIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WITHIN_S = 30.0
LOOK_AGAIN_S = 0.02


def eventually(look: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """Wait until `look` gives something true, and give that."""
    until = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < until, "it does not come"
        time.sleep(LOOK_AGAIN_S)
    return found


class Sandbox:
    """Debian's own systemd as PID 1 of new namespaces, on a copy of this machine that nobody keeps.

    It has no network. What it writes is gone when it ends.
    """

    def __init__(self, scratch: Path, cgroup: Path) -> None:
        self._cgroup = cgroup
        self._console = scratch / "console"
        place = scratch / "machine"
        place.mkdir()
        cgroup.mkdir()
        enter = f'echo $$ > {cgroup}/cgroup.procs && exec "$@"'
        unshare = ("unshare", *NAMESPACES, "--net", "--fork", "--kill-child")
        with self._console.open("wb") as console:
            self._outside = subprocess.Popen(
                ["bash", "-c", enter, "enter", *unshare, "bash", str(BOOT), str(place)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._pid = 0

    def boot(self) -> None:
        """Wait until it has booted; fails with what it said where it does not."""
        self._pid = eventually(self._systemd)
        eventually(lambda: "running" in self.run("systemctl", "is-system-running", check=False))

    def _systemd(self) -> int | None:
        assert self._outside.poll() is None, self._console.read_text()
        pid = self._outside.pid
        with suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                booted = Path(f"/proc/{child}/root/run/systemd/private").exists()
                if booted and Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                    return int(child)
        return None

    @property
    def root(self) -> Path:
        """Its root directory, as seen from outside."""
        return Path(f"/proc/{self._pid}/root")

    def run(self, *argv: str, check: bool = True, outside_network: bool = False) -> str:
        """Run a command in it as root, and give its output, stderr included."""
        spaces = NAMESPACES if outside_network else (*NAMESPACES, "--net")
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        done = subprocess.run(
            ["nsenter", f"--target={self._pid}", *spaces, "--", *argv],
            env={"PATH": PLAIN_PATH, "LANG": "C.UTF-8", "HOME": "/root", **pip},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0 or not check, f"{argv}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def tallyd(self, *words: str) -> Any:
        """Run a command of tallyd as the daemon's own user, and give its JSON."""
        text = self.run("runuser", "-u", "tallyd", "--", "tallyd", *words, "--json")
        return json.loads(text)

    def put_down(self) -> None:
        """Pull the plug."""
        self._outside.kill()  # and with it PID 1 of the sandbox: --kill-child
        self._outside.wait()
        eventually(self._remove_cgroups)

    def _remove_cgroups(self) -> bool:
        for directory in sorted(self._cgroup.rglob("*/"), reverse=True):
            with suppress(OSError):
                directory.rmdir()
        with suppress(OSError):
            self._cgroup.rmdir()
        return not self._cgroup.exists()


def _cgroup2() -> Path | None:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next((Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"), None)


def _works(*argv: str) -> bool:
    plain = {"PATH": PLAIN_PATH}
    return subprocess.run(argv, env=plain, capture_output=True, check=False).returncode == 0


def _obstacle() -> str | None:
    """Say why there can be no sandbox here."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=PLAIN_PATH) is None]
    cgroups = _cgroup2()
    namespaces = ("unshare", *NAMESPACES, "--net", "--fork", "mount", "-t", "tmpfs", "x", "/mnt")
    obstacles = {
        "only root can boot a systemd": lambda: os.geteuid() != 0,
        "no systemd is installed": lambda: not SYSTEMD.exists(),
        f"not installed: {', '.join(missing)}": lambda: missing,
        "no cgroup2 to write to": lambda: cgroups is None or not os.access(cgroups, os.W_OK),
        "no namespaces can be made": lambda: not _works(*namespaces),
        "no Python 3.11 with venv": lambda: (
            not _works("python3", "-c", "import ensurepip, tomllib")
        ),
    }
    return next((what for what, stands in obstacles.items() if stands()), None)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Give a booted machine; skips where none can be had, which CI takes for a failure."""
    obstacle = _obstacle()
    if obstacle is not None:
        pytest.skip(obstacle)
    cgroups = _cgroup2()
    assert cgroups is not None
    box = Sandbox(tmp_path_factory.mktemp("sandbox"), cgroups / f"tallyd-test-{os.getpid()}")
    try:
        box.boot()
        yield box
    finally:
        box.put_down()


class Listening:
    """A service manager's end of the notification socket."""

    def __init__(self, path: str) -> None:
        self.address = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{path[1:]}" if path.startswith("@") else path)
        self._socket.settimeout(0)
        self._heard: list[str] = []

    @property
    def heard(self) -> list[str]:
        """All messages so far, in order."""
        with suppress(BlockingIOError):
            while True:
                self._heard.append(self._socket.recv(4096).decode())
        return self._heard

    def close(self) -> None:
        """Be gone."""
        self._socket.close()


@pytest.fixture
def make_listening() -> Iterator[Callable[[str], Listening]]:
    """Give the maker of service managers that listen at an address."""
    made: list[Listening] = []

    def make(address: str) -> Listening:
        made.append(Listening(address))
        return made[-1]

    yield make
    for manager in made:
        manager.close()


@pytest.fixture
def listening(tmp_path: Path, make_listening: Callable[[str], Listening]) -> Listening:
    """Give a service manager that listens at a path."""
    return make_listening(str(tmp_path / "notify"))


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., Any]:
    """Give the patience of these tests."""
    return eventually
