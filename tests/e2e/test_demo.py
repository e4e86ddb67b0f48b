"""`tallyd demo` for real: its daemon, its recordings, its report, and what it leaves behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import pytest

from tallyd.demo.scenario import ACTS, AIRINGS, CAMPUS

pytestmark = pytest.mark.timeout(150)

ENDS_WITHIN_S = 60


class Starter:
    """Starts demos in one directory, and ends those that a failing test leaves behind."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: list[subprocess.Popen[str]] = []

    def __call__(self, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start the command with an environment as bare as a service's."""
        demo = subprocess.Popen(
            [sys.executable, "-m", "tallyd", "demo", *arguments],
            cwd=self._directory,
            env={"PATH": os.environ["PATH"], "HOME": str(self._directory), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(demo)
        return demo

    def end(self) -> None:
        """End what still runs, and close every pipe."""
        for demo in self._started:
            with demo:
                demo.terminate()


@pytest.fixture
def start_demo(tmp_path: Path) -> Iterator[Starter]:
    """Start demos below the test's own directory."""
    starter = Starter(tmp_path)
    yield starter
    starter.end()


def processes_of(directory: Path) -> list[str]:
    """Give the command lines of all processes that name the directory."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in line:
            found.append(line)
    return found


def decodes(file: Path) -> bool:
    """Tell whether another ffmpeg than the demo's may find no fault with a file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(file), "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.returncode == 0 and not done.stderr


RECORDING, PUBLISHING, LIVE = "*comment=tallyd*", "*-hls_time*", "*,arealtime*mpegts*"
"""By which an ffmpeg knows what it is for."""


def ffmpeg_that(tmp_path: Path, when: str, then: str = "exit 1") -> str:
    """Put an ffmpeg first in a PATH that does what the shell text says when it is for that."""
    directory = tmp_path / "bin"
    directory.mkdir()
    real = imageio_ffmpeg.get_ffmpeg_exe()
    script = directory / "ffmpeg"
    script.write_text(f'#!/bin/sh\ncase "$*" in {when}) {then} ;; esac\nexec "{real}" "$@"\n')
    script.chmod(0o755)
    return f"{directory}:{os.environ['PATH']}"


def test_the_demo_records_what_it_planned_and_every_file_plays(start_demo: Starter, tmp_path: Path):
    """The README's first command: under a minute, exit 0, and files that really decode."""
    began = time.monotonic()
    demo = start_demo("--dir", "shown", "--json")
    stdout, stderr = demo.communicate(timeout=ENDS_WITHIN_S)
    took_s = time.monotonic() - began

    assert demo.returncode == 0, stdout + stderr
    report = json.loads(stdout)
    assert report["as_planned"] is True
    assert report["deviations"] == []
    by_name = {each["name"]: each for each in report["schedules"]}
    assert by_name.keys() == {act.name for act in ACTS}
    assert (by_name["Guest talk"]["outcome"], by_name["Guest talk"]["blocker"]) == (
        "blocked",
        "Course",
    )
    assert by_name["Rehearsal"]["reason"] == "operator"
    parts = [part for each in report["schedules"] for part in each["parts"]]
    files = [Path(part["file"]) for part in parts if part["file"]]
    assert len(files) == len(set(files)) == 8
    assert all(decodes(file) for file in files)
    on_disk = {path for path in (tmp_path / "shown/recordings").rglob("*") if path.is_file()}
    assert on_disk == set(files), "nothing else was recorded, nothing is unfinished"
    channel = report["channel"]
    assert [each["kind"] for each in channel["on_air"]] == [each.kind for each in AIRINGS]
    assert channel["interruptions"] == 0
    assert channel["playlist"] == str(tmp_path / "shown/viewed/campus.m3u8")
    assert decodes(Path(channel["playlist"]))
    assert took_s < ENDS_WITHIN_S
    assert processes_of(tmp_path) == []


def test_a_recorder_that_fails_makes_the_demo_fail(start_demo: Starter, tmp_path: Path):
    """The report's verdict is about files, not about a demo that came to its end."""
    demo = start_demo(PATH=ffmpeg_that(tmp_path, RECORDING))
    stdout, stderr = demo.communicate(timeout=ENDS_WITHIN_S)
    assert demo.returncode == 1, stdout + stderr
    assert "NOT as planned" in stdout
    assert "Lecture: the outcome is failed, not recorded" in stdout
    assert "Guest talk: " not in stdout, "what was to be blocked was blocked"
    assert not stderr
    assert list((tmp_path / "tallyd-demo/recordings").rglob("*.mkv")) == []


def test_a_channel_that_fails_makes_the_demo_fail(start_demo: Starter, tmp_path: Path):
    """What was not on air and what was not published are named; the rooms are none the worse."""
    demo = start_demo("--json", PATH=ffmpeg_that(tmp_path, f"{PUBLISHING}|{LIVE}"))
    stdout, stderr = demo.communicate(timeout=ENDS_WITHIN_S)
    assert demo.returncode == 1, stdout + stderr
    report = json.loads(stdout)
    wrong = "\n".join(report["channel"]["deviations"])
    assert "nothing was published" in wrong
    assert re.search(r"^live of \S+ was not on air$", wrong, re.MULTILINE)
    assert re.search(r"^slate was on air .* which nobody planned: ", wrong, re.MULTILINE)
    assert "asset of" not in wrong, "what else was due came on"
    rooms = [each for each in report["schedules"] if each["target"] != CAMPUS]
    assert [each["deviations"] for each in rooms] == [[]] * len(rooms)
    assert processes_of(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_an_interrupted_demo_ends_its_daemon_and_finishes_its_files(
    start_demo: Starter, tmp_path: Path, number: signal.Signals
):
    """Ctrl-C in the middle leaves whole files and no process."""
    demo = start_demo()
    read_until(demo, "Lecture     records")
    assert len(processes_of(tmp_path)) >= 1
    time.sleep(1)
    demo.send_signal(number)
    _, stderr = demo.communicate(timeout=20)
    assert demo.returncode == 130
    assert stderr == f"tallyd: {number.name} ended the demo, its daemon and its recordings\n"
    assert processes_of(tmp_path) == []
    files = sorted(path.name for path in (tmp_path / "tallyd-demo/recordings").rglob("*.*"))
    assert files == ["Course.mkv", "Lecture.mkv"]
    assert all(decodes(path) for path in (tmp_path / "tallyd-demo").rglob("*.mkv"))


def read_until(demo: subprocess.Popen[str], words: str) -> None:
    """Read what the demo prints until a line has these words."""
    assert demo.stdout is not None
    assert any(words in line for line in demo.stdout), f"the demo never said {words!r}"


def test_a_reader_that_goes_away_ends_the_demo_without_a_word(start_demo: Starter, tmp_path: Path):
    """`tallyd demo | head -1` leaves neither a traceback nor a daemon."""
    demo = start_demo()
    assert demo.stdout is not None
    assert demo.stderr is not None
    demo.stdout.readline()
    demo.stdout.close()
    assert demo.stderr.read() == ""
    assert demo.wait(timeout=ENDS_WITHIN_S) == 141
    assert processes_of(tmp_path) == []


def test_without_any_ffmpeg_the_demo_says_what_to_install(start_demo: Starter, tmp_path: Path):
    """A machine that has none gets the command that helps, and no directory."""
    (tmp_path / "imageio_ffmpeg.py").write_text("raise ImportError\n")
    demo = start_demo(PATH="/nowhere", PYTHONPATH=str(tmp_path))
    stdout, stderr = demo.communicate(timeout=20)
    assert demo.returncode == 1
    assert stdout == ""
    assert "pip install 'tallyd[ffmpeg]'" in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "tallyd-demo").exists()


def test_an_ffmpeg_that_cannot_record_is_said_at_once(start_demo: Starter, tmp_path: Path):
    """A system ffmpeg without an encoder is named before anything is booked."""
    (tmp_path / "ffmpeg").symlink_to("/bin/false")
    demo = start_demo(PATH=str(tmp_path))
    _, stderr = demo.communicate(timeout=20)
    assert demo.returncode == 1
    assert f"{tmp_path}/ffmpeg cannot record a test picture" in stderr
    assert not (tmp_path / "tallyd-demo").exists()


def test_a_directory_with_something_in_it_is_left_alone(start_demo: Starter, tmp_path: Path):
    """The demo never writes into what is there."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("precious")
    demo = start_demo("--dir", "mine")
    _, stderr = demo.communicate(timeout=20)
    assert demo.returncode == 1
    assert "mine is not empty" in stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_the_environment_cannot_lead_the_demo_astray(start_demo: Starter, tmp_path: Path):
    """A shell that is set up for the real appliance does not put the demo into its database."""
    demo = start_demo(TALLYD_APPLIANCE__STATE_DIR=str(tmp_path / "real"))
    read_until(demo, "Lecture     waits")
    demo.send_signal(signal.SIGINT)
    demo.communicate(timeout=20)
    assert demo.returncode == 130
    assert not (tmp_path / "real").exists()
    assert (tmp_path / "tallyd-demo/state/tallyd.db").exists()


def test_a_daemon_that_ends_in_the_middle_ends_the_demo_with_its_last_words(
    start_demo: Starter, tmp_path: Path
):
    """The demo does not wait out its half minute for a daemon that is gone."""
    demo = start_demo()
    read_until(demo, "Lecture     records")
    picture = json.loads((tmp_path / "tallyd-demo/state/run/state.json").read_text())
    os.kill(picture["pid"], signal.SIGTERM)
    _, stderr = demo.communicate(timeout=20)
    assert demo.returncode == 1
    assert "the daemon ended by itself with status 0" in stderr
    assert "daemon.stopped" in stderr
    assert processes_of(tmp_path) == []
