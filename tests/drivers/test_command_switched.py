"""A device that commands start, stop and ask: it is believed, its commands are not."""

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from command_rig import Rig, Switch, eventually, processes_with
from tallyd.domain.model import Content, ContentKind, EndReason
from tallyd.ports.drivers import DeviceBlockedError, SessionState, TryAgainError


@pytest.fixture
def rig(tmp_path: Path, tasks) -> Rig:
    """Give a room whose recordings lie in a directory of their own."""
    (tmp_path / "recordings").mkdir()
    return Rig(tmp_path / "recordings", tasks.start_soon)


@pytest.fixture
def switch(tmp_path: Path) -> Switch:
    """Give a device that is off."""
    return Switch(tmp_path / "device")


async def test_it_is_told_once_each_and_believed_by_its_status(rig: Rig, switch: Switch):
    """Start and stop are called once, with their arguments; data flows since the first yes."""
    switch.when("start", "(sleep 0.2; touch on) > /dev/null 2>&1 &")
    commands = {**switch.options, "start": switch.argv("start", "{name}", "{token}", "{input}")}
    recorder = rig.recorder(**commands)
    begun = rig.clock.now()
    started = await recorder.start(rig.order(name="two words"))
    assert started.first_data_at - begun >= timedelta(seconds=0.2)
    assert (started.state, started.reference) == (SessionState.FLOWING, None)
    stopped = await recorder.stop("t1")
    assert await recorder.stop("t1") == stopped
    assert (stopped.state, stopped.end, stopped.detail) == (SessionState.ENDED, None, None)
    assert switch.heard == ["start two words t1 0", "stop"]


async def test_a_refused_start_is_told_and_not_stopped(rig: Rig, switch: Switch):
    """The device's own words are in the error; no stop is sent, as it may run for another."""
    switch.when("start", "echo no tape >&2; exit 7")
    recorder = rig.recorder(**switch.options)
    with pytest.raises(
        TryAgainError, match=r"did not start it \(exit status 7\): no tape$"
    ) as told:
        await recorder.start(rig.order())
    assert told.value.reason == "device_refused"
    assert switch.heard == ["start"]


async def test_a_start_without_effect_is_stopped_again(rig: Rig, switch: Switch):
    """Where the reply is good and the device does nothing the start fails, and is taken back."""
    switch.when("start", "true")
    recorder = rig.recorder(**switch.options, start_timeout_s=0.3)
    with pytest.raises(TryAgainError, match=r"no data within 0.3 s: .* says no") as told:
        await recorder.start(rig.order())
    assert told.value.reason == "device_silent"
    assert switch.heard == ["start", "stop"]


@pytest.mark.parametrize("command", ["start", "stop", "status"])
async def test_a_command_that_hangs_has_a_deadline(rig: Rig, switch: Switch, command: str):
    """It is killed, with what it started; a device that may have heard it is told to stop."""
    recorder = rig.recorder(
        **switch.options, timeout_s=0.3, stop_timeout_s=0.3, start_timeout_s=0.5
    )
    if command == "stop":
        await recorder.start(rig.order())
    switch.when(command, "sleep 64.5 & sleep 64.5; wait")
    call = recorder.stop("t1") if command == "stop" else recorder.start(rig.order())
    with pytest.raises(TryAgainError, match=r"does not end within 0.3 s|did not stop it"):
        await call
    assert await eventually(lambda: not processes_with("64.5"))
    if command == "start":
        assert switch.heard == ["start", "stop"]


async def test_a_cancelled_start_is_taken_back(rig: Rig, switch: Switch):
    """Cancelled while the device thinks, it is told to stop; cancelled before, nothing happens."""
    switch.when("start", "touch on; sleep 65.5")
    recorder = rig.recorder(**switch.options)
    with anyio.move_on_after(0):
        await recorder.start(rig.order())
    with anyio.move_on_after(0.5):
        await recorder.start(rig.order())
    assert switch.heard == ["start", "stop"]
    assert not switch.on
    assert processes_with("65.5") == []


async def test_a_device_that_runs_for_somebody_else_is_left_alone(rig: Rig, switch: Switch):
    """What is on already is not ours: the start is blocked, and neither started nor stopped."""
    (switch.root / "on").touch()
    recorder = rig.recorder(**switch.options)
    with pytest.raises(DeviceBlockedError, match="running already, for somebody else"):
        await recorder.start(rig.order())
    assert switch.heard == []
    overlapping = rig.recorder(**switch.options, overlap=True)
    await overlapping.start(rig.order())
    await overlapping.stop("t1")


async def test_no_answer_is_silence_and_no_is_the_end(rig: Rig, switch: Switch):
    """An unknown answer makes it silent, a yes makes it flow again, a no means that it has died."""
    recorder = rig.recorder(**switch.options, status_every_s=0.1, timeout_s=0.4)
    await recorder.start(rig.order())

    async def shows(state: SessionState) -> str | None:
        while True:
            (shown,) = await recorder.observe()
            if shown.state is state:
                return shown.detail
            await anyio.sleep(0.02)

    with anyio.fail_after(20):
        switch.when("status", "echo what? >&2; exit 5")
        assert "gives no answer (exit status 5): what?" in await shows(SessionState.SILENT)
        switch.when("status", "test -e on")
        assert await shows(SessionState.FLOWING) is None
        (switch.root / "on").unlink()
        assert "it is no longer running" in await shows(SessionState.ENDED)
    stopped = await recorder.stop("t1")
    assert stopped.end is EndReason.DIED
    assert switch.heard == ["start", "stop"]
    await recorder.start(rig.order("t2"))
    await recorder.stop("t2")


