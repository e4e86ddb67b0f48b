"""`tallyd serve` as a process of its own, with no daemon beside it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from house_rig import House, eventually


class Server:
    """One `tallyd serve` on a port that the system chose."""

    def __init__(self, house: House, log: Path) -> None:
        self._log = log
        words = ["--config", str(house.config), "serve", "--listen", "tcp:127.0.0.1:0"]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("TALLYD_")}
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tallyd", *words], stdout=out, env=environment
            )

    def said(self, event: str) -> list[dict[str, Any]]:
        """Give the lines of an event."""
        lines = [json.loads(line) for line in self._log.read_bytes().splitlines()]
        return [line for line in lines if line["event"] == event]

    async def port(self) -> int:
        """Wait until it listens, and give where."""
        (line, *_) = await eventually(lambda: self.said("server.started"))
        return int(line["listen"][0].rpartition(":")[2])


@pytest.fixture
def server(house: House, tmp_path: Path) -> Iterator[Server]:
    """Give a server of a new installation."""
    house.configure(aula='driver = "simulated"')
    made = Server(house, tmp_path / "server.log")
    yield made
    made.process.kill()
    made.process.wait()


async def test_what_is_under_way_gets_its_answer(server: Server) -> None:
    """A server that is told to end, even twice, serves out who it serves, and nobody else."""
    port = await server.port()
    head = f"POST /api/v1/schedules HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 2\r\n"
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(f"{head}\r\n{{".encode())
        async with await anyio.connect_tcp("127.0.0.1", port) as idle:
            server.process.send_signal(signal.SIGTERM)
            await eventually(lambda: server.said("server.stopping"))
            server.process.send_signal(signal.SIGTERM)
            with pytest.raises(anyio.EndOfStream), anyio.fail_after(10):
                await idle.receive()
        with pytest.raises(OSError, match="connect"):
            await anyio.connect_tcp("127.0.0.1", port)
        await stream.send(b"}")
        assert (await stream.receive()).startswith(b"HTTP/1.1 401")
    await eventually(lambda: server.process.poll() is not None)
    assert server.process.returncode == 0
    assert server.said("server.stopped")


async def test_a_second_server_is_told_where_it_cannot_listen(server: Server, house: House) -> None:
    """What is taken is said, and the first one goes on."""
    port = await server.port()
    words = ["--config", str(house.config), "serve", "--listen", f"tcp:127.0.0.1:{port}"]
    second = await anyio.run_process([sys.executable, "-m", "tallyd", *words], check=False)
    assert second.returncode == 1
    assert f"cannot listen on tcp:127.0.0.1:{port}" in second.stderr.decode()


async def test_a_database_that_was_replaced_is_opened_anew(server: Server, house: House) -> None:
    """What is restored under a server is what it serves: it ends, and is started again."""
    await server.port()
    aside = house.state / "aside.db"
    house.database.rename(aside)
    house.database.write_bytes(aside.read_bytes())
    (line, *_) = await eventually(lambda: server.said("server.stopping"))
    assert "database" in line["why"]
