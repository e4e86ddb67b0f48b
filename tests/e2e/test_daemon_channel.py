"""A channel by the whole daemon: booked, on air, published, adopted, off with the daemon."""

import os
import signal
from datetime import timedelta

import pytest
from tests.playout.conftest import playouts
from tests.playout_rig import off_loop

from tallyd import app
from tallyd.app.as_run import on_air
from tallyd.domain.drafts import Draft
from tallyd.domain.errors import InvalidBooking
from tallyd.domain.model import Content, ContentKind, InstantStart, Outcome, Schedule
from tallyd.domain.window import Window

CHANNEL = """
[channels.one]
driver = "ffmpeg"
live = "bars"
[channels.one.options]
outputs = ["hls:{hls}/one.m3u8"]
default = "slate"
size = "320x180"
video_bitrate_kbps = 300
archive_keep_s = 60
[slicers.bars]
source = "test"
"""


LIVE = Content(ContentKind.LIVE)


async def book(
    house, start_in_s: float, length_s: float, name: str, content: Content = LIVE
) -> Schedule:
    """Book something on the channel, by default its live input."""
    async with app.open_for_changes(await house.settings()) as appliance:
        change = await appliance.bookings.add(
            lambda now: Draft(
                target="channels.one",
                name=name,
                start=InstantStart(now + timedelta(seconds=start_in_s)),
                duration=timedelta(seconds=length_s),
                content=content,
            )
        )
    assert change.after is not None
    return change.after


@pytest.fixture(autouse=True)
def _no_channel_stays(house):
    """Take channels off the air that a test leaves: they outlive it as they outlive a daemon."""
    yield
    for name in ("channels.one", "channels.two"):
        for pid in playouts(house.state / "inputs" / name):
            os.kill(pid, signal.SIGKILL)


async def test_a_channel_from_booking_to_viewer(house, media, tmp_path):
    """What is booked on a channel is on air then, whatever becomes of the daemon meanwhile."""
    hls = tmp_path / "hls"
    hls.mkdir()
    house.on_stop = "leave"
    house.configure()
    with house.config.open("a") as config:
        config.write(CHANNEL.format(hls=hls))
    daemon = await house.start()
    await daemon.heard("feed.started")
    first = await book(house, 5, 5, "First")
    second = await book(house, 10, 4, "Second")
    await daemon.heard("run.started", name="First")
    (playout,) = playouts(house.state / "inputs" / "channels.one")
    os.kill(daemon.pid, signal.SIGKILL)
    await daemon.ended()
    daemon = await house.start()
    await daemon.heard("feed.adopted", pid=playout)
    for schedule in (first, second):
        run = await house.finished(schedule)
        assert run.outcome is Outcome.RECORDED, run.sentence
        (part,) = run.parts
        assert abs(part.first_data_at - run.planned.start) < timedelta(milliseconds=200)
    await house.clock.sleep(0.5)
    now = house.clock.now()
    settings = await house.settings()
    asked = Window(now - timedelta(minutes=1), now)
    aired = off_loop(lambda: on_air(settings, "channels.one", asked, now))
    assert [each.name for each in aired if each.kind == "live"] == ["First", "Second"]
    assert {each.kind for each in aired} == {"default", "live"}
    assert (aired[0].kind, aired[-1].kind) == ("default", "default")
    async with app.open_for_reports(settings) as appliance:
        runs = await appliance.reports.runs(asked, "channels.one", 2)
        told = await appliance.reports.on_air(runs)
    for run in runs:
        ((shown,), (part,)) = told[run.id], run.parts
        assert abs(shown.window.start - part.first_data_at) < timedelta(milliseconds=50)
        assert abs(shown.window.length - run.planned.length) < timedelta(milliseconds=200)
    assert playouts(house.state / "inputs" / "channels.one") == [playout]
    assert await daemon.end(signal.SIGINT) == 0
    segments = sorted(hls.glob("*.ts"))
    whole = tmp_path / "whole.ts"
    whole.write_bytes(b"".join(segment.read_bytes() for segment in segments))
    assert len(segments) > 3
    assert await media.damage(whole) == ""
    assert playouts(house.state / "inputs" / "channels.one") == []


