"""Pages of events: their order, their links, what they cost, over a real socket."""

import json
from datetime import UTC, datetime, timedelta
from time import perf_counter
from uuid import uuid4

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyd.api.ibm.ordering import Ordering
from tallyd.domain.drafts import Draft, to_schedule
from tallyd.domain.model import InstantStart, WallStart

FAR = datetime(2027, 6, 1, tzinfo=UTC)


async def _fill(ibm, count):
    """Have so many events on the channel, each a quarter of an hour after the one before."""
    start = datetime(2027, 6, 1)  # noqa: DTZ001 - a wall time
    now = ibm.clock.now()
    async with ibm.api.services.store.write() as tx:
        for number in range(count):
            wall = WallStart(start + number * timedelta(minutes=15), "Europe/Budapest")
            draft = Draft("channels.one", f"Event {number}", wall, timedelta(minutes=15))
            schedule = to_schedule(draft, now, uuid4().hex)
            await tx.add_schedule(schedule)


def _titles(listed):
    return [event["title"] for event in listed["events"]]


async def test_list_while_empty(ibm):
    """An empty channel has no pages, and says so."""
    assert await ibm.listed() == {"events": [], "paging": {"page_count": 0, "item_count": 0}}
    beyond = await ibm.listed(page=5)
    assert beyond == {"events": [], "paging": {"page_count": 0, "item_count": 0}}


async def test_pages(ibm):
    """Seven events in pages of two: links to both sides, left out at the ends, and counts."""
    await _fill(ibm, 7)
    base = f"{ibm.api.url}/v2/channels/77/events.json?pagesize=2&page="
    counts = {"page_count": 4, "item_count": 7}
    first = await ibm.listed(pagesize=2)
    assert first["paging"] == {"next": f"{base}2", **counts}
    second = await ibm.listed(pagesize=2, page=2)
    assert second["paging"] == {"previous": f"{base}1", "next": f"{base}3", **counts}
    last = await ibm.listed(pagesize=2, page=4)
    assert last["paging"] == {"previous": f"{base}3", **counts}
    assert _titles(first) + _titles(second) == [f"Event {number}" for number in range(4)]
    assert _titles(last) == ["Event 6"]
    beyond = await ibm.listed(pagesize=2, page=9)
    assert beyond == {"events": [], "paging": {"previous": f"{base}4", **counts}}


async def test_links_lead_through_all(ibm):
    """Who follows `next` sees every event once, and `previous` leads back."""
    await _fill(ibm, 45)
    seen, address = [], f"{ibm.api.url}/v2/channels/77/events.json"
    while address:
        page = (await ibm.http.get(address, headers=ibm.headers)).json()
        seen += _titles(page)
        address = page["paging"].get("next")
    assert seen == [f"Event {number}" for number in range(45)]
    assert len(_titles(await ibm.listed())) == 20
    back = httpx.URL(page["paging"]["previous"])
    assert (back.params["pagesize"], back.params["page"]) == ("20", "2")


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"page": "x"},
        {"pagesize": "0"},
        {"pagesize": "-1"},
        {"page": "1.5"},
        {"page": ""},
        {"pagesize": "\u0664"},
    ],
)
async def test_senseless_pages(ibm, query):
    """What is no number from 1 on is 400, in both lists."""
    for path in ("v2/channels/77/events.json", "channels/77/upcoming-events.json"):
        answer = await ibm.get(path, **query)
        assert (answer.status_code, answer.reason_phrase) == (400, "Bad Request")
        assert list(answer.json()["details"]) == list(query)


async def test_enormous_pages(ibm):
    """A page beyond all numbers is empty, one larger than a thousand events is made smaller."""
    await _fill(ibm, 3)
    assert (await ibm.listed(page="9" * 20))["events"] == []
    large = await ibm.listed(pagesize="9" * 20)
    assert len(large["events"]) == 3
    back = await ibm.listed(pagesize="9" * 20, page=2)
    assert back["paging"]["previous"].endswith("?pagesize=1000&page=1")


