"""A machine of its own with a real systemd, and the service installed in it as the README says.

`TALLYD_TEST_ROOT` names the root of another release, to test with its systemd.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CHECKOUT = "/usr/src/tallyd"
BOOT = HERE / "boot-sandbox.sh"
LOWER = Path(os.environ.get("TALLYD_TEST_ROOT", "/"))
PROGRAMS = ("unshare", "nsenter", "setpriv", "pivot_root", "mknod", "mount", "mountpoint")
NAMESPACES = ("--pid", "--mount", "--uts", "--ipc", "--cgroup")
WAYS_OUT = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/root/.config/pip/pip.conf"),
    "/etc/ssl/certs/ca-certificates.crt",
)
"""What another release needs of this machine to install something."""

PLAIN_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
WITHIN_S = 30.0
LOOK_AGAIN_S = 0.02
CONFIG = """
[appliance]
min_piece = "0s"
[rooms.aula]
driver = "ffmpeg"
options = { source = "test", size = "320x180" }
[rooms.rehearsal]
driver = "simulated"
options = { stop_ms = 3_000 }
"""


def eventually(look: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """Wait until `look` gives something true, and give that."""
    until = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < until, "it does not come"
        time.sleep(LOOK_AGAIN_S)
    return found


class Sandbox:
    """A distribution's own systemd as PID 1 of new namespaces, on a copy that nobody keeps.

    It has no network. What it writes is gone when it ends, unless `scratch` has a disk for it.
    `below` are the directories of which it is a copy, the uppermost first, as overlayfs words them.
    """

    def __init__(self, scratch: Path, cgroup: Path, below: str) -> None:
        self._cgroup = cgroup
        self._console = scratch / "console"
        cgroup.mkdir()
        enter = f'echo $$ > {cgroup}/cgroup.procs && exec "$@"'
        unshare = ("unshare", *NAMESPACES, "--net", "--fork", "--kill-child")
        with self._console.open("wb") as console:
            self._outside = subprocess.Popen(
                ["bash", "-c", enter, "enter", *unshare, "bash", BOOT, scratch, below],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        self._pid = 0

    def boot(self, state: str) -> None:
        """Wait until it has booted as far as that; fails with what it said where it does not."""
        self._pid = eventually(self._systemd)
        for name in WAYS_OUT:
            if Path("/") != LOWER and Path(name).is_file():
                (self.root / name.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(name, self.root / name.lstrip("/"))
        eventually(lambda: state in self.run("systemctl", "is-system-running", check=False))

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

    def begin_to_shut_down(self) -> None:
        """Have it powered off in order, and wait for nothing."""
        os.kill(self._pid, signal.SIGRTMIN + 4)

    def shut_down(self) -> float:
        """Power it off in order; gives how many seconds that took."""
        began = time.monotonic()
        self.begin_to_shut_down()
        eventually(lambda: self._outside.poll() is not None, within_s=120)
        return time.monotonic() - began

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


class Service:
    """The installed service, in its sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.box = sandbox
        self.run = sandbox.run
        self.tallyd = sandbox.tallyd
        self.fresh: tuple[str, str, list[str]] = ("", "", [])

    def install(self) -> None:
        """Do what the README says, word by word."""
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        files = subprocess.run(listed, cwd=HERE.parent, check=True, stdout=subprocess.PIPE).stdout
        for name in files.decode().split("\0"):
            if (HERE.parent / name).is_file():
                copy = self.box.root / CHECKOUT[1:] / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(HERE.parent / name, copy)
        for command in _install_commands():
            self.run("sh", "-c", f"cd {CHECKOUT} && {command}", outside_network="pip" in command)
        targets = list(self.tallyd("status")["targets"])
        self.fresh = (self.shows("ActiveState"), self.shows("UnitFileState"), targets)

    def configure(self, text: str) -> None:
        """Write the configuration."""
        (self.box.root / "etc/tallyd/config.toml").write_text(text)

    def override(self, lines: str, section: str = "Service") -> None:
        """Give the unit a drop-in until the machine ends; an empty one takes it away."""
        directory = self.box.root / "run/systemd/system/tallyd.service.d"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "test.conf").write_text(f"[{section}]\n{lines}\n")
        self.run("systemctl", "daemon-reload")

    def shows(self, name: str) -> str:
        """Give a property of the unit."""
        return self.run("systemctl", "show", "--value", "-p", name, "tallyd").strip()

    @property
    def pid(self) -> int:
        """The daemon's pid, as the sandbox counts."""
        return int(self.shows("MainPID"))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the daemon alone."""
        name = number.name.removeprefix("SIG")
        self.run("systemctl", "kill", f"--signal={name}", "--kill-whom=main", "tallyd")

    def is_ready(self, *, but: int = 0) -> bool:
        """Tell whether a daemon, other than that of the pid `but`, is up and has decided all."""
        shown = self.run("systemctl", "show", "-p", "MainPID,ActiveState", "tallyd").split()
        return "ActiveState=active" in shown and not {f"MainPID={but}", "MainPID=0"} & {*shown}

    def journal(self) -> list[dict[str, Any]]:
        """Give what the unit's processes have logged."""
        text = self.run("journalctl", "--unit=tallyd", "--output=json", "_TRANSPORT=stdout")
        return [json.loads(line) for line in text.splitlines()]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the lines of one event."""
        said = [entry["MESSAGE"] for entry in self.journal()]
        # A reload, which is a command of its own, says in words what became of it.
        lines = [json.loads(words) for words in said if words.startswith("{")]
        return [line for line in lines if line["event"] == name]

    def book(self, name: str, start: str, duration: str, room: str = "aula") -> int:
        """Book a room."""
        words = ("--target", f"rooms.{room}", "--name", name, "--start", start)
        booked = self.tallyd("schedule", "add", *words, "--duration", duration)
        found: int = booked["id"]
        return found

    def record(self, duration: str) -> int:
        """Book the hall for now, and wait until data flows."""
        lecture = self.book("Lecture", "now", duration)
        eventually(lambda: self.run_of(lecture)["status"] == "started")
        eventually(lambda: self.tallyd("status")["targets"]["rooms.aula"].get("bytes"))
        return lecture

    def recorders(self) -> list[str]:
        """Give the pids of the ffmpegs, as the sandbox counts."""
        found = []
        for entry in (self.box.root / "proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and "ffmpeg" in (entry / "comm").read_text():
                    found.append(entry.name)
        return found

    def run_of(self, schedule: int) -> dict[str, Any]:
        """Give what became of a booking."""
        (run,) = (r for r in self.tallyd("runs") if r["schedule_id"] == schedule)
        return run

    def finished(self, schedule: int, within_s: float = WITHIN_S) -> dict[str, Any]:
        """Wait for the outcome of a booking, and give its run."""

        def look() -> dict[str, Any] | None:
            run = self.run_of(schedule)
            return run if run["status"] == "finished" else None

        return eventually(look, within_s)

    def path(self, file: str) -> Path:
        """Give a file of the machine as seen from outside."""
        return self.box.root / file.lstrip("/")


def _install_commands() -> list[str]:
    """Give the commands of the README's section on systemd."""
    section = (HERE.parent / "README.md").read_text().partition("## Run it under systemd\n")[2]
    block = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def _cgroup2() -> Path | None:
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return next((Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"), None)


def _works(*argv: str) -> bool:
    plain = {"PATH": PLAIN_PATH}
    return subprocess.run(argv, env=plain, capture_output=True, check=False).returncode == 0


@cache
def _obstacle() -> str | None:
    """Say why there can be no sandbox here."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=PLAIN_PATH) is None]
    cgroups = _cgroup2()
    namespaces = ("unshare", *NAMESPACES, "--net", "--fork", "mount", "-t", "tmpfs", "x", "/mnt")
    python = ("chroot", str(LOWER), "python3", "-c", "import ensurepip, tomllib")
    obstacles = {
        "only root can boot a systemd": lambda: os.geteuid() != 0,
        "no systemd is installed": lambda: not (LOWER / "lib/systemd/systemd").exists(),
        f"not installed: {', '.join(missing)}": lambda: missing,
        "no cgroup2 to write to": lambda: cgroups is None or not os.access(cgroups, os.W_OK),
        "no namespaces can be made": lambda: not _works(*namespaces),
        "no Python 3.11 with venv": lambda: not _works(*python),
    }
    return next((what for what, stands in obstacles.items() if stands()), None)


@contextmanager
def booted(scratch: Path, below: str = str(LOWER), state: str = "running") -> Iterator[Sandbox]:
    """Have a machine that runs; skips where none can be had, which CI takes for a failure."""
    obstacle = _obstacle()
    if obstacle is not None:
        pytest.skip(obstacle)
    cgroups = _cgroup2()
    assert cgroups is not None
    box = Sandbox(scratch, cgroups / f"tallyd-test-{os.getpid()}-{scratch.name}", below)
    try:
        box.boot(state)
        yield box
    finally:
        box.put_down()


@contextmanager
def disk_of(scratch: Path) -> Iterator[Path]:
    """Have a directory for machines whose disk outlives them."""
    layers = scratch / "layers"
    layers.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", layers], check=True)
    try:
        yield scratch
    finally:
        subprocess.run(["umount", "--lazy", layers], check=True)


@dataclass(frozen=True)
class Factory:
    """What machines with the service are copies of: directories, and how it was once installed."""

    below: str
    fresh: tuple[str, str, list[str]]


@pytest.fixture(scope="session")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Factory]:
    """Install the service on a machine, once, which is then switched off."""
    with disk_of(tmp_path_factory.mktemp("factory")) as disk:
        with booted(disk) as box:
            service = Service(box)
            service.install()
            box.shut_down()
        yield Factory(f"{disk}/layers/upper:{LOWER}", service.fresh)


@pytest.fixture(scope="session")
def sandbox(factory: Factory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Give a booted machine with the service."""
    with booted(tmp_path_factory.mktemp("sandbox"), factory.below) as box:
        yield box


@pytest.fixture(scope="session")
def installed(factory: Factory, sandbox: Sandbox) -> Service:
    """Give the service as it is after the README's commands."""
    service = Service(sandbox)
    service.fresh = factory.fresh
    return service


@pytest.fixture
def service(installed: Service) -> Iterator[Service]:
    """Give the service, running, with two rooms and nothing booked."""
    installed.configure(CONFIG)
    installed.override("")
    installed.run("systemctl", "reset-failed", "tallyd")
    installed.run("journalctl", "--rotate", "--vacuum-time=1us", "--quiet")
    installed.run("systemctl", "restart", "tallyd")
    yield installed
    installed.run("systemctl", "stop", "tallyd")
    installed.run(
        "sh", "-c", "pkill -KILL -f [p]layout=; pkill -KILL ffmpeg; rm -rf /var/lib/tallyd/*"
    )
