"""A secret goes to the device that it is for, and nowhere else: a canary through every path."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest

from camera_rig import camera
from house_rig import House, eventually, house_at

pytestmark = pytest.mark.timeout(180)

CANARY = "c4n4ry-hunter2"
TALKATIVE = """
import os, sys
for name in ("PIN", "API_KEY", "SERVER"):
    print("it is", os.environ.get(name), os.environ.get(name, "").rpartition("/")[2])
sys.exit(3)
"""
UNMASKED = """
import sys
from tallyd.domain import secrecy
secrecy.mask_urls = lambda text: text
secrecy.hide = lambda text, secrets: text
sys.argv = sys.argv[3:]
from tallyd.__main__ import main
main()
"""
"""A daemon without the one rule for secrets, for a control."""

REFUSAL = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
COMMANDS = (
    ("check",),
    ("status",),
    ("plan",),
    ("runs",),
    ("targets",),
    ("drivers",),
    ("doctor",),
    ("schedule", "list"),
)


def address(port: int, what: str) -> str:
    """Give the address of a camera with secrets in it, told apart by `what`."""
    return f"http://bob:{CANARY}-{what}@127.0.0.1:{port}/x.ts?token={CANARY}-{what}-token"


def room(source: str) -> str:
    """Give the lines of a room with an ffmpeg."""
    return f'driver = "ffmpeg"\noptions = {{ source = "{source}", timeout_s = 1 }}'


@contextmanager
def answering(answer: Callable[[bytes], bytes]) -> Iterator[int]:
    """Answer the first thing that each client says."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client, suppress(OSError):
                        asked = client.recv(4096)
                        client.sendall(answer(asked))

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


def refused(asked: bytes) -> bytes:
    """Refuse everybody's password, repeating it."""
    return REFUSAL.replace(b"\r\nC", b"\r\nX-Asked: " + asked[:80], 1)


def not_found(asked: bytes) -> bytes:
    """Find no stream over RTSP, and repeat the last part of its path, without a URL around it."""
    key = asked.partition(b"\r")[0].rpartition(b"/live/")[2]
    return b"RTSP/1.0 404 Not Found " + key + b"\r\nCSeq: 1\r\n\r\n"


def streams(rtsp: int) -> dict[str, str]:
    """Give the addresses of streams whose key is in the path, or an option of the protocol."""
    return {
        "rtsp": f"rtsp://127.0.0.1:{rtsp}/live/{CANARY}-path",
        "rtmp": f"rtmp://127.0.0.1:1/live/{CANARY}-path",
        "srt": f"srt://127.0.0.1:1?streamid=#!::r={CANARY}-stream,m=request",
        "locked": f"srt://127.0.0.1:1?passphrase={CANARY}-phrase&streamid={CANARY}-stream",
    }


def talker() -> str:
    """Give the lines of a room with a command that repeats the secrets it was given."""
    command = json.dumps([sys.executable, "-c", TALKATIVE])
    variables = ", ".join(
        (
            'PIN = "credential:pin"',
            f'API_KEY = "{CANARY}-key"',
            f'SERVER = "rtmp://127.0.0.1/live/{CANARY}-variable"',
        )
    )
    return (
        f'driver = "command"\noptions = {{ run = {command}, '
        f'environment = {{ {variables} }}, confirm = "alive" }}'
    )


