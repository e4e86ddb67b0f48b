"""The feed keeps the contract of drivers, and a channel outlives whoever looks after it."""

import os
import signal
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from tests.marks_rig import stretches
from tests.playout.conftest import children_of, end_playouts, free_port, playouts

from tallyd.clock import SystemClock
from tallyd.domain.model import EndReason
from tallyd.drivers.feeds.ffmpeg import FfmpegFeed
from tallyd.drivers.playout import station
from tallyd.drivers.playout.wire import SOCKET, Ask, State
from tallyd.ports.drivers import (
    DriverError,
    GiveUpError,
    Observation,
    SessionState,
    TryAgainError,
)
from tallyd.ports.programme import AssetProgramme, LiveProgramme, MissingProgramme, Programme
from tallyd.testing.conformance import CHECKS, Check, Subject, verify

A_MINUTE = 60


async def kill(shown: Observation) -> None:
    """Kill the playout behind a session."""
    os.kill(int(str(shown.reference)), signal.SIGKILL)


async def until(true: Callable[[], Awaitable[object]], within_s: float = 10) -> None:
    """Wait for something to come true."""
    with anyio.fail_after(within_s):
        while not await true():  # noqa: ASYNC110 - another process sets no event
            await anyio.sleep(0.05)


async def state_of(feed: FfmpegFeed) -> State:
    """Ask the playout of a feed how it stands."""
    return await feed._station.ask(Ask())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_the_feed_keeps_the_contract(check: Check, tmp_path: Path):
    """What the engine relies on holds for channels too."""
    options = FfmpegFeed.Options(
        outputs=(f"udp://127.0.0.1:{free_port()}",),
        size="320x180",
        video_bitrate_kbps=300,
        archive_keep_s=0,
    )
    subject = Subject(
        make=lambda context: FfmpegFeed(replace(context, live="test"), options),
        clock=SystemClock(),
        directory=tmp_path,
        run_s=0.2,
        break_session=kill,
    )
    try:
        await verify(check, subject)
    finally:
        end_playouts(tmp_path / ".locks")


async def test_a_channel_outlives_its_daemon(channel, films, tmp_path):
    """Entries that were ordered begin and end by themselves, and the next daemon takes over."""
    feed = channel.feed()
    await feed.switch_on()
    zero = channel.clock.now() + timedelta(seconds=6)
    film = AssetProgramme(films(3, 8), timedelta(seconds=8))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(feed.start, channel.order("a", zero, 4, film))
        await until(lambda: _has_entry(feed))
        tasks.cancel_scope.cancel()
        channel.daemon_dies()
        feed._station.ask = _never  # the daemon has no time for regrets
    await channel.clock.sleep((zero - channel.clock.now()).total_seconds() + 2)
    heir = channel.feed()
    (found,) = await heir.recover()
    assert (found.token, found.state) == ("a", SessionState.FLOWING)
    assert found.first_data_at is not None
    assert abs(found.first_data_at - zero) < timedelta(milliseconds=50)
    await channel.clock.sleep(3.5)
    assert (await heir.stop("a")).last_data_at == pytest.approx(zero, abs=timedelta(seconds=4.1))
    await heir.switch_off()
    pictures = channel.viewer.pictures(tmp_path)
    assert stretches(m for _, _, m in pictures if m.name == 3) == [(3, 0, 99)]
    assert not playouts(channel.root / "locks")


async def _has_entry(feed: FfmpegFeed) -> bool:
    try:
        return bool((await state_of(feed)).entries)
    except Exception:  # noqa: BLE001 - it comes on only now
        return False


async def _never(_request: object) -> State:
    await anyio.sleep_forever()
    raise AssertionError


async def test_a_playout_that_dies_is_replaced(channel):
    """The channel is back by itself; what played has died, and the engine hears of it."""
    feed = channel.feed(live="test")
    order = channel.order("a", channel.clock.now(), A_MINUTE)
    await feed.start(order)
    (pid,) = playouts(channel.root / "locks")
    os.kill(pid, signal.SIGKILL)
    await until(lambda: _is_dead(feed))
    (shown,) = await feed.observe()
    assert (shown.end, bool(shown.detail)) == (EndReason.DIED, True)
    await feed.stop("a")
    await until(lambda: _is_on(feed))
    assert playouts(channel.root / "locks") != [pid]
    again = await feed.start(channel.order("b", channel.clock.now(), A_MINUTE))
    assert again.state is SessionState.FLOWING
    await feed.switch_off()


