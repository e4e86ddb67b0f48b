"""What a list costs: a page is a page, however much is booked around it."""

import os
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from statistics import median, quantiles

import pytest

from tallyd.domain.entries import ORIGIN
from tallyd.domain.model import Content, ContentKind, InstantStart, Metadata, Schedule
from tallyd.store.queries import QUERIES
from tallyd.store.schedule_rows import schedule_row
from uplynk_rig import NOW, at

FULL = os.environ.get("FULL_FAULTS") == "1"
"""Whether figures are held; else only their kind is, for other tests run beside this one."""

CLIP = timedelta(minutes=5)
CHANNELS = {"channels.two": 1_000, "channels.one": 100_000}


def booked(uplynk, target: str, count: int) -> None:
    """Have many entries, one behind the other, half of them over."""
    insert = QUERIES["insert_schedule"].sql.replace("RETURNING id", "")
    first = NOW - count // 2 * CLIP
    rows = (
        schedule_row(
            Schedule(
                id=0,
                uid=f"{target[9:]:0>8}{number:024x}",
                target=target,
                name="Clip",
                start=InstantStart(first + number * CLIP),
                duration=CLIP,
                effective_from=first,
                created=first,
                content=Content(ContentKind.ASSET, "a" * 32, ad_breaks_s=(30, 30)),
                metadata=Metadata("Clip", ORIGIN, "1", "1", f"clip {number}", {}, (), ()),
                modified=first,
            )
        )
        for number in range(count)
    )
    path = uplynk.api.settings.appliance.state_dir / "tallyd.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executemany(insert, rows)
        connection.commit()


@pytest.fixture
async def crowded(uplynk):
    """Have a channel of 1,000 entries and one of 100,000; gives a client of each."""
    async with uplynk.api.services.store.read() as reader:
        uids = {target.key: target.uid for target in await reader.targets()}
    for target, count in CHANNELS.items():
        booked(uplynk, target, count)
    return [uplynk.seen_as(channel=uids[target]) for target in CHANNELS]


async def took_ms(client, **params: object) -> float:
    """Ask for a full page in the middle of what is booked; gives how long that took."""
    query = {"start": at("09:00"), "end": at("09:00", day=7), **params}
    began = time.perf_counter()
    answer = await client.ask("GET", client.path, **query)
    took = (time.perf_counter() - began) * 1000
    assert len([i for i in answer.json()["items"] if i["type"] == "Time"]) == 500
    return took


@pytest.mark.parametrize("params", [{}, {"include_deleted": 1, "include_empty": 1}])
async def test_a_page_of_many(crowded, params):
    """Among 100,000 entries a page costs no more than twice what it does among 1,000."""
    few, many = crowded
    took: dict[str, list[float]] = {few.channel: [], many.channel: []}
    for _ in range(25):
        for client in (few, many):
            took[client.channel].append(await took_ms(client, **params))
    ratio = median(took[many.channel][5:]) / median(took[few.channel][5:])
    print(f"100,000 against 1,000: {ratio:.2f}; median {median(took[many.channel]):.1f} ms")  # noqa: T201 - the figure
    assert ratio <= 2


async def test_a_page_within_30_ms(crowded):
    """500 entries within 30 ms, 19 times of 20, once the server is warm and the machine free."""
    *_, many = crowded
    for _ in range(20 if FULL else 3):
        await took_ms(many)
    took = [await took_ms(many) for _ in range(200 if FULL else 20)]
    p95 = quantiles(took, n=20)[-1]
    print(f"p50 {median(took):.1f} ms, p95 {p95:.1f} ms")  # noqa: T201 - the figure
    assert p95 <= (30 if FULL else 300)


async def test_small_questions_among_many(crowded):
    """One entry, what has changed, and a booking cost little among 100,000."""
    *_, many = crowded
    uid = f"{'one':0>8}{70_000:024x}"
    began = time.perf_counter()
    for _ in range(5):
        async with many.api.services.contents.read() as reader:
            assert await reader.entry("channels.one", uid) is not None
            assert await reader.entries_called("channels.one", "clip 70000") != ()
            assert await reader.one_shots_changed("channels.one", NOW, 10) == ()
    assert (time.perf_counter() - began) / 5 < 0.1
    began = time.perf_counter()
    answer = await many.post(content_type="ad", dur=1000, start=at("09:00"))
    assert answer.status_code == 409
    assert time.perf_counter() - began < 1
