"""A service manager that only listens."""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from systemd_rig import eventually


class Listening:
    """A service manager's end of the notification socket."""

    def __init__(self, path: str) -> None:
        self.address = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{path[1:]}" if path.startswith("@") else path)
        self._socket.settimeout(0)
        self._heard: list[str] = []

    @property
    def heard(self) -> list[str]:
        """All messages so far, in order."""
        with suppress(BlockingIOError):
            while True:
                self._heard.append(self._socket.recv(4096).decode())
        return self._heard

    def close(self) -> None:
        """Be gone."""
        self._socket.close()


@pytest.fixture
def make_listening() -> Iterator[Callable[[str], Listening]]:
    """Give the maker of service managers that listen at an address."""
    made: list[Listening] = []

    def make(address: str) -> Listening:
        made.append(Listening(address))
        return made[-1]

    yield make
    for manager in made:
        manager.close()


@pytest.fixture
def listening(tmp_path: Path, make_listening: Callable[[str], Listening]) -> Listening:
    """Give a service manager that listens at a path."""
    return make_listening(str(tmp_path / "notify"))


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., Any]:
    """Give the patience of these tests."""
    return eventually