async def _is_dead(feed: FfmpegFeed) -> bool:
    return any(each.state is SessionState.ENDED for each in await feed.observe())


async def _is_on(feed: FfmpegFeed) -> bool:
    try:
        return (await state_of(feed)).on_air is not None
    except Exception:  # noqa: BLE001 - it comes on only now
        return False


async def test_a_publication_that_dies_is_begun_again(channel, tmp_path):
    """A sink that is killed is back within two seconds; the channel and the others go on."""
    feed = channel.feed(
        outputs=[f"udp://127.0.0.1:{channel.viewer.port}", f"hls:{tmp_path}/a.m3u8"]
    )
    await feed.switch_on()
    await until(lambda: _is_on(feed), 20)
    await channel.clock.sleep(1)
    before = await state_of(feed)
    victim = before.publications[0].pid
    assert victim is not None
    os.kill(victim, signal.SIGKILL)
    killed = channel.clock.now()
    await channel.clock.sleep(0.2)
    seen = len(channel.viewer.came)
    await until(lambda: _more_than(channel.viewer.came, seen))
    assert channel.clock.now() - killed < timedelta(seconds=2)
    after = await state_of(feed)
    assert after.publications[0].begun == 2
    assert after.publications[1].begun == 1
    assert after.publications[1].up
    await feed.switch_off()


async def _more_than(came: list[object], count: int) -> bool:
    return len(came) > count


async def test_a_source_that_is_killed_costs_two_seconds(channel):
    """The slate stands in at once, the source comes back by itself, and it is one event."""
    feed = channel.feed(live="test")
    await feed.start(channel.order("a", channel.clock.now(), A_MINUTE))
    since = channel.clock.now()
    (source,) = children_of(playouts(channel.root / "locks")[0], "testsrc2")
    os.kill(source, signal.SIGKILL)
    await channel.clock.sleep(4)
    state = await state_of(feed)
    assert (state.on_air, state.trouble) == ("live", None)
    kinds = [each.kind for each in channel.aired(since)]
    assert kinds in (["live"], ["live", "slate", "live"])
    (shown,) = await feed.observe()
    assert shown.state is SessionState.FLOWING
    await feed.switch_off()


async def test_what_encodes_gives_way_to_what_keeps_time(channel):
    """A machine that is too busy costs a source its pictures, not the channel its slots."""
    feed = channel.feed(live="test")
    await feed.start(channel.order("a", channel.clock.now(), A_MINUTE))
    (playout,) = playouts(channel.root / "locks")
    mine = os.getpriority(os.PRIO_PROCESS, playout)
    ffmpegs = children_of(playout, "ffmpeg")
    assert len(ffmpegs) == 2
    assert all(os.getpriority(os.PRIO_PROCESS, pid) > mine for pid in ffmpegs)
    await feed.switch_off()


async def test_a_playout_that_hangs_is_replaced(channel):
    """One that answers nothing any more is killed, and another brings the channel back."""
    feed = channel.feed(live="test")
    await feed.switch_on()
    await until(lambda: _has_said(channel, "feed.started"), 20)
    (hung,) = playouts(channel.root / "locks")
    os.kill(hung, signal.SIGSTOP)
    await until(lambda: _is_replaced(channel, hung), 20)
    await until(lambda: _is_on(feed), 20)
    assert [error for event, error in channel.said if event == "feed.died"] == [
        "the playout answered nothing any more, and was killed"
    ]
    await feed.switch_off()


async def test_a_playout_that_hangs_before_it_answers_is_replaced(channel, monkeypatch):
    """One that never comes on does not keep the channel off the air for ever."""
    monkeypatch.setattr(station, "ON_WITHIN_S", 5.0)
    feed = channel.feed(live="test")
    await feed.switch_on()
    await until(lambda: _is_launched(channel), 20)
    (hung,) = playouts(channel.root / "locks")
    os.kill(hung, signal.SIGSTOP)
    assert not channel.said
    await until(lambda: _has_said(channel, "feed.started"), 30)
    assert playouts(channel.root / "locks") != [hung]
    await feed.switch_off()


async def _is_launched(channel) -> bool:
    return bool(playouts(channel.root / "locks"))


async def _has_said(channel, event: str) -> bool:
    return any(said == event for said, _ in channel.said)


async def _is_replaced(channel, pid: int) -> bool:
    return playouts(channel.root / "locks") not in ([pid], [])


