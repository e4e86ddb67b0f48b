"""Clients that are slow, too many, or talk nonsense: each costs itself alone."""

import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import anyio
import httpx
import pytest

from api_rig import CONFIG, Api, api_at
from tallyd.api import connection, gate


@pytest.fixture
async def tight(tmp_path: Path) -> AsyncIterator[Api]:
    """Give a server that bears three connections and a request a second."""
    limits = "\n[http]\nconnections = 3\nrequests_per_second = 1\n"
    async with api_at(tmp_path, CONFIG + limits) as served:
        yield served


async def _raw(api: Api, sent: bytes) -> bytes:
    """Send bytes and nothing else, and give all that comes back until the end."""
    async with await anyio.connect_tcp("127.0.0.1", api.port) as stream:
        if sent:
            await stream.send(sent)
        got = b""
        with anyio.fail_after(10):
            try:
                while True:
                    got += await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError):
                return got


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: l"])
async def test_who_dawdles_is_cut_off(
    api: Api, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers that do not come to an end keep no connection."""
    monkeypatch.setattr(connection, "HEADERS_WITHIN_S", 0.2)
    assert (await _raw(api, sent)).startswith(b"HTTP/1.1 408 Request Timeout")


async def test_a_body_that_does_not_come_is_cut_off(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a body."""
    monkeypatch.setattr(gate, "BODY_WITHIN_S", 0.2)
    head = f"POST /api/v1/schedules HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
    got = await _raw(api, f"{head}Content-Length: 10\r\n\r\nabc".encode())
    assert got.startswith(b"HTTP/1.1 408 Request Timeout")


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_nonsense_is_refused(api: Api, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no request gets a refusal, and the server goes on."""
    monkeypatch.setattr(connection, "HEADERS_WITHIN_S", 0.5)
    assert (await _raw(api, sent)).startswith((b"HTTP/1.1 40", b"HTTP/1.1 421", b"HTTP/1.1 50"))
    async with api.client() as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_endless_headers_are_refused(api: Api) -> None:
    """Nobody fills the memory with a header."""
    got = await _raw(api, b"GET / HTTP/1.1\r\nX: " + b"a" * 100_000)
    assert got.startswith(b"HTTP/1.1 431")


async def test_too_many_connections_are_refused(tight: Api) -> None:
    """What comes beyond the limit is told so, and those before it are served."""
    held = [socket.create_connection(("127.0.0.1", tight.port)) for _ in range(3)]
    await anyio.sleep(0.1)
    refused = await _raw(tight, b"GET /healthz HTTP/1.1\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 503")
    for each in held:
        each.close()
    async with tight.client() as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_who_asks_too_often_has_to_wait(tight: Api) -> None:
    """One caller that hammers leaves the others their turn."""
    async with tight.client(await tight.user("alice")) as alice:
        answers = [await alice.get("/api/v1/me") for _ in range(20)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    async with tight.client(await tight.user("bob")) as bob:
        assert (await bob.get("/api/v1/me")).status_code == 200


async def test_the_socket_is_closed_to_others(api: Api) -> None:
    """Only the group of the daemon reaches the Unix socket."""
    assert await anyio.Path(api.unix).stat()
    mode = (await anyio.Path(api.unix).stat()).st_mode
    assert mode & 0o777 == 0o660


async def test_requests_one_after_another_share_a_connection(api: Api) -> None:
    """Keep-alive works, and pipelined requests are answered in order."""
    head = f"GET /healthz HTTP/1.1\r\nHost: localhost:{api.port}\r\n"
    last = f"{head}Connection: close\r\n\r\n"
    got = await _raw(api, f"{head}\r\n{head}\r\n{last}".encode())
    assert got.count(b"HTTP/1.1 200 OK") == 3


async def test_a_large_answer_to_a_slow_reader(api: Api) -> None:
    """A client that goes away in the middle disturbs nobody."""
    with socket.create_connection(("127.0.0.1", api.port)) as rude:
        rude.sendall(
            f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost:{api.port}\r\n\r\n".encode()
        )
    async with httpx.AsyncClient(base_url=api.url) as client:
        assert (await client.get("/healthz")).status_code == 200


def _asks_and_does_not_read(api: Api) -> socket.socket:
    """Ask for more than all buffers on the way hold, and read nothing of it."""
    greedy = socket.socket()
    greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    greedy.connect(("127.0.0.1", api.port))
    asked = f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: localhost:{api.port}\r\n\r\n"
    greedy.sendall(asked.encode() * 400)
    return greedy


async def _is_served(api: Api) -> bool:
    """Tell whether somebody else is; if not, wait a moment."""
    try:
        async with api.client() as client:
            if (await client.get("/healthz")).status_code == 200:
                return True
    except httpx.TransportError:
        pass
    await anyio.sleep(0.05)
    return False


@pytest.mark.parametrize("patience_s", [0.2, 60.0])
async def test_who_does_not_read_is_cut_off(
    tight: Api, monkeypatch: pytest.MonkeyPatch, patience_s: float
) -> None:
    """Who asks and reads no answer keeps a connection for a while only, and no memory for good."""
    monkeypatch.setattr(connection, "ANSWER_READ_WITHIN_S", patience_s)
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(_asks_and_does_not_read(tight))
        served = False
        with anyio.move_on_after(10.0 if patience_s < 1 else 2.0):
            while not served:
                served = await _is_served(tight)
    assert served is (patience_s < 1)


async def test_who_guesses_keys_has_to_wait(tight: Api) -> None:
    """Keys cannot be tried by the thousand, and nobody else is kept out meanwhile."""
    right = await tight.user("alice")
    async with tight.client("wrong") as client:
        codes = [(await client.get("/api/v1/me")).status_code for _ in range(20)]
    async with tight.client(right) as client:
        assert (await client.get("/api/v1/me")).status_code == 200
    assert (codes[0], codes[-1]) == (401, 429)
