"""Virtual machines whose clocks may be set, and what was measured in them. Ours is not touched."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

import tallyd

HERE = Path(__file__).parent
PROGRAMS = ("measure_alarm", "measure_daemon")
QEMU = "qemu-system-x86_64"
PERMISSION = "tallyd.this_clock_may_be_set"
"""What the kernel's command line must hold before a guest program sets any clock."""

WITHIN_S = 150.0
"""For the boot and all there is to do; the processor is emulated, at a tenth of its speed."""

PACKAGES = Path("/packages")
UNUSED = {
    "__pycache__", "distutils", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "tkinter",
    "turtledemo", "test", "tests", "site-packages", "dist-packages",
}  # fmt: skip
"""Directories of the standard library that stay outside; compiled files follow their sources."""


class InitialFiles:
    """The root file system of the machine: a cpio archive, as the kernel unpacks it."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._there = {Path("/")}
        self.modules: list[Path] = []

    def add(self, source: Path, place: Path) -> None:
        """Put a file there as it is here, with the time of its change: its .pyc compares that."""
        if place in self._there:
            return
        for directory in reversed(place.parents):
            if directory not in self._there:
                self._write(directory, stat.S_IFDIR | 0o755)
        about = source.stat()
        self._write(place, about.st_mode, int(about.st_mtime), source.read_bytes())
        if source.suffix == ".so":
            self.modules.append(source)
        compiled = Path(importlib.util.cache_from_source(str(source)))
        if source.suffix == ".py" and compiled.is_file():
            self.add(compiled, place.parent / compiled.parent.name / compiled.name)

    def add_tree(self, source: Path, place: Path) -> None:
        """Put the files of a directory there, less what nobody needs."""
        for path in source.iterdir():
            if path.is_file():
                self.add(path, place / path.name)
            elif path.name not in UNUSED and not path.name.startswith("config-"):
                self.add_tree(path, place / path.name)

    def end(self) -> None:
        """Mark the end."""
        self._write(Path("/TRAILER!!!"), 0)

    def _write(self, place: Path, mode: int, changed_at: int = 0, content: bytes = b"") -> None:
        self._there.add(place)
        name = str(place).lstrip("/").encode() + b"\0"
        number, links = len(self._there), 1
        fields = (number, mode, 0, 0, links, changed_at, len(content), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields)
        for block in (header + name, content):
            self._out.write(block + b"\0" * (-len(block) % 4))


def distributions(name: str) -> Iterator[importlib.metadata.Distribution]:
    """Give an installed package and whatever it needs, each once."""
    names, seen = [name], set[str]()
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system, or another Python
        yield found
        wanted = (line for line in found.requires or () if "extra ==" not in line)
        names += (re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in wanted)


def libraries(programs: Iterable[Path]) -> set[Path]:
    """Give the shared libraries that these need, the loader of programs included."""
    said = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    return {Path(path) for path in re.findall(r"(?:=>|^)\s+(/\S+) \(0x", said, re.MULTILINE)}


def interpreter() -> Path:
    """Give the Python under the environment that runs the tests."""
    return Path(sys._base_executable).resolve()


def build(out: BinaryIO) -> None:
    """Write the files of a machine: this Python, this tallyd and its needs, the guest programs."""
    files = InitialFiles(out)
    python, library = interpreter(), Path(sysconfig.get_path("stdlib"))
    files.add(python, python)
    files.add_tree(library, library)
    for distribution in distributions("tallyd"):
        for file in distribution.files or ():
            source = Path(distribution.locate_file(file))
            if ".." not in file.parts and source.is_file():
                files.add(source, PACKAGES / file)
    files.add_tree(Path(tallyd.__file__).parent, PACKAGES / "tallyd")
    for name in ("guest", *PROGRAMS):
        files.add(HERE / f"{name}.py", PACKAGES / f"{name}.py")
    for path in libraries([python, *files.modules]):
        files.add(path, path)
    files.end()


class VirtualMachine:
    """A machine with a kernel and a clock of its own, without disk and network.

    Its processor is emulated: what tests nothing but the clock needs no device of the host.
    """

    def __init__(self, kernel: Path, files: Path, program: str, scratch: Path) -> None:
        self._results = scratch / "results"
        self._console = scratch / "console"
        command = f"console=ttyS0 quiet panic=-1 {PERMISSION} rdinit={interpreter()}"
        self._process = subprocess.Popen(
            [
                *(QEMU, "-accel", "tcg", "-cpu", "max", "-m", "512"),
                *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
                *("-rtc", "base=2031-03-03T08:00:00"),
                *("-serial", f"file:{self._console}", "-serial", f"file:{self._results}"),
                *("-kernel", kernel, "-initrd", files),
                *("-append", f"{command} -- {PACKAGES}/{program}.py {PERMISSION}"),
            ],
            stdin=subprocess.DEVNULL,
        )

    def results(self) -> dict[str, Any]:
        """Wait for its end, and give what was measured, by name; fails with what it said."""
        self._process.wait(WITHIN_S)
        found = dict(json.loads(line) for line in self._results.read_text().splitlines())
        assert "complete" in found, f"{list(found)}\n{self._console.read_text(errors='replace')}"
        return found

    def put_down(self) -> None:
        """Pull the plug."""
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, VirtualMachine]]:
    """Start a machine for each guest program, all at once."""
    kernels = [path for path in Path("/boot").glob("vmlinuz-*") if os.access(path, os.R_OK)]
    if platform.machine() != "x86_64" or not shutil.which(QEMU) or not kernels:
        pytest.skip(f"an x86-64 machine with {QEMU} and a Linux kernel in /boot is needed")
    scratch = tmp_path_factory.mktemp("machine")
    files = scratch / "files"
    with files.open("wb") as out:
        build(out)
    started = {}
    for program in PROGRAMS:
        place = scratch / program
        place.mkdir()
        started[program] = VirtualMachine(max(kernels), files, program, place)
    yield started
    for machine in started.values():
        machine.put_down()
    files.unlink()


@pytest.fixture(scope="session")
def alarm_measured(machines: dict[str, VirtualMachine]) -> dict[str, Any]:
    """Give what came of each scenario of the alarm."""
    return machines["measure_alarm"].results()


@pytest.fixture(scope="session")
def daemon_measured(machines: dict[str, VirtualMachine]) -> dict[str, Any]:
    """Give what the daemon logged after each step of the clock, and what became of the runs."""
    return machines["measure_daemon"].results()