async def test_a_playout_that_is_held_up_loses_no_entry(channel):
    """It answers nobody for a while: what it has to play stays, and begins."""
    feed = channel.feed(live="test")
    await feed.switch_on()
    await until(lambda: _is_on(feed), 20)
    (pid,) = playouts(channel.root / "locks")
    shown: list[Observation] = []

    async def start() -> None:
        begins = channel.clock.now() + timedelta(seconds=4)
        shown.append(await feed.start(channel.order("a", begins, A_MINUTE)))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(start)
        await until(lambda: _has_entry(feed))
        os.kill(pid, signal.SIGSTOP)
        await channel.clock.sleep(2.5)
        os.kill(pid, signal.SIGCONT)
    assert [each.state for each in shown] == [SessionState.FLOWING]
    assert [each.token for each in await feed.observe()] == ["a"]
    await feed.switch_off()


async def test_a_playout_that_is_held_up_is_adopted(channel):
    """The next daemon waits for an answer; it takes nothing off the air for being slow."""
    feed = channel.feed()
    await feed.switch_on()
    await until(lambda: _is_on(feed), 20)
    (pid,) = playouts(channel.root / "locks")
    channel.daemon_dies()
    heir = channel.feed()
    os.kill(pid, signal.SIGSTOP)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heir.recover)
        await channel.clock.sleep(2.5)
        os.kill(pid, signal.SIGCONT)
    await heir.switch_on()
    assert playouts(channel.root / "locks") == [pid]
    assert (await state_of(heir)).pid == pid
    await heir.switch_off()


async def test_a_question_that_is_dropped_as_it_is_answered(channel):
    """Who stops to wait just as the answer comes has stopped, and nothing else happens."""
    feed = channel.feed()
    with socket.socket(socket.AF_UNIX) as playout:
        (channel.root / "state").mkdir()
        playout.bind(str(channel.root / "state" / SOCKET))
        playout.listen()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feed._station.ask, Ask())
            await anyio.wait_readable(playout)
            link, _ = playout.accept()
            with link:
                await anyio.wait_readable(link)
                link.send(b"{}\n")
                await anyio.lowlevel.checkpoint()  # now the event loop knows that it has come
                tasks.cancel_scope.cancel()
    assert not channel.said


async def test_a_source_that_is_missing_shows_the_slate(channel):
    """An input that nobody sends is said to be missing, and told why, while the entry goes on."""
    feed = channel.feed(live=f"rtmp://127.0.0.1:{free_port()}/live/secretkey")
    shown = await feed.start(channel.order("a", channel.clock.now(), A_MINUTE))
    assert (shown.state, shown.first_data_at) == (SessionState.SILENT, None)
    assert shown.detail
    assert "secretkey" not in shown.detail
    state = await state_of(feed)
    assert (state.on_air, state.token) == ("slate", "a")
    await feed.switch_off()


async def test_what_is_missing_is_refused(channel):
    """What is not there is tried again, what can never be shown is not; nothing is put on air."""
    feed = channel.feed()
    now = channel.clock.now()
    refused: list[tuple[type[DriverError], str, Programme | None]] = [
        (TryAgainError, "asset x is not", MissingProgramme("asset x is not in the library")),
        (GiveUpError, "nobody has said", None),
        (GiveUpError, "slicer cam is a device", LiveProgramme("v4l2:/dev/video0", slicer="cam")),
        (GiveUpError, "slicer cam is no source", LiveProgramme("ftp://h/pass", slicer="cam")),
    ]
    for error, sentence, programme in refused:
        with pytest.raises(error, match=sentence) as raised:
            await feed.start(channel.order("a", now, A_MINUTE, programme))
        assert "pass" not in raised.value.sentence
    assert not playouts(channel.root / "locks")


@pytest.mark.parametrize(
    ("live", "sentence"),
    [
        ("alsa:hw:1", "the `live` input is a device"),
        ("https://", "the `live` input has no host"),
    ],
)
async def test_a_channel_without_its_live_input(channel, live, sentence):
    """A feed that could not show what it should is not built, and says why."""
    with pytest.raises(GiveUpError, match=sentence):
        channel.feed(live=live)


@pytest.mark.parametrize("missing", ["slate", "ad_slate"])
async def test_a_slate_that_is_gone_is_told(channel, tmp_path, missing):
    """The channel is on without it, and its health says what is missing."""
    gone = tmp_path / "gone.png"
    feed = channel.feed(**{missing: gone})
    with pytest.raises(TryAgainError, match=f"no {missing.replace('_', ' ')} {gone}"):
        await feed.probe()
    await feed.switch_on()
    await until(lambda: _is_on(feed), 20)
    await feed.switch_off()
