"""One picture: what other interfaces book on a channel, as clients of Uplynk see it; and back."""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from tallyd.domain.model import (
    Frequency,
    InstantStart,
    Metadata,
    Recurrence,
    Schedule,
    WallStart,
)
from tallyd.domain.resolution import Resolution
from uplynk_rig import NOW, at

HOUR = timedelta(hours=1)
ROME_AT_ELEVEN = WallStart(datetime(2027, 1, 1, 11), "Europe/Rome")  # noqa: DTZ001 - on a wall
ROME_AT_NOON = WallStart(datetime(2027, 1, 5, 12), "Europe/Rome")  # noqa: DTZ001 - on a wall
MINUTE = 60_000


def daily(name: str = "News", **fields: object) -> Schedule:
    """Give a series of the house: every day at 11 o'clock in Rome, 10 in UTC, for an hour."""
    known = {
        "id": 0,
        "uid": sha256(name.encode()).hexdigest()[:32],
        "target": "channels.one",
        "name": name,
        "start": ROME_AT_ELEVEN,
        "duration": HOUR,
        "effective_from": NOW - timedelta(days=10),
        "created": NOW - timedelta(days=10),
        "recurrence": Recurrence(Frequency.DAILY),
    }
    return Schedule(**{**known, **fields})


async def test_a_series_is_shown_by_its_occurrences(uplynk):
    """Each has an id of its own that never changes, and can be looked up by it."""
    (series,) = await uplynk.stored(daily())
    listed = (await uplynk.listed(start=at("09:00"), end=at("09:00", day=8)))["items"]
    assert [item["start"] for item in listed] == [at("10:00", day) for day in (5, 6, 7)]
    ids = [
        sha256(f"{series.uid}2027-01-0{day}T11:00:00".encode()).hexdigest()[:32]
        for day in (5, 6, 7)
    ]
    assert [item["id"] for item in listed] == ids
    assert {(i["desc"], i["content_type"], i["content_id"]) for i in listed} == {
        ("News", "slicer", "studio")
    }
    assert (await uplynk.one(ids[1])).json() == listed[1]
    assert (await uplynk.one("f" * 32)).status_code == 404


async def test_a_one_shot_is_shown(uplynk):
    """What was booked once, by wall time or as an instant, is shown by its own id."""
    wall = daily("Wall", recurrence=None, start=ROME_AT_NOON)
    instant = daily("Instant", recurrence=None, start=InstantStart(NOW + 3 * HOUR))
    stored = await uplynk.stored(wall, instant)
    listed = await uplynk.items("09:00", "14:00")
    assert [(i["desc"], i["start"]) for i in listed] == [
        ("Wall", at("11:00")),
        ("Instant", at("12:00")),
    ]
    assert [item["id"] for item in listed] == [each.uid for each in stored]
    for item in listed:
        assert (await uplynk.one(item["id"])).json() == item


@pytest.mark.parametrize("how", [each.value for each in Resolution if each != "reject"])
async def test_what_others_booked_is_not_replaced(uplynk, how):
    """Whatever is asked, a series stays; it is named, and trimmed around."""
    await uplynk.stored(daily())
    answer = await uplynk.post(
        content_type="ad", dur=60 * MINUTE, start=at("09:30"), conflict_resolution=how
    )
    if how == "replace":
        assert answer.status_code == 409
        assert '"News"' in answer.json()["message"]
    else:
        assert (answer.json()["start"], answer.json()["end"]) == (at("09:30"), at("10:00"))
    plain = await uplynk.post(content_type="ad", dur=MINUTE, start=at("10:30", day=6))
    assert plain.status_code == 409


async def test_what_others_booked_is_read_only(uplynk):
    """It can neither be changed nor deleted from here, alone or in a range."""
    await uplynk.stored(daily())
    (item,) = await uplynk.items("09:00", "12:00")
    assert (await uplynk.patch(item["id"], desc="Mine")).status_code == 403
    assert (await uplynk.delete(item["id"])).status_code == 403
    mine = await uplynk.book(start=at("09:10"), dur=MINUTE)
    answer = await uplynk.delete_range(start=at("09:00"), end=at("12:00"))
    assert (answer.status_code, "News" in answer.json()["message"]) == (403, True)
    assert (await uplynk.one(mine["id"])).status_code == 200
    assert (await uplynk.delete_range(start=at("09:00"), end=at("09:30"))).status_code == 200