async def test_what_is_missing_costs_no_booking(house, tmp_path):
    """An input that nobody has configured is told, the default plays, and it comes once it is."""
    hls = tmp_path / "hls"
    hls.mkdir()
    house.configure()
    with house.config.open("a") as config:
        config.write(CHANNEL.format(hls=hls))
    daemon = await house.start()
    await daemon.heard("feed.started")
    begun = house.clock.now()
    lost = await book(house, 3, 1, "Lost", Content(ContentKind.ASSET, "gone"))
    schedule = await book(house, 4, 30, "Field", Content(ContentKind.SLICER, "field"))
    missed = await daemon.heard("run.retrying", name="Field")
    assert "there is no [slicers.field]" in missed["detail"]
    with house.config.open("a") as config:
        config.write('[slicers.field]\nsource = "test"\n')
    os.kill(daemon.pid, signal.SIGHUP)
    await daemon.heard("config.reloaded")
    await daemon.heard("run.started", name="Field")
    await house.clock.sleep(1)
    await house.stop(schedule)
    run = await house.finished(schedule)
    assert run.confirmed, run.sentence
    run = await house.finished(lost)
    assert (run.outcome, run.confirmed) == (Outcome.FAILED, False)
    assert "asset gone is not in the library" in str(run.sentence)
    now = house.clock.now()
    settings = await house.settings()
    aired = off_loop(lambda: on_air(settings, "channels.one", Window(begun, now), now))
    assert [each.kind for each in aired][:2] == ["default", "slicer"]
    assert await daemon.end(signal.SIGINT) == 0


async def test_another_live_input_comes_by_a_reload(house, tmp_path):
    """A channel that shows its input by itself begins anew with another one; else it goes on."""
    hls = tmp_path / "hls"
    hls.mkdir()
    house.configure()
    plain = house.config.read_text()
    channel = CHANNEL.format(hls=hls).replace('default = "slate"\n', "")
    house.config.write_text(plain + channel + '[slicers.other]\nsource = "test"\n')
    daemon = await house.start()
    started = await daemon.heard("feed.started")
    house.config.write_text(plain + channel + '[slicers.other]\nsource = "srt://127.0.0.1:9"\n')
    os.kill(daemon.pid, signal.SIGHUP)
    assert (await daemon.heard("config.reloaded"))["targets"] == []
    assert playouts(house.state / "inputs" / "channels.one") == [started["pid"]]
    missing = channel.replace('source = "test"', 'source = "rtmp://127.0.0.1:9/live/CANARYCANARY"')
    house.config.write_text(plain + missing)
    os.kill(daemon.pid, signal.SIGHUP)
    await daemon.heard("config.reloaded", targets=["channels.one"])
    fell_back = await daemon.heard("feed.fell_back", token=None)
    assert fell_back["detail"]
    assert started["pid"] not in playouts(house.state / "inputs" / "channels.one")
    assert "CANARY" not in (house.root / "daemon-0.log").read_text()
    assert await daemon.end(signal.SIGINT) == 0


async def test_a_channel_without_a_live_input_takes_no_entry_without_content(house, tmp_path):
    """Nothing could be shown: the booking is refused, and says what is missing."""
    house.configure()
    config = CHANNEL.format(hls=tmp_path).replace('live = "bars"\n', "")
    house.config.write_text(house.config.read_text() + config)
    with pytest.raises(InvalidBooking, match="no `live` input"):
        await book(house, 5, 5, "Event")
    booked = await book(house, 5, 5, "Bars", Content(ContentKind.SLICER, "bars"))
    assert booked.name == "Bars"


async def test_a_channel_that_was_renamed_is_not_on_air_twice(house, tmp_path):
    """What stayed on air and has gone from the configuration ends, and another comes instead."""
    house.on_stop = "leave"
    house.configure()
    plain = house.config.read_text()
    house.config.write_text(plain + CHANNEL.format(hls=tmp_path))
    daemon = await house.start()
    left = await daemon.heard("feed.started")
    assert await daemon.end() == 0
    assert playouts(house.state / "inputs" / "channels.one") == [left["pid"]]
    house.config.write_text(
        plain + CHANNEL.format(hls=tmp_path).replace("channels.one", "channels.two")
    )
    daemon = await house.start()
    await daemon.heard("feed.removed", target="channels.one", pid=left["pid"])
    began = await daemon.heard("feed.started", target="channels.two")
    assert playouts(house.state / "inputs" / "channels.one") == []
    assert await daemon.end() == 0
    daemon = await house.start()
    await daemon.heard("feed.adopted", target="channels.two", pid=began["pid"])
    assert not daemon.said("feed.removed")
    assert await daemon.end(signal.SIGINT) == 0
