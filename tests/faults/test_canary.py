"""A secret goes to the device that it is for, and nowhere else: a canary through every path."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest

from camera_rig import camera
from house_rig import House, eventually, house_at

pytestmark = pytest.mark.timeout(180)

CANARY = "c4n4ry-hunter2"
TALKATIVE = "import os, sys; print('it is', os.environ['PIN'], file=sys.stderr); sys.exit(3)"
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
def refusing() -> Iterator[int]:
    """Refuse everybody's password, repeating it."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client, suppress(OSError):
                        asked = client.recv(4096)
                        client.sendall(REFUSAL.replace(b"\r\nC", b"\r\nX-Asked: " + asked[:80], 1))

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


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
            environment = Path(f"/proc/{pid}/environ").read_bytes()
            self.see("environment of a recorder", environment)
            assert b"PATH=" in environment
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
    command = json.dumps([sys.executable, "-c", TALKATIVE])
    with camera(asked=asked) as eye, refusing() as wrong:
        (credentials / "hall").write_text(address(eye, "credential"))
        house.configure(
            file=room(address(eye, "file")),
            environment=room("test"),
            hall=room("credential:hall"),
            wrong=room(address(wrong, "wrong")),
            nobody=room(address(1, "nobody")),
            talkative=(
                f'driver = "command"\noptions = {{ run = {command}, '
                f'environment = {{ PIN = "credential:pin" }}, confirm = "alive" }}'
            ),
        )
        environment = search.given(
            CREDENTIALS_DIRECTORY=str(credentials),
            TALLYD_ROOMS__ENVIRONMENT__OPTIONS__SOURCE=address(eye, "environment"),
        )
        daemon = await house.start(**environment)
        rooms = ("file", "environment", "hall", "wrong", "nobody", "talkative")
        booked = [await house.book(name, 6) for name in rooms]
        for name in ("file", "environment", "hall"):
            await daemon.heard("run.started", target=f"rooms.{name}")
            search.processes()
        for name in ("wrong", "nobody", "talkative"):
            await daemon.heard("run.retrying", target=f"rooms.{name}")
        assert len(house.recorders()) == 3
        search.processes()
        await search.commands(*COMMANDS)
        good = house.config.read_text()
        for bad in (
            good + f'[rooms.bad]\ndriver = "{address(eye, "x")}"\n',
            good + f'[rooms.bad]\ndriver = "ffmpeg"\noptions = {{ sauce = "{CANARY}" }}\n',
            good + f'[rooms.bad]\ndriver = "ffmpeg"\noptions = {{ source = "x://b:{CANARY}@h" }}\n',
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
    search.files()
    for way in ("file", "environment", "credential"):
        assert any(f"{CANARY}-{way}-token" in path for path in asked), "the device never got it"
    assert search.looked_at > 100


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