async def test_somebody_elses_series_is_busy(uplynk):
    """What another account booked by other means takes time without a name."""
    await uplynk.stored(daily("Secret", metadata=Metadata(owner="4711", author="4711")))
    (item,) = await uplynk.items("09:00", "12:00")
    assert (item["id"], "Secret" in str(item)) == ("busy-1799143200000", False)
    assert (await uplynk.one(item["id"])).status_code == 404
    answer = await uplynk.post(content_type="ad", dur=MINUTE, start=at("10:00"))
    assert (answer.status_code, "Secret" in answer.text) == (409, False)


async def test_only_what_it_really_holds_is_shown(uplynk):
    """A series that gives way to an entry holds what is left; where nothing is, it is not shown."""
    entry = await uplynk.book(start=at("09:30"), dur=60 * MINUTE)
    await uplynk.stored(daily(created=NOW))
    first, second = await uplynk.items("09:00", "12:00")
    assert (first["id"], second["start"], second["end"]) == (entry["id"], at("10:30"), at("11:00"))
    await uplynk.book(start=at("09:30", day=6), dur=30 * MINUTE)
    await uplynk.delete_range(start=at("09:30"), end=at("09:31"))
    assert [item["start"] for item in await uplynk.items("09:00", "12:00")] == [at("10:00")]


async def test_what_was_left_out_is_not_shown(uplynk):
    """An occurrence that does not happen, by exception or by hand, takes no time."""
    (series,) = await uplynk.stored(daily())
    await uplynk.api.services.bookings.skip(series.id, "2027-01-05T11:00:00")
    await uplynk.api.services.bookings.add_exception_day(
        (NOW + timedelta(days=1)).date(), "Holiday", None
    )
    listed = (await uplynk.listed(start=at("09:00"), end=at("09:00", day=8)))["items"]
    assert [item["start"] for item in listed] == [at("10:00", day=7)]
    await uplynk.book(start=at("10:00"))


async def test_an_entry_is_a_schedule_like_any_other(uplynk):
    """What is booked here is planned, shown and removed by every other means."""
    entry = await uplynk.book(start=at("10:00"), desc="Film")
    (listed,) = await uplynk.api.services.reports.prospects()
    assert (listed.schedule.uid, listed.schedule.name) == (entry["id"], "Film")
    await uplynk.api.services.bookings.remove(listed.schedule.id)
    gone = (await uplynk.one(entry["id"], include_deleted=1)).json()
    assert gone["deleted"] == at("09:00")


async def test_an_end_that_an_operator_moved_is_shown(uplynk):
    """Whoever stops a run by hand ends its entry."""
    entry = await uplynk.book(start=at("09:00"), dur=60 * MINUTE)
    async with uplynk.api.services.store.read() as reader:
        (run,) = await reader.unfinished_runs()
    uplynk.clock.shown = NOW + timedelta(minutes=10)
    await uplynk.api.services.bookings.stop_run(run.id)
    assert (await uplynk.one(entry["id"])).json()["end"] == at("09:10")
    assert (await uplynk.items("08:00", "12:00"))[0]["end"] == at("09:10")
    await uplynk.book(start=at("09:10"))


async def test_an_end_that_an_operator_put_off_is_shown(uplynk):
    """Whoever extends a run by hand takes the time, also in a period that begins after its end."""
    entry = await uplynk.book(start=at("09:00"), dur=30 * MINUTE)
    async with uplynk.api.services.store.read() as reader:
        (run,) = await reader.unfinished_runs()
    await uplynk.api.services.bookings.extend_run(run.id, HOUR)
    assert [item["id"] for item in await uplynk.items("10:00", "11:00")] == [entry["id"]]
    answer = await uplynk.post(content_type="ad", dur=MINUTE, start=at("10:10"))
    assert answer.status_code == 409


async def test_long_stays_are_seen(uplynk):
    """What was booked for days is found wherever one looks into it."""
    await uplynk.stored(
        daily("Long", recurrence=None, start=InstantStart(NOW), duration=timedelta(days=20))
    )
    listed = (await uplynk.listed(start=at("09:00", day=20), end=at("10:00", day=20)))["items"]
    assert [(i["desc"], i["start"]) for i in listed] == [("Long", at("09:00"))]


async def test_channels_gone_from_the_configuration(uplynk):
    """A channel that is configured no more is not there."""
    async with uplynk.api.services.store.write() as tx:
        target = await tx.target("channels.one")
        await tx.change_target(replace(target, known=False))
    assert (await uplynk.ask("GET", uplynk.path)).status_code == 404
