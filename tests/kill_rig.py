"""Kills what works on a database at the Nth of its system calls that write, for every N.

A process that has everything imported forks one child for each act; strace kills that child. Run
as a program it is that process.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kill_acts import ACTS

WRITES = (
    "write,writev,pwrite64,pwritev,sendfile,copy_file_range,fsync,fdatasync,sync_file_range,"
    "ftruncate,truncate,fallocate,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,"
    "mkdirat,rmdir,symlink,symlinkat"
)
"""Every system call that changes something on a disk."""


@dataclass(frozen=True)
class Ending:
    """How an act ended: whether it was killed, and what it had acknowledged by then."""

    killed: bool
    acknowledged: tuple[str, ...]


class Killer:
    """Runs acts, killed or not, in children of one warm process."""

    def __init__(self) -> None:
        plain = {name: text for name, text in os.environ.items() if "COV" not in name}
        self._warm = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**plain, "PYTHONPATH": str(Path(__file__).parent)},
        )

    def act(self, name: str, directory: Path, inject: str) -> Ending:
        """Do an act on an installation, with a fault injected as strace words it."""
        child = self._ask({"act": name, "directory": str(directory)})
        with _traced(int(child["pid"]), "-e", f"inject={inject}"):
            ended = self._ask({"go": True})
        return _ending(ended)

    def begin(self, name: str, directory: Path) -> int:
        """Begin an act; gives the process that does it."""
        child = self._ask({"act": name, "directory": str(directory)})
        self._tell({"go": True})
        return int(child["pid"])

    def end(self) -> Ending:
        """Wait for the end of the act that was begun."""
        return _ending(self._answer())

    def writes(self, name: str, directory: Path) -> tuple[Ending, Counter[str]]:
        """Do an act unharmed, and count its system calls that write by their names."""
        child = self._ask({"act": name, "directory": str(directory)})
        log = directory.with_suffix(".trace")
        with _traced(int(child["pid"]), "-o", str(log)):
            ended = self._ask({"go": True})
        calls = Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", log.read_text(), re.MULTILINE))
        return _ending(ended), calls

    def trace(self, name: str, prepared: Path, directory: Path) -> str:
        """Do an act unharmed on a copy of an installation; gives its writes, with every byte."""
        shutil.copytree(prepared, directory)
        child = self._ask({"act": name, "directory": str(directory)})
        log = directory.with_suffix(".trace")
        with _traced(int(child["pid"]), "-xx", "-y", "-s", "1000000", "-o", str(log)):
            assert not _ending(self._ask({"go": True})).killed
        return log.read_text()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        self._tell(question)
        return self._answer()

    def _tell(self, what: dict[str, Any]) -> None:
        assert self._warm.stdin is not None
        print(json.dumps(what), file=self._warm.stdin, flush=True)

    def _answer(self) -> dict[str, Any]:
        assert self._warm.stdout is not None
        answer: dict[str, Any] = json.loads(self._warm.stdout.readline())
        return answer

    def close(self) -> None:
        """End the warm process."""
        self._warm.communicate()


def _ending(answer: dict[str, Any]) -> Ending:
    return Ending(answer["status"] != 0, tuple(answer["acknowledged"]))


@contextmanager
def killer() -> Iterator[Killer]:
    """Have a killer for as long as the block lasts."""
    with closing(Killer()) as made:
        yield made


@contextmanager
def _traced(pid: int, *options: str) -> Iterator[None]:
    with subprocess.Popen(
        ["strace", "-f", "-p", str(pid), "-e", f"trace={WRITES}", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as strace:
        assert strace.stderr is not None
        while "attached" not in (line := strace.stderr.readline()):
            assert line, f"strace cannot attach to {pid}"
        yield
        strace.stderr.read()


def every_kill(
    killer: Killer, act: str, prepared: Path, scratch: Path, step: int = 1
) -> Iterator[tuple[str, Path, Ending]]:
    """Do an act on fresh copies of an installation, killed at each `step`th write in turn.

    Gives which write, the copy and how it ended; the first one is not killed. strace counts each
    system call for itself, so the writes are told by name and number.
    """
    for point, directory in _copies(["none"], prepared, scratch):
        unharmed, calls = killer.writes(act, directory)
        assert not unharmed.killed
        assert not any(each.startswith("error") for each in unharmed.acknowledged), unharmed
        yield point, directory, unharmed
    points = [f"{call}:{number}" for call in calls for number in range(1, calls[call] + 1)]
    for point, directory in _copies(points[::step], prepared, scratch):
        call, _, number = point.partition(":")
        yield point, directory, killer.act(act, directory, f"{call}:signal=KILL:when={number}")


def _copies(points: Iterable[str], prepared: Path, scratch: Path) -> Iterator[tuple[str, Path]]:
    for point in points:
        directory = scratch / f"at-{point.replace(':', '-')}"
        shutil.copytree(prepared, directory)
        yield point, directory
        shutil.rmtree(directory)


def _serve() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        acknowledge_out, acknowledge_in = os.pipe()
        go_out, go_in = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(go_out, 1)
            status = _do(ACTS[order["act"]], Path(order["directory"]), acknowledge_in)
            os._exit(status)
        os.close(acknowledge_in)
        _answer({"pid": pid})
        sys.stdin.readline()
        os.write(go_in, b"x")
        _, status = os.waitpid(pid, 0)
        with os.fdopen(acknowledge_out) as pipe:
            acknowledged = pipe.read().splitlines()
        os.close(go_in)
        os.close(go_out)
        _answer({"status": status, "acknowledged": acknowledged})


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(answer)}\n")
    sys.stdout.flush()


def _do(act: Callable[[Path, Callable[[str], None]], None], directory: Path, pipe: int) -> int:
    def acknowledge(what: str) -> None:
        os.write(pipe, f"{what}\n".encode())

    try:
        act(directory, acknowledge)
    except Exception as error:  # noqa: BLE001 - it is told, whatever it is
        acknowledge(f"error: {error}")
    return 0


if __name__ == "__main__":
    _serve()