async def test_order_is_by_start_then_id(ibm):
    """Events are in the order of their instants, whatever their zones, then of their ids."""
    for title, time, zone in (
        ("late", "18:00", "Europe/Budapest"),
        ("early", "19:00", "Asia/Tokyo"),
        ("late, too", "17:00", "Europe/London"),
        ("first", "06:00", "Pacific/Auckland"),
    ):
        await ibm.book(title=title, time=time, timezone=zone)
    assert _titles(await ibm.listed()) == ["first", "early", "late", "late, too"]


async def test_list_follows_every_change(ibm):
    """What is booked, changed or removed, by whatever way, is in the very next list."""
    path = await ibm.book(title="one")
    assert _titles(await ibm.listed()) == ["one"]
    second = await ibm.book(title="two", time="18:00")
    assert _titles(await ibm.listed()) == ["two", "one"]
    fields = json.loads(json.dumps(await ibm.event(path)))
    fields = {k: v for k, v in fields.items() if k not in {"id", "start_ts"}}
    await ibm.ask("PUT", path, json={**fields, "title": "first", "time": "17:00"})
    assert _titles(await ibm.listed()) == ["first", "two"]
    await ibm.delete(second)
    start = InstantStart(datetime(2027, 3, 1, 13, tzinfo=UTC))
    draft = Draft("channels.one", "cli", start, timedelta(hours=1))
    made = await ibm.api.services.bookings.add(lambda _now: draft)
    assert _titles(await ibm.listed()) == ["cli", "first"]
    await ibm.api.services.bookings.remove(made.after.id)
    assert _titles(await ibm.listed()) == ["first"]


async def test_names_that_are_not_ascii(ibm):
    """Titles come back as they were sent."""
    title = "\u0160est ko\u010dek \u266b \u6f14\u594f\u4f1a"
    await ibm.book(title=title)
    assert _titles(await ibm.listed()) == [title]


async def _cost(ibm, rounds, **query):
    """Give the seconds that a page takes, warm: the least, and at p95."""
    for _ in range(3):
        await ibm.listed(**query)
    taken = []
    for _ in range(rounds):
        begun = perf_counter()
        await ibm.get("v2/channels/77/events.json", **query)
        taken.append(perf_counter() - begun)
    taken.sort()
    return taken[0], taken[int(rounds * 0.95)]


async def test_a_page_costs_what_is_on_it(ibm, capsys):
    """A page of many thousands of events takes at most twice as long as one of few."""
    await _fill(ibm, 1000)
    few, _ = await _cost(ibm, 60, page=25)
    _, large = await _cost(ibm, 60, pagesize=500)
    await _fill(ibm, 19_000)
    many, _ = await _cost(ibm, 60, page=500)
    told = f"few {few * 1e3:.2f} ms, many {many * 1e3:.2f} ms, 500: {large * 1e3:.1f} ms at p95"
    with capsys.disabled():
        print(f"\n{told}")  # noqa: T201 - the figures
    assert many < 2 * few
    assert large < 0.1


KEYS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 8)), max_size=20, unique=True)


@given(KEYS, st.data())
@settings(max_examples=60)
def test_an_order_that_is_kept_is_one_that_is_made(keys, data):
    """However keys come and go, what is left is in order, each once."""
    order, left = Ordering(keys[:5]), set(keys[:5])
    for key in keys[5:]:
        order.add(key)
        left.add(key)
        gone = data.draw(st.sampled_from(sorted(left)))
        order.discard(gone)
        order.discard(gone)
        left.discard(gone)
    assert order.stretch(0, 99) == [id_ for _, id_ in sorted(left)]
    until = data.draw(st.integers(0, 5))
    assert order.until(until) == [id_ for ms, id_ in sorted(left) if ms <= until]
    assert len(order) == len(left)
