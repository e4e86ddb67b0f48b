"""The daemon and a service manager that only listens: what is said when. Needs no root."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

CONFIG = """
[appliance]
state_dir = "state"
min_piece = "0s"
[rooms.aula]
driver = "ffmpeg"
options = { source = "test", size = "320x180" }
[rooms.rehearsal]
driver = "simulated"
"""
TALLYD = (sys.executable, "-m", "tallyd", "--config", "tallyd.toml")


class Place:
    """One installation and its daemon."""

    def __init__(self, root: Path, address: str, watchdog_s: float) -> None:
        self.root = root
        (root / "tallyd.toml").write_text(CONFIG)
        plain = {key: text for key, text in os.environ.items() if not key.startswith("TALLYD_")}
        usec = str(round(watchdog_s * 1e6))
        with (root / "log").open("wb") as log:
            self.daemon = subprocess.Popen(
                [*TALLYD, "run"],
                cwd=root,
                env={**plain, "NOTIFY_SOCKET": address, "WATCHDOG_USEC": usec},
                stdin=subprocess.DEVNULL,
                stdout=log,
            )

    def book(self, name: str, start: str, duration: str) -> None:
        """Book the hall."""
        words = ("--target", "rooms.aula", "--name", name, "--start", start)
        subprocess.run(
            [*TALLYD, "schedule", "add", *words, "--duration", duration, "--json"],
            cwd=self.root,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def recorders(self) -> list[Path]:
        """Give the places in /proc of the ffmpegs that record here."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                if b"ffmpeg" in words and f"{self.root}/state".encode() in words:
                    found.append(entry)
        return found

    def put_down(self) -> None:
        """End what still runs."""
        self.daemon.kill()
        self.daemon.wait()
        for entry in self.recorders():
            with suppress(ProcessLookupError):
                os.kill(int(entry.name), signal.SIGKILL)


@pytest.fixture
def place(tmp_path: Path, listening) -> Iterator[Place]:
    """Give a daemon whose service manager allows it half a second of silence."""
    here = Place(tmp_path, listening.address, watchdog_s=0.5)
    yield here
    here.put_down()


def test_it_says_when_it_is_ready_what_it_does_and_that_it_ends(place, listening, eventually):
    """Every stage is told in order, and to people what records and what comes next."""
    eventually(lambda: "READY=1" in listening.heard)
    eventually(lambda: "STATUS=recording 0; nothing starts within 24 h" in listening.heard)
    place.book("Lecture", "now", "1m")
    eventually(lambda: "STATUS=recording 1; nothing starts within 24 h" in listening.heard)
    place.daemon.send_signal(signal.SIGTERM)
    assert place.daemon.wait(timeout=30) == 0
    heard = [words for words in listening.heard if words != "WATCHDOG=1"]
    assert heard[0] == "READY=1"
    assert [words for words in heard if not words.startswith("STATUS=")] == [
        "READY=1",
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000",
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000",
    ]
    ending = heard[heard.index("STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000") :]
    assert not [words for words in ending if words.startswith("STATUS=recording")]


def test_it_proves_for_as_long_as_it_runs_that_it_is_not_stuck(place, listening, eventually):
    """The watchdog hears of it again and again, and of nothing while the daemon stands still."""
    eventually(lambda: listening.heard.count("WATCHDOG=1") > 9)
    place.daemon.send_signal(signal.SIGSTOP)
    before = len(listening.heard)
    with pytest.raises(AssertionError):
        eventually(lambda: len(listening.heard) > before, within_s=1)
    place.daemon.send_signal(signal.SIGCONT)
    eventually(lambda: len(listening.heard) > before)


def test_a_recorder_does_not_inherit_the_way_to_systemd(place, eventually):
    """No child can say in the daemon's name that all is well, or that it ends."""
    place.book("Lecture", "now", "1m")
    (recorder,) = eventually(place.recorders)
    words = (recorder / "environ").read_bytes().split(b"\0")
    assert any(word.startswith(b"PATH=") for word in words)
    assert not [word for word in words if word.startswith((b"NOTIFY", b"WATCHDOG"))]
    open_to = [str(handle.readlink()) for handle in (recorder / "fd").iterdir()]
    assert not [each for each in open_to if each.startswith("socket:")]
