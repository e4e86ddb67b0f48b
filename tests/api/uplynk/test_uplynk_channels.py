"""Channels over a real socket: listed, shown, not to be changed; and whose they are."""

import pytest

from tallyd.domain.accounts import Role
from uplynk_rig import at, client_of


async def test_list(uplynk):
    """The channels of the configuration that one may use, with every field."""
    listed = (await uplynk.ask("GET", "/channels")).json()
    assert (listed["@id"], listed["@type"], listed["total_items"]) == ("/channels", "Collection", 3)
    one, plain, two = listed["items"]
    assert one == {
        "@id": f"/channels/{uplynk.channel}",
        "@type": "Channel",
        "id": uplynk.channel,
        "desc": "Channel One",
        "external_id": "",
        "slicer_id": "studio",
        "thumb_url": "",
        "created": "1970-01-01T00:00:00.000Z",
        "use_chsched": 2,
    }
    assert (two["desc"], two["slicer_id"], two["use_chsched"]) == ("two", "no_slicer", 2)
    assert (plain["desc"], plain["use_chsched"]) == ("plain", 1)


async def test_one(uplynk):
    """One channel says what fills its ad breaks, too; where the file lies is nobody's business."""
    channel = (await uplynk.ask("GET", f"/channels/{uplynk.channel}")).json()
    assert (channel["id"], channel["ad_slate"], channel["blackout_slate"]) == (
        uplynk.channel,
        "ads.mp4",
        "",
    )


@pytest.mark.parametrize("unknown", ["f" * 32, "one", "channels.one", "7", "%00"])
async def test_unknown(uplynk, unknown):
    """What there is not is 404, by every way to it."""
    for method, path in (
        ("GET", ""),
        ("GET", "/schedules"),
        ("POST", "/schedules"),
        ("DELETE", "/schedules"),
        ("POST", "/schedule-playlist"),
        ("GET", "/schedules/x"),
        ("PATCH", "/schedules/x"),
        ("DELETE", "/schedules/x"),
    ):
        body = {"content_type": "ad", "dur": 1, "start": at("10:00"), "playlist_id": "x"}
        answer = await uplynk.ask(method, f"/channels/{unknown}{path}", body)
        assert (answer.status_code, answer.json()["@type"]) == (404, "Error")


async def test_a_room_is_no_channel(uplynk):
    """Rooms are not there."""
    async with uplynk.api.services.store.read() as reader:
        room = await reader.target("rooms.aula")
    assert (await uplynk.ask("GET", f"/channels/{room.uid}")).status_code == 404


async def test_channels_are_what_the_configuration_says(admin):
    """They cannot be made, changed or removed from here, not even by an administrator."""
    for method, path in (
        ("POST", "/channels"),
        ("PATCH", f"/channels/{admin.channel}"),
        ("DELETE", f"/channels/{admin.channel}"),
    ):
        answer = await admin.ask(method, path, {"desc": "New", "use_chsched": 2})
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
        assert "configuration" in answer.json()["message"]


async def test_a_channel_without_a_schedule(uplynk):
    """Where scheduling is switched off, entries are refused; its schedule can be read."""
    channels = (await uplynk.ask("GET", "/channels")).json()["items"]
    plain = uplynk.seen_as(channel=next(c["id"] for c in channels if c["desc"] == "plain"))
    assert (await plain.listed())["items"] == []
    answer = await plain.post(content_type="ad", dur=1000, start=at("10:00"))
    assert (answer.status_code, "use_chsched" in answer.json()["message"]) == (400, True)
    playlist = await plain.playlist(60)
    assert (await plain.put_playlist(playlist, at("10:00"))).status_code == 400
    assert (await plain.delete_range()).status_code == 400


async def test_a_channel_of_somebody_else(uplynk, admin, api, clock):
    """It is there for its owner and for administrators; for others it is unknown."""
    async with client_of(api, clock, "Anna", Role.OPERATOR) as anna:
        channels = (await anna.ask("GET", "/channels")).json()["items"]
        annas = next(each["id"] for each in channels if each["desc"] == "annas")
        assert (await anna.seen_as(channel=annas).book(start=at("10:00")))["owner"] == anna.owner
    assert (await admin.ask("GET", f"/channels/{annas}")).status_code == 200
    stranger = uplynk.seen_as(channel=annas)
    assert (await uplynk.ask("GET", f"/channels/{annas}")).status_code == 404
    assert (await stranger.ask("GET", stranger.path)).status_code == 404
    answer = await stranger.post(content_type="ad", dur=1000, start=at("12:00"))
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("PUT", "/channels", 405),
        ("GET", "/channels/", 404),
        ("PUT", "/linear-playlist/x", 405),
    ],
)
async def test_paths_that_there_are_not(uplynk, method, path, status):
    """Whatever is asked, the answer is JSON: clients print it."""
    answer = await uplynk.ask(method, path)
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert answer.json()["@id"] == path
