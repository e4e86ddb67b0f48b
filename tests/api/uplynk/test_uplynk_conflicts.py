"""Who has to give way on a channel: the vectors of the contract, and all around them."""

import anyio
import pytest

from uplynk_rig import NOW, at

MINUTE = 60_000
VECTORS = {
    ("10:30", None): 409,
    ("10:30", "replace"): ("10:30", "10:50", 0, {"Q"}),
    ("10:30", "trim-start"): ("10:30", "10:45", 300_000, set()),
    ("10:30", "trim-end"): ("10:30", "10:45", 0, set()),
    ("10:25", None): 409,
    ("10:25", "replace"): ("10:25", "10:45", 0, {"P"}),
    ("10:25", "trim-start"): ("10:30", "10:45", 300_000, set()),
    ("10:25", "trim-end"): ("10:30", "10:45", 0, set()),
    ("10:05", None): 409,
    ("10:05", "replace"): ("10:05", "10:25", 0, {"P"}),
    ("10:05", "trim-start"): 409,
    ("10:05", "trim-end"): 409,
    ("11:15", None): ("11:15", "11:35", 0, set()),
    ("11:15", "replace"): ("11:15", "11:35", 0, set()),
    ("11:15", "trim-start"): ("11:15", "11:35", 0, set()),
    ("11:15", "trim-end"): ("11:15", "11:35", 0, set()),
}


async def neighbours(uplynk) -> tuple[dict, dict]:
    """Book what the vectors start from."""
    p = await uplynk.book(start=at("10:00"), desc="P")
    return p, await uplynk.book(start=at("10:45"), desc="Q")


@pytest.mark.parametrize(("start", "how"), VECTORS)
async def test_vectors_of_trim_and_replace(uplynk, start, how):
    """P 10:00-10:30, Q 10:45-11:15, a new asset of 20 minutes: every vector of the contract."""
    await neighbours(uplynk)
    asset = await uplynk.asset(20)
    body = {"content_type": "asset", "content_id": asset, "start": at(start)}
    answer = await uplynk.post(**body, **({} if how is None else {"conflict_resolution": how}))
    expected = VECTORS[start, how]
    listed = await uplynk.items("09:30", "12:00", include_deleted=1)
    gone = {item["desc"] for item in listed if "deleted" in item}
    if expected == 409:
        assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
        assert (gone, len(listed)) == (set(), 2)
        return
    assert answer.status_code == 200
    new = answer.json()
    begin, end, offset, removed = expected
    assert (new["start"], new["end"]) == (at(begin), at(end))
    assert (new.get("offset", 0), gone) == (offset, removed)
    assert all(item["replaced_by"] == new["id"] for item in listed if "deleted" in item)
    assert new["id"] in {item["id"] for item in listed}