@contextmanager
def service_manager(root: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Have a socket that hears what systemd is told; gives its path, and what came so far."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(root / "notify"))
        heard.settimeout(0)
        said: list[bytes] = []

        def so_far() -> bytes:
            with suppress(BlockingIOError):
                while True:
                    said.append(heard.recv(65_536))
            return b"\n".join(said)

        yield str(root / "notify"), so_far


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Give an empty installation that logs all there is."""
    with house_at(tmp_path) as built:
        built.more = '[logs]\nlevel = "debug"\n'
        yield built


class Search:
    """Looks for the canary in everything that anybody could read."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._environment: dict[str, str] = {}
        self._at_once = anyio.CapacityLimiter(3)
        self.looked_at = 0

    def given(self, **environment: str) -> dict[str, str]:
        """Note the environment that daemon and commands are run with."""
        self._environment = environment
        return environment

    def see(self, what: str, content: bytes) -> None:
        """Look at one thing."""
        self.looked_at += 1
        assert CANARY.encode() not in content, (
            what,
            content[max(0, content.find(CANARY.encode()) - 300) :][:600],
        )

    def processes(self) -> None:
        """Look at all that is shown of all processes but the daemon and the tests themselves."""
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                self.see(f"arguments of {entry}", (entry / "cmdline").read_bytes())
        for pid in self._house.recorders():
            with suppress(OSError):  # one that fails has ended by now
                environment = Path(f"/proc/{pid}/environ").read_bytes()
                self.see("environment of a recorder", environment)
                for name in (b"TALLYD_", b"CREDENTIALS_DIRECTORY"):
                    assert name not in environment

    def files(self) -> None:
        """Look at the database, its log, backups, the published picture, logs and recordings."""
        kept = (self._house.config, self._house.root / "credentials")
        for path in self._house.root.rglob("*"):
            if path.is_file() and path not in kept and kept[1] not in path.parents:
                self.see(str(path), path.read_bytes())

    async def commands(self, *commands: tuple[str, ...]) -> None:
        """Look at what reports say, to people and to programs."""
        async with anyio.create_task_group() as group:
            for words in commands:
                for json_too in ((), ("--json",)):
                    group.start_soon(self._command, (*words, *json_too))

    async def _command(self, words: tuple[str, ...]) -> None:
        argv = [sys.executable, "-m", "tallyd", "--config", str(self._house.config)]
        environment = {**os.environ, **self._environment}
        async with self._at_once:
            done = await anyio.run_process([*argv, *words], env=environment, check=False)
        assert b"Traceback" not in done.stderr, words
        self.see(" ".join(words), done.stdout + done.stderr)


async def test_a_secret_is_nowhere_but_with_its_device(house: House) -> None:
    """By whichever way it came in: the file, the environment, a credential of systemd."""
    credentials = house.root / "credentials"
    credentials.mkdir(mode=0o700)
    (credentials / "pin").write_text(f"{CANARY}-pin\n")
    asked: list[str] = []
    search = Search(house)
    with (
        camera(asked=asked) as eye,
        answering(refused) as wrong,
        answering(not_found) as rtsp,
        service_manager(house.root) as (notify, told_systemd),
    ):
        (credentials / "hall").write_text(address(eye, "credential"))
        house.configure(
            file=room(address(eye, "file")),
            environment=room("test"),
            hall=room("credential:hall"),
            wrong=room(address(wrong, "wrong")),
            nobody=room(address(1, "nobody")),
            talkative=talker(),
            **{name: room(source) for name, source in streams(rtsp).items()},
        )
        environment = search.given(
            NOTIFY_SOCKET=notify,
            CREDENTIALS_DIRECTORY=str(credentials),
            TALLYD_ROOMS__ENVIRONMENT__OPTIONS__SOURCE=address(eye, "environment"),
        )
        daemon = await house.start(**environment)
        failing = ("wrong", "nobody", "talkative", *streams(rtsp))
        rooms = ("file", "environment", "hall", *failing)
        booked = [await house.book(name, 6) for name in rooms]
        for name in ("file", "environment", "hall"):
            await daemon.heard("run.started", target=f"rooms.{name}")
            search.processes()
        for name in failing:
            await daemon.heard("run.retrying", target=f"rooms.{name}")
        assert len(house.recorders()) >= 3  # of the others each may be at its next try
        search.processes()
        await search.commands(*COMMANDS)
        good = house.config.read_text()
        for bad in (
            good + f'[rooms.bad]\ndriver = "{address(eye, "x")}"\n',
            good + f'[rooms.bad]\ndriver = "ffmpeg"\noptions = {{ sauce = "{CANARY}" }}\n',
            good + f'[rooms.bad]\ndriver = "ffmpeg"\noptions = {{ source = "x://b:{CANARY}@h" }}\n',
            good
            + f'[rooms.bad]\ndriver = "ffmpeg"\noptions = {{ source = "rtmp:/h/a/{CANARY}" }}\n',
            good + f'[rooms.bad]\ndriver = "ffmpeg"\noptions = {{ inputs = ["h/a/{CANARY}"] }}\n',
            good
            + f'[rooms.bad]\ndriver = "command"\noptions = {{ run = ["rtmp://h/{CANARY}"] }}\n',
            good + f'[rooms.bad]\ndriver = "rtmp://h/live/{CANARY}"\n',
            good + f'[rooms.bad]\ndriver = "ffmpeg"\npassword = "{CANARY}"\n',
            good.replace("pin", "nobody"),
            good + f'[rooms.bad]\ndriver = "ffmpeg"\noptions = {{ source = "{CANARY}',
        ):
            house.config.write_text(bad)
            told = len(daemon.said("config.refused"))
            os.kill(daemon.pid, signal.SIGHUP)
            await eventually(lambda told=told: len(daemon.said("config.refused")) > told)
            await search.commands(("check",))
        house.config.write_text(good)
        for schedule in booked:
            await house.finished(schedule)
        await search.commands(("runs",), ("status",))
        assert await daemon.end(signal.SIGINT) == 0
        search.see("what systemd is told", told_systemd())
        assert b"STATUS=" in told_systemd()
    search.files()
    said = " ".join(str(line.get("detail")) for line in daemon.said("run.retrying"))
    assert "Server returned 404" in said, "nobody ever answered over RTSP"
    assert "it is ***" in said, "the program never repeated its secrets"
    for way in ("file", "environment", "credential"):
        assert any(f"{CANARY}-{way}-token" in path for path in asked), "the device never got it"
    assert search.looked_at > 100


async def test_control_without_the_rule_it_is_everywhere(house: House) -> None:
    """Control: a daemon that masks nothing has the canary in log, ledger and picture."""
    house.within = (sys.executable, "-c", UNMASKED)
    (house.root / "credentials").mkdir(mode=0o700)
    (house.root / "credentials" / "pin").write_text(f"{CANARY}-pin\n")
    search = Search(house)
    with answering(not_found) as rtsp:
        house.configure(
            rtsp=room(streams(rtsp)["rtsp"]), rtmp=room(streams(rtsp)["rtmp"]), talkative=talker()
        )
        environment = search.given(CREDENTIALS_DIRECTORY=str(house.root / "credentials"))
        daemon = await house.start(**environment)
        for name in ("rtsp", "rtmp", "talkative"):
            await house.book(name, 3)
        for name in ("rtsp", "rtmp", "talkative"):
            detail = (await daemon.heard("run.retrying", target=f"rooms.{name}"))["detail"]
            assert CANARY in detail, name
        await eventually(lambda: CANARY in house.snapshot.read_text())
        await daemon.end(signal.SIGINT)
    assert CANARY.encode() in house.database.read_bytes()
    with pytest.raises(ExceptionGroup) as found:
        await search.commands(("runs",))
    assert found.value.split(AssertionError)[1] is None


def test_control_the_search_finds_what_is_shown(tmp_path: Path) -> None:
    """Control: an argument of a process and a file with the canary do not go unnoticed."""
    with house_at(tmp_path) as house:
        search = Search(house)
        search.processes()
        with subprocess.Popen(
            (sys.executable, "-c", "input()", CANARY), stdin=subprocess.PIPE
        ) as shown:
            time.sleep(0.5)  # its arguments are there a moment after it is
            with pytest.raises(AssertionError):
                search.processes()
            shown.kill()
        (tmp_path / "notes").write_text(CANARY)
        with pytest.raises(AssertionError):
            search.files()
