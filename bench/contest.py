"""The same starts for tallyd's daemon and its peers: how late does each call the device."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import anyio
from anyio import to_thread

from bench.house import house
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart
from tallyd.domain.window import from_ms

NS_PER_MS = 10**6
TALLYD, FLOOR = "tallyd", "C timerfd"
JOBS, STORED_JOBS, POLLING = "APScheduler", "APScheduler + SQLAlchemy", "1 s polling"
EVERYONE = (TALLYD, FLOOR, JOBS, STORED_JOBS, POLLING)


class Wish(NamedTuple):
    """A recording in a room, in ms since 1970; only a `judged` one's start is measured."""

    room: int
    start: int
    stop: int
    judged: bool = True


@dataclass(frozen=True, slots=True)
class Contest:
    """Where the peers are."""

    floor: Path

    async def late_ms(self, who: str, wishes: Sequence[Wish]) -> list[float]:
        """Give how late each judged start was, in order of wishes; all lie ahead."""
        called = await (self._tallyd(wishes) if who == TALLYD else self._peer(who, wishes))
        pairs = zip(wishes, called, strict=True)
        return [at / NS_PER_MS - wish.start for wish, at in pairs if wish.judged]

    async def _tallyd(self, wishes: Sequence[Wish]) -> list[int]:
        rooms = {f"r{room}": 'driver = "simulated"' for room in sorted({w.room for w in wishes})}
        async with house(rooms) as made:
            await made.book(_draft(number, wish) for number, wish in enumerate(wishes))
            async with made.daemon():
                last = max(wish.start for wish in wishes)
                await made.clock.sleep(max(0.0, last / 1000 - time.time_ns() / 10**9) + 2)
            called = {int(name): at for name, _, at in made.calls()}
        return [called[number] for number in range(len(wishes))]

    async def _peer(self, who: str, wishes: Sequence[Wish]) -> list[int]:
        with TemporaryDirectory(prefix="tallyd-bench-") as directory:
            edges = Path(directory) / "edges.json"
            edges.write_text(json.dumps([(wish.start, wish.stop) for wish in wishes]))
            database = Path(directory) / "peer.db"
            module = {
                JOBS: ("plain_apscheduler", "memory"),
                STORED_JOBS: ("plain_apscheduler", f"sqlite:///{database}"),
                POLLING: ("polling", str(database)),
            }
            if who == FLOOR:
                words = [str(self.floor), *(str(wish.start) for wish in wishes)]
            else:
                name, where = module[who]
                words = [sys.executable, "-m", f"bench.peers.{name}", str(edges), where]
            said = await anyio.run_process(words, stderr=None)
        return [int(at) for at in said.stdout.decode().strip("[]\n").replace(",", " ").split()]


def _draft(number: int, wish: Wish) -> Draft:
    start = from_ms(wish.start)
    length = from_ms(wish.stop) - start
    return Draft(f"rooms.r{wish.room}", str(number), InstantStart(start), length)


@contextmanager
def contest() -> Iterator[Contest]:
    """Build the peers that must be built."""
    with TemporaryDirectory(prefix="tallyd-bench-") as directory:
        floor = Path(directory) / "timer"
        source = Path(__file__).parent / "peers" / "timer.c"
        subprocess.run(("cc", "-O2", "-o", floor, source), check=True)  # noqa: S603, S607 - our words
        yield Contest(floor)


async def at_once(
    judge: Contest, wishes: dict[tuple[str, int], list[Wish]]
) -> dict[str, list[float]]:
    """Let several lanes of everyone run beside one another; gives all lateness of each, in ms."""
    late: dict[str, list[float]] = {}

    async def lane(who: str, own: list[Wish]) -> None:
        late.setdefault(who, []).extend(await judge.late_ms(who, own))

    # Processes come up at once and would fight for the processor: that is over before any start.
    to_thread.current_default_thread_limiter().total_tokens = max(40, 2 * len(wishes))
    async with anyio.create_task_group() as tasks:
        for (who, _), own in wishes.items():
            tasks.start_soon(lane, who, own)
    return late
