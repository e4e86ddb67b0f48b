"""What was played because of a live input, over a real socket: as it went out."""

from datetime import datetime, timedelta

import pytest
from anyio import to_thread

from asrun_rig import log_of
from tallyd.domain.model import Part, Run, Status
from tallyd.domain.window import Window, to_ms
from tallyd.drivers.playout.asrun import Change
from uplynk_rig import NOW, at

MINUTE = 60_000
HOUR = timedelta(hours=1)
TOKEN = "t" * 16


async def _log(uplynk, *changes: Change, seen: datetime) -> None:
    state_dir = uplynk.api.settings.appliance.state_dir
    await to_thread.run_sync(log_of, state_dir, "channels.one", changes, seen)


def _live(minutes: float, kind: str, token: str | None = None, name: str = "live") -> Change:
    return Change(to_ms(NOW + timedelta(minutes=minutes)), kind, token, name, live=True)


async def _with_part(uplynk) -> None:
    """Have the run of what is booked begun, with its first part."""
    async with uplynk.api.services.store.write() as tx:
        (run,) = await tx.unfinished_runs()
        window = Window(NOW, NOW + HOUR)
        part = Part(1, 0, window, TOKEN, NOW, first_data_at=NOW, stopped_at=NOW + HOUR)
        await tx.put_part(run.id, part)


async def test_slicer_assets_of_a_feed_without_an_as_run_log(uplynk):
    """What came from a live input is told as the ledger has it."""
    entry = await uplynk.book(
        content_type="slicer", content_id="studio", start=at("09:00"), desc="Live", dur=60 * MINUTE
    )
    begun, ended = NOW + timedelta(seconds=1), NOW + timedelta(minutes=50)
    async with uplynk.api.services.store.write() as tx:
        (run,) = await tx.unfinished_runs()
        window = Window(NOW, NOW + timedelta(hours=1))
        part = Part(1, 0, window, "t" * 16, NOW, first_data_at=begun, stopped_at=ended)
        await tx.put_part(run.id, part)
        assert isinstance(run, Run)
        assert run.status is Status.PENDING
    listed = await uplynk.listed(start=at("08:00"), end=at("12:00"), slicer_assets=1)
    (asset,) = listed["@included"]
    assert listed["@links"] == {"assets": {"href": listed["@id"]}}
    assert asset == {
        "id": "",
        "slicer_id": "studio",
        "channel": uplynk.channel,
        "content_id": "t" * 16,
        "content_type": "slicer-asset",
        "created": at("09:00:01"),
        "desc": "Live",
        "lastmod": at("09:50"),
        "dur": 49 * MINUTE + 59_000,
        "actual_dur": 49 * MINUTE + 59_000,
        "start": at("09:00:01"),
        "end": at("09:50"),
        "external_id": "",
        "owner": uplynk.owner,
        "from_schedule": True,
    }
    assert entry["id"] in {item["id"] for item in listed["items"]}
    assert "@included" not in await uplynk.listed(start=at("08:00"), end=at("12:00"))


async def test_slicer_assets(uplynk):
    """Each stretch as it went out: of an entry, until the slate stood in, and between entries."""
    studio = {"content_type": "slicer", "content_id": "Field_2", "dur": 60 * MINUTE}
    await uplynk.book(**studio, start=at("09:00"), desc="Live")
    await _with_part(uplynk)
    slate = Change(to_ms(NOW + timedelta(minutes=20)), "slate", TOKEN, "Field_2", "it died")
    film = Change(to_ms(NOW + timedelta(minutes=70)), "asset", "f" * 16, "Film")
    await _log(
        uplynk,
        _live(-600, "default"),
        _live(0.001, "slicer", TOKEN, "Field_2"),
        slate,
        _live(21, "slicer", TOKEN, "Field_2"),
        _live(60, "default"),
        film,
        seen=NOW + timedelta(minutes=90),
    )
    uplynk.clock.shown = NOW + timedelta(minutes=90)
    listed = await uplynk.listed(start=at("08:00"), end=at("12:00"), slicer_assets=1)
    assert listed["@links"] == {"assets": {"href": listed["@id"]}}
    keys = ("slicer_id", "start", "end", "from_schedule", "desc", "content_id")
    before = f"studio-{to_ms(NOW) - 600 * MINUTE}"
    after = f"studio-{to_ms(NOW) + 60 * MINUTE}"
    assert [tuple(each[key] for key in keys) for each in listed["@included"]] == [
        ("studio", at("23:00", 4), at("09:00:00.060"), False, "", before),
        ("Field_2", at("09:00:00.060"), at("09:20"), True, "Live", TOKEN),
        ("Field_2", at("09:21"), at("10:00"), True, "Live", TOKEN),
        ("studio", at("10:00"), at("10:10"), False, "", after),
    ]
    assert listed["@included"][1] == {
        "id": "",
        "slicer_id": "Field_2",
        "channel": uplynk.channel,
        "content_id": TOKEN,
        "content_type": "slicer-asset",
        "created": at("09:00:00.060"),
        "desc": "Live",
        "lastmod": at("09:20"),
        "dur": 20 * MINUTE - 60,
        "actual_dur": 20 * MINUTE - 60,
        "start": at("09:00:00.060"),
        "end": at("09:20"),
        "external_id": "",
        "owner": uplynk.owner,
        "from_schedule": True,
    }


async def test_slicer_assets_that_were_not_played(uplynk):
    """An entry of which nothing was on air is none, whatever was planned and the ledger hoped."""
    studio = {"content_type": "slicer", "content_id": "studio", "dur": 60 * MINUTE}
    await uplynk.book(**studio, start=at("09:00"))
    await _with_part(uplynk)
    slate = Change(to_ms(NOW), "slate", TOKEN, "studio", "nothing comes from it")
    await _log(uplynk, slate, seen=NOW + HOUR)
    uplynk.clock.shown = NOW + HOUR
    listed = await uplynk.listed(start=at("08:00"), end=at("09:30"), slicer_assets=1)
    assert listed["@included"] == []


@pytest.mark.parametrize("written", [True, False])
async def test_slicer_assets_of_somebody_else(uplynk, other, written):
    """That a live input was on air is told; what for, only to whom it belongs."""
    studio = {"content_type": "slicer", "content_id": "studio", "dur": 60 * MINUTE}
    await uplynk.book(**studio, start=at("09:00"), desc="A secret talk")
    await _with_part(uplynk)
    if written:
        await _log(uplynk, _live(0, "slicer", TOKEN, "studio"), seen=NOW + HOUR)
    uplynk.clock.shown = NOW + HOUR
    query = {"start": at("08:00"), "end": at("09:30"), "slicer_assets": 1}
    (shown,) = (await other.listed(**query))["@included"]
    assert (shown["desc"], shown["start"], shown["from_schedule"]) == ("", at("09:00"), True)
    assert shown["content_id"] == f"studio-{to_ms(NOW)}"
    (own,) = (await uplynk.listed(**query))["@included"]
    assert (own["desc"], own["content_id"]) == ("A secret talk", TOKEN)


async def test_slicer_assets_of_any_period(uplynk):
    """However long it is, no more is looked for than can be told; what lies ahead is not there."""
    await _log(uplynk, _live(-600, "default"), seen=NOW)
    for start, end, count in (
        ("1970-01-01T00:00:00Z", "2090-01-01T00:00:00Z", 1),
        ("1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", 0),
        (at("10:00"), at("12:00"), 0),
    ):
        listed = await uplynk.listed(start=start, end=end, slicer_assets=1)
        assert len(listed["@included"]) == count, start
