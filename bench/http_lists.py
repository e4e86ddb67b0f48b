"""How long one client waits for the lists that clients ask for over and over."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from anyio import to_thread

from bench import samples
from bench.figures import Row, row
from bench.house import House, house
from tallyd.app.accounts import open_accounts
from tallyd.domain.accounts import Purpose, Role

SCHEDULES = 500
WARM = 5
FULL, QUICK = 400, 60
APART_S = 0.05
PROMISE = "p95 <= 30"
OWNER = "bench"
CHANGED = {"target": "rooms.r0", "start": "2036-12-01T09:00", "duration": "1h"}


class Client:
    """One connection that stays, with one key."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._key = key

    def took_ms(self, path: str) -> float:
        """Ask once, and give how long the whole answer took."""
        begun = time.perf_counter()
        self._ask("GET", path, None)
        return (time.perf_counter() - begun) * 1e3

    def book(self, name: str) -> None:
        """Have the server's database change."""
        self._ask("POST", "/api/v1/schedules", json.dumps({**CHANGED, "name": name}))

    def _ask(self, method: str, path: str, body: str | None) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        whole = path.replace("KEY", self._key)
        self._connection.request(method, whole, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status not in {200, 201}:
            raise RuntimeError(f"{method} {path}: {answer.status}")


LISTS = {
    "native": "/api/v1/schedules",
    "VALT": "/api/v3/schedule?access_token=KEY",
    "VALT rooms": "/api/v3/rooms/info?access_token=KEY",
}


async def measure(*, quick: bool) -> Iterator[Row]:
    """Ask a server of a house of 500 schedules, for each list alone, then after each booking."""
    times = QUICK if quick else FULL
    async with house(samples.rooms(SCHEDULES)) as made:
        await made.book(samples.drafts(SCHEDULES, made.clock.now()))
        keys = {role: await _key(made, role) for role in (Role.ADMIN, Role.OPERATOR)}
        with _serving(made) as port:
            found = [
                await _steady(made, Client(port, key), name, role, times)
                for role, key in keys.items()
                for name in LISTS
            ]
            admin = Client(port, keys[Role.ADMIN])
            found += [await _after_changes(made, admin, name, times // 4) for name in LISTS]
    return iter(found)


async def _steady(made: House, client: Client, name: str, role: Role, times: int) -> Row:
    took_ms = [await _asked(made, client, name) for _ in range(WARM + times)]
    return row(f"http: list of {SCHEDULES}, {name}, {role}", took_ms[WARM:], PROMISE)


async def _after_changes(made: House, client: Client, name: str, times: int) -> Row:
    took_ms: list[float] = []
    for number in range(times):
        await to_thread.run_sync(client.book, f"{name} {number}")
        took_ms.append(await _asked(made, client, name))
    return row(f"http: list of {SCHEDULES}, {name}, after each booking", took_ms, "")


async def _asked(made: House, client: Client, name: str) -> float:
    await made.clock.sleep(APART_S)
    return await to_thread.run_sync(client.took_ms, LISTS[name])


async def _key(made: House, role: Role) -> str:
    async with open_accounts(made.settings) as accounts:
        await accounts.add(f"{OWNER}-{role}", role, "correct horse")
        return (await accounts.issue(f"{OWNER}-{role}", Purpose.NATIVE)).secret


@contextmanager
def _serving(made: House) -> Iterator[int]:
    """Run the server as a process, without a daemon; gives its port."""
    words = ("-m", "tallyd", "--config", str(made.root / "tallyd.toml"))
    listen = ("serve", "--listen", "tcp:127.0.0.1:0")
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, *words, *listen], stdout=subprocess.PIPE
    ) as server:
        try:
            yield _port(server)
        finally:
            server.terminate()


def _port(server: "subprocess.Popen[bytes]") -> int:
    if server.stdout is not None:
        for line in server.stdout:
            told = json.loads(line)
            if told["event"] == "server.started":
                return int(told["listen"][0].rpartition(":")[2])
    raise RuntimeError("the server did not start")