async def test_a_stop_without_effect_is_an_error_until_it_has_one(rig: Rig, switch: Switch):
    """A device that goes on is not believed to have stopped; asked again, it is told again."""
    recorder = rig.recorder(**switch.options, stop_timeout_s=0.4)
    await recorder.start(rig.order())
    for act, why in (("true", "still running"), ("echo busy; exit 3", r"exit status 3\): busy")):
        switch.when("stop", act)
        with pytest.raises(TryAgainError, match=f"did not stop it .*{why}") as told:
            await recorder.stop("t1")
        assert told.value.reason == "device_timeout"
        assert len(await recorder.observe()) == 1
    switch.when("stop", "rm on; exit 3")
    stopped = await recorder.stop("t1")
    assert (stopped.state, stopped.end) == (SessionState.ENDED, None)
    assert switch.heard == ["start", "stop", "stop", "stop"]


async def test_an_answer_can_be_read(rig: Rig, switch: Switch):
    """With a pattern a yes is an answer that contains it, an exit of 0 without it is a no."""
    switch.when("status", 'test -e on && echo "state: recording" || echo "state: idle"')
    recorder = rig.recorder(**switch.options, status_match=r"state: rec\w+", start_timeout_s=0.5)
    await recorder.start(rig.order())
    await recorder.stop("t1")
    switch.when("start", "true")
    with pytest.raises(TryAgainError, match="gives another answer"):
        await recorder.start(rig.order())


async def test_the_stop_may_fetch_the_file(rig: Rig, switch: Switch):
    """A device with a disk of its own: the stop command copies the recording into {file}."""
    stop = ["sh", "-c", f'rm {switch.root}/on; echo recorded > "$0"', "{file}"]
    recorder = rig.recorder(**{**switch.options, "stop": stop})
    started = await recorder.start(rig.order())
    assert (started.bytes, started.files) == (0, (rig.root / "t1.data.part",))
    stopped = await recorder.stop("t1")
    assert stopped.files == (rig.root / "t1.data",)
    assert stopped.files[0].read_text() == "recorded\n"
    assert stopped.bytes == len("recorded\n")


async def test_a_file_can_show_what_a_device_does(rig: Rig, tmp_path: Path):
    """Without a status command the file must grow, and at the end have stopped growing."""
    watched = tmp_path / "share" / "t1.ts"
    watched.parent.mkdir()
    grow = "import sys, time\nwhile True: print('x', flush=True); time.sleep(0.05)"
    start = 'exec > "$0" 2> /dev/null; "$1" -S -u -c "$2" & echo $! > "$0.pid"'
    recorder = rig.recorder(
        start=["sh", "-c", start, str(watched), sys.executable, grow],
        stop=["sh", "-c", 'kill "$(cat "$0.pid")"', str(watched)],
        watch=str(watched.parent / "{token}.ts"),
    )
    started = await recorder.start(rig.order())
    assert started.bytes > 0
    stopped = await recorder.stop("t1")
    size = watched.stat().st_size
    assert (stopped.bytes, stopped.detail) == (size, None)
    await anyio.sleep(0.2)
    assert watched.stat().st_size == size


async def test_a_stop_that_fails_is_not_believed_by_a_file_at_rest(rig: Rig, switch: Switch):
    """A file that does not grow is no proof of an end that the device refused."""
    switch.when("start", "touch on; echo x >> tape")
    switch.when("stop", "exit 4")
    options = {**switch.options, "watch": str(switch.root / "tape")}
    del options["status"]
    recorder = rig.recorder(**options)
    await recorder.start(rig.order())
    with pytest.raises(TryAgainError, match=r"did not stop it \(exit status 4\)") as told:
        await recorder.stop("t1")
    assert told.value.reason == "device_refused"
    switch.when("stop", "rm on")
    assert (await recorder.stop("t1")).state is SessionState.ENDED


async def test_a_missing_start_command_needs_no_stop(rig: Rig, switch: Switch):
    """What cannot be run has told the device nothing."""
    recorder = rig.recorder(**{**switch.options, "start": ["/nowhere/start"]})
    with pytest.raises(TryAgainError, match="cannot be run"):
        await recorder.start(rig.order())
    assert switch.heard == []


async def test_a_file_that_cannot_be_made_starts_nothing(rig: Rig, switch: Switch):
    """Where the disk refuses, the reason is the disk, and the device hears nothing."""
    start = switch.argv("start", "{file}")
    recorder = rig.recorder(**{**switch.options, "start": start})
    with pytest.raises(TryAgainError, match="leads out of") as told:
        await recorder.start(rig.order(output=Path("/tmp/elsewhere")))  # noqa: S108 - not made
    assert told.value.reason == "disk"
    assert switch.heard == []


async def test_a_feed_is_told_what_to_play_and_from_where(rig: Rig, switch: Switch):
    """Content, kind and offset arrive as arguments, and a channel plays until it is stopped."""
    start = switch.argv("start", "{content}", "{content_kind}", "{offset_ms}", "{target}")
    feed = rig.feed(**{**switch.options, "start": start})
    content = Content(ContentKind.ASSET, id="asset 7")
    order = rig.order(content=content, media_offset=timedelta(seconds=2))
    await feed.start(replace(order, target="channels.one"))
    await feed.stop("t1")
    assert switch.heard == ["start asset 7 asset 2000 channels.one", "stop"]