@pytest.mark.parametrize("overwrite", ["1", 1, "true", True], ids=repr)
async def test_overwrite_means_replace(uplynk, overwrite):
    """The older word for it is still understood."""
    await neighbours(uplynk)
    answer = await uplynk.post(
        content_type="ad", dur=MINUTE, start=at("10:00"), overwrite=overwrite
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("overwrite", ["0", 0, False, "no", None], ids=repr)
async def test_overwrite_that_is_not_set(uplynk, overwrite):
    """What does not ask for it replaces nothing."""
    await neighbours(uplynk)
    answer = await uplynk.post(
        content_type="ad", dur=MINUTE, start=at("10:00"), overwrite=overwrite
    )
    assert answer.status_code == 409


async def test_conflict_resolution_goes_before_overwrite(uplynk):
    """Where both are sent, the newer word counts."""
    await neighbours(uplynk)
    new = await uplynk.book(
        start=at("10:25"), conflict_resolution="trim-end", overwrite="1", dur=20 * MINUTE
    )
    assert (new["start"], new["end"], new["dur"]) == (at("10:30"), at("10:45"), 15 * MINUTE)
    assert "offset" not in new


async def test_an_ad_that_is_trimmed_is_only_shorter(uplynk):
    """Of ads and live inputs nothing is skipped: they have no beginning."""
    await neighbours(uplynk)
    new = await uplynk.book(start=at("10:25"), conflict_resolution="trim-start", dur=20 * MINUTE)
    assert (new["dur"], new.get("offset")) == (15 * MINUTE, None)


async def test_unknown_resolution(uplynk):
    """A word that is none of the three is refused, also where the time is free."""
    answer = await uplynk.post(
        content_type="ad", dur=MINUTE, start=at("12:00"), conflict_resolution="ignore"
    )
    assert answer.status_code == 400


async def test_back_to_back_is_no_conflict(uplynk):
    """Entries that touch do not conflict."""
    await neighbours(uplynk)
    new = await uplynk.book(start=at("10:30"), dur=15 * MINUTE)
    assert (new["start"], new["end"]) == (at("10:30"), at("10:45"))


async def test_replacing_what_is_on_air_ends_it_there(uplynk):
    """Now 10:10, P on air, a new entry for 10:20: P ends at 10:20, and is still there."""
    p, _ = await neighbours(uplynk)
    asset = await uplynk.asset(20)
    uplynk.clock.shown = NOW.replace(hour=10, minute=10)
    new = await uplynk.book(
        content_type="asset",
        content_id=asset,
        dur=None,
        start=at("10:20"),
        conflict_resolution="replace",
    )
    assert (new["start"], new["end"]) == (at("10:20"), at("10:40"))
    p = (await uplynk.one(p["id"])).json()
    assert (p["start"], p["end"], p["dur"]) == (at("10:00"), at("10:20"), 20 * MINUTE)
    assert "deleted" not in p
    assert "replaced_by" not in p


async def test_what_replaces_at_once(uplynk):
    """A new entry for now takes the air from the one that is on it."""
    p, _ = await neighbours(uplynk)
    uplynk.clock.shown = NOW.replace(hour=10, minute=10)
    new = await uplynk.book(start=at("10:10"), dur=MINUTE, conflict_resolution="replace")
    assert new["start"] == at("10:10")
    assert (await uplynk.one(p["id"])).json()["end"] == at("10:10")


async def test_replace_takes_several(uplynk):
    """All that is in the way goes, whole."""
    p, q = await neighbours(uplynk)
    new = await uplynk.book(start=at("10:20"), dur=60 * MINUTE, conflict_resolution="replace")
    for each in (p, q):
        assert (await uplynk.one(each["id"])).status_code == 404
        gone = (await uplynk.one(each["id"], include_deleted=1)).json()
        assert (gone["replaced_by"], gone["start"]) == (new["id"], each["start"])


async def test_two_at_once_and_one_wins(uplynk):
    """Of ten clients that want the same time at the same moment one has it."""
    codes: list[int] = []

    async def want() -> None:
        codes.append(
            (await uplynk.post(content_type="ad", dur=MINUTE, start=at("15:00"))).status_code
        )

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(want)
    assert sorted(codes) == [200] + 9 * [409]
    assert len(await uplynk.items("14:00", "16:00")) == 1


async def test_what_stands_in_the_way_is_named(uplynk):
    """Whoever is refused is told by what."""
    p, _ = await neighbours(uplynk)
    answer = await uplynk.post(content_type="ad", dur=MINUTE, start=at("10:00"))
    body = answer.json()
    assert p["id"] in body["message"]
    assert "P" in body["message"]
    assert body == {
        "@id": uplynk.path,
        "@type": "Error",
        "error": "conflict",
        "message": body["message"],
        "status": 409,
    }


async def test_a_locked_channel_takes_nothing(uplynk):
    """What an operator has locked is taken, whatever is booked."""
    await uplynk.api.services.bookings.lock_target("channels.one")
    answer = await uplynk.post(content_type="ad", dur=MINUTE, start=at("10:00"))
    assert answer.status_code == 409
    await uplynk.api.services.bookings.unlock_target("channels.one")
    assert (await uplynk.post(content_type="ad", dur=MINUTE, start=at("10:00"))).status_code == 200


async def test_other_channels_are_free(uplynk):
    """What is booked on one channel stands in nobody's way on another."""
    await neighbours(uplynk)
    channels = (await uplynk.ask("GET", "/channels")).json()["items"]
    (two,) = [each["id"] for each in channels if each["desc"] == "two"]
    booked = await uplynk.seen_as(channel=two).book(start=at("10:00"))
    assert booked["start"] == at("10:00")
