"""The same starts for tallyd's daemon and its peers: how late does each call the device."""

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import anyio
from anyio import to_thread

from bench.house import House, house
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart
from tallyd.domain.window import from_ms

NS_PER_MS = 10**6
TALLYD, FLOOR = "tallyd", "C timerfd"
JOBS, STORED_JOBS, POLLING = "APScheduler", "APScheduler + SQLAlchemy", "1 s polling"
EVERYONE = (TALLYD, FLOOR, JOBS, STORED_JOBS, POLLING)
LINGER_S = 2


class Wish(NamedTuple):
    """A recording in a room, in ms since 1970; only a `judged` one's start is measured."""

    room: int
    start: int
    stop: int
    judged: bool = True


@dataclass(slots=True)
class Contest:
    """Where the peers are, and whether tallyd set each call of a device a deadline so far."""

    floor: Path
    under_deadline: list[float] = field(default_factory=list[float])

    async def late_ms(
        self, who: str, wishes: Sequence[Wish], until_ms: int | None = None
    ) -> list[float]:
        """Give how late each judged start was, in order of wishes; all lie ahead.

        A daemon runs on until `until_ms`, so that its end disturbs nobody beside it.
        """
        if who == TALLYD:
            called = await self._tallyd(wishes, until_ms)
        else:
            called = await self._peer(who, wishes)
        pairs = zip(wishes, called, strict=True)
        return [at / NS_PER_MS - wish.start for wish, at in pairs if wish.judged]

    async def _tallyd(self, wishes: Sequence[Wish], until_ms: int | None) -> list[int]:
        async with acting_house(wishes, 'driver = "simulated"', until_ms) as made:
            at_ns = {int(call.name): call.called_ns for call in made.calls()}
            self.under_deadline.append(made.calls_under_deadline())
        return [at_ns[number] for number in range(len(wishes))]

    async def _peer(self, who: str, wishes: Sequence[Wish]) -> list[int]:
        with TemporaryDirectory(prefix="tallyd-bench-") as directory:
            database = Path(directory) / "peer.db"
            module = {
                JOBS: ("plain_apscheduler", "memory"),
                STORED_JOBS: ("plain_apscheduler", f"sqlite:///{database}"),
                POLLING: ("polling", str(database)),
            }
            if who == FLOOR:
                words = [str(self.floor), *(str(wish.start) for wish in wishes)]
                said = (await anyio.run_process(words, stderr=None)).stdout
            else:
                name, where = module[who]
                said = await run_peer(name, wishes, where)
        return [int(at) for at in said.decode().strip("[]\n").replace(",", " ").split()]


async def run_peer(module: str, wishes: Sequence[Wish], *words: str) -> bytes:
    """Have a peer of `bench.peers` act on the wishes, and give what it prints."""
    with TemporaryDirectory(prefix="tallyd-bench-") as directory:
        edges = Path(directory) / "edges.json"
        edges.write_text(json.dumps([(wish.room, wish.start, wish.stop) for wish in wishes]))
        command = [sys.executable, "-m", f"bench.peers.{module}", str(edges), *words]
        return (await anyio.run_process(command, stderr=None)).stdout


@asynccontextmanager
async def acting_house(
    wishes: Sequence[Wish], room: str, until_ms: int | None = None
) -> AsyncIterator[House]:
    """Have the daemon act on the wishes, each named by its place, and end; `room` is a table."""
    rooms = {f"r{number}": room for number in sorted({wish.room for wish in wishes})}
    end_ms = until_ms or max(wish.start for wish in wishes)
    async with house(rooms) as made:
        await made.book(_draft(number, wish) for number, wish in enumerate(wishes))
        async with made.daemon():
            await made.clock.sleep(max(0.0, end_ms / 1000 - time.time_ns() / 10**9) + LINGER_S)
        yield made


def _draft(number: int, wish: Wish) -> Draft:
    start = from_ms(wish.start)
    length = from_ms(wish.stop) - start
    return Draft(f"rooms.r{wish.room}", str(number), InstantStart(start), length)


@contextmanager
def built(*names: str) -> Iterator[Mapping[str, Path]]:
    """Build the peers that are written in C, by their names in `peers`."""
    with TemporaryDirectory(prefix="tallyd-bench-") as directory:
        made = {name: Path(directory) / name for name in names}
        for name, program in made.items():
            source = Path(__file__).parent / "peers" / f"{name}.c"
            words = ("cc", "-O2", "-Wall", "-o", program, source)
            subprocess.run(words, check=True)  # noqa: S603 - our own words
        yield made


@contextmanager
def contest() -> Iterator[Contest]:
    """Build what must be built, and give the contest."""
    with built("timer") as programs:
        yield Contest(programs["timer"])


async def at_once(
    judge: Contest, wishes: Mapping[tuple[str, int], list[Wish]]
) -> dict[str, list[list[float]]]:
    """Let several lanes of everyone run beside one another; gives their lateness, in ms.

    Each lane's starts are a list of their own, in order.
    """
    late: dict[str, list[list[float]]] = {who: [] for who, _ in wishes}
    until_ms = max(wish.start for own in wishes.values() for wish in own)

    async def lane(who: str, own: list[Wish]) -> None:
        late[who].append(await judge.late_ms(who, own, until_ms))

    limiter = to_thread.current_default_thread_limiter()
    limiter.total_tokens = max(limiter.total_tokens, 2 * len(wishes))
    async with anyio.create_task_group() as tasks:
        for (who, _), own in wishes.items():
            tasks.start_soon(lane, who, own)
    return late
