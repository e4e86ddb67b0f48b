"""Where the server listens, and what stands in its way there."""

import socket
from pathlib import Path

import pytest
from anyio import to_thread

from tallyd.api.listening import listening, written
from tallyd.config import TcpAddress, UnixAddress, parse_address
from tallyd.config.addresses import ListenError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp:127.0.0.1:8080", TcpAddress("127.0.0.1", 8080)),
        ("tcp:[::1]:0", TcpAddress("::1", 0)),
        ("unix:/run/api.sock", UnixAddress(Path("/run/api.sock"))),
    ],
)
def test_addresses_are_read_and_written(text: str, address: TcpAddress | UnixAddress) -> None:
    """What is written is what was read."""
    assert parse_address(text) == address
    assert written(address) == text


@pytest.mark.parametrize(
    "text", ["", "8080", "tcp:8080", "tcp:host:80", "tcp:127.0.0.1:99999", "unix:"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Names are not looked up, and nothing is guessed."""
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        parse_address(text)


async def test_a_socket_that_was_left_behind_is_taken_over(tmp_path: Path) -> None:
    """A server that was killed keeps no other from starting."""
    path = tmp_path / ("a" * 60) / ("b" * 60) / "api.sock"
    async with listening((UnixAddress(path),)):
        assert await to_thread.run_sync(path.is_socket)
        with pytest.raises(ListenError, match="another server"):
            async with listening((UnixAddress(path),)):
                pass
    assert not await to_thread.run_sync(path.exists)
    short = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(short))
    async with listening((UnixAddress(short),)):
        pass


async def test_another_file_is_left_alone(tmp_path: Path) -> None:
    """Nothing but a socket is ever removed."""
    path = tmp_path / "notes"
    path.write_text("mine")
    with pytest.raises(ListenError, match="another file"):
        async with listening((UnixAddress(path),)):
            pass
    assert path.read_text() == "mine"


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """Whoever starts a second server is told where it cannot listen."""
    async with listening((TcpAddress("127.0.0.1", 0),)) as (first,):
        port = first.getsockname()[1]
        with pytest.raises(ListenError, match=f"tcp:127.0.0.1:{port}"):
            async with listening((UnixAddress(tmp_path / "s"), TcpAddress("127.0.0.1", port))):
                pass
