"""Whether commands can be run at all, for how many sessions, and into which files."""

from pathlib import Path

import pytest

from command_rig import WRITER, Rig
from tallyd.domain.model import EndReason, Reason
from tallyd.drivers.files import FileError
from tallyd.ports.drivers import DeviceBlockedError, GiveUpError, SessionState, TryAgainError


@pytest.fixture
def rig(tmp_path: Path, tasks) -> Rig:
    """Give a room whose recordings lie in the test's own directory."""
    return Rig(tmp_path, tasks.start_soon)


async def test_one_input_is_one_session_unless_the_options_say_otherwise(rig: Rig):
    """A second start on a busy input is blocked; with `overlap` it runs beside the first."""
    recorder = rig.recorder(run=WRITER)
    await recorder.start(rig.order())
    with pytest.raises(DeviceBlockedError, match=r"input 0 of rooms\.aula is still used"):
        await recorder.start(rig.order("t2"))
    overlapping = rig.recorder(run=WRITER, overlap=True)
    for token in ("t3", "t4"):
        await overlapping.start(rig.order(token))
    assert len(await overlapping.observe()) == 2
    for driver, token in ((recorder, "t1"), (overlapping, "t3"), (overlapping, "t4")):
        await driver.stop(token)


async def test_more_capacity_than_inputs_is_refused(rig: Rig):
    """A room of two needs two inputs; by default it has as many as the room."""
    with pytest.raises(GiveUpError, match="capacity of 2 needs `inputs` = 2"):
        rig.recorder(capacity=2, run=["true"], inputs=1)
    assert rig.recorder(capacity=2, run=["true"]).traits.inputs == 2


async def test_a_probe_sees_whether_the_programs_are_there(rig: Rig, tmp_path: Path):
    """It names what it would run; a missing or forbidden program, or directory, is an error."""
    (tmp_path / "text").write_text("no program")
    assert await rig.recorder(run=["sleep", "1"]).probe() == "sleep"
    for options, sentence in (
        ({"run": ["/nowhere/at/all"]}, "there is no program /nowhere/at/all"),
        ({"run": [str(tmp_path / "text")]}, "there is no program"),
        ({"run": ["sleep", "1"], "environment": {"PATH": "/nowhere"}}, "no program sleep"),
        ({"run": ["sleep", "1"], "directory": "/nowhere"}, "there is no directory /nowhere"),
    ):
        with pytest.raises(GiveUpError, match=sentence):
            await rig.recorder(**options).probe()


async def test_a_probe_command_decides(rig: Rig):
    """Where a probe is given its exit status is the answer, and its first line what it is."""
    run = ["sleep", "1"]
    said = await rig.recorder(run=run, probe=["echo", "deck of {target}"]).probe()
    assert said == "deck of rooms.aula"
    assert await rig.recorder(run=run, probe=["true"]).probe() == "true"
    with pytest.raises(TryAgainError, match=r"could not start \(exit status 1\)"):
        await rig.recorder(run=run, probe=["false"]).probe()
    with pytest.raises(TryAgainError, match=r"does not end within 0\.1 s"):
        await rig.recorder(run=run, probe=["sleep", "60"], timeout_s=0.1).probe()


async def test_a_program_that_vanished_is_told(rig: Rig):
    """What cannot be run fails the start, cleanly."""
    recorder = rig.recorder(run=["/nowhere/program", "{file}"])
    with pytest.raises(TryAgainError, match="cannot be run: No such file") as caught:
        await recorder.start(rig.order())
    assert caught.value.reason == "driver_unavailable"
    assert list(rig.root.iterdir()) == []


def refuse(_reservation):
    """Be a disk that does nothing."""
    raise FileError("the disk is gone")


async def test_a_file_that_cannot_be_finished_is_named_as_it_is(rig: Rig, monkeypatch):
    """A rename that fails does not hide that the session has ended, nor where its data lies."""
    monkeypatch.setattr("tallyd.drivers.command.session.finish", refuse)
    recorder = rig.recorder(run=WRITER)
    await recorder.start(rig.order())
    stopped = await recorder.stop("t1")
    assert (stopped.state, stopped.detail) == (SessionState.ENDED, "the disk is gone")
    assert stopped.files == (rig.root / "t1.data.part",)
    assert stopped.bytes > 0


async def test_a_file_that_the_program_removed_is_told(rig: Rig):
    """What is no longer there cannot be kept, and the reason is said."""
    recorder = rig.recorder(run=WRITER)
    await recorder.start(rig.order())
    (rig.root / "t1.data.part").unlink()
    stopped = await recorder.stop("t1")
    assert "cannot be finished: No such file" in stopped.detail


async def test_an_empty_file_that_cannot_be_removed_hides_no_cause(rig: Rig, monkeypatch):
    """Why the start failed is told even where its empty file stays."""
    monkeypatch.setattr("tallyd.drivers.command.session.discard", refuse)
    with pytest.raises(TryAgainError, match="exit status 1"):
        await rig.recorder(run=["false", "{file}"]).start(rig.order())


async def test_a_program_that_does_not_end_is_an_error_until_it_does(rig: Rig, monkeypatch):
    """A stop that is not confirmed says so, and the session stays until a later stop is."""
    recorder = rig.recorder(run=["sleep", "60"], alive_after_s=0.05)
    await recorder.start(rig.order())
    child = recorder._parts.of("t1")._plot.act._child
    with monkeypatch.context() as patched:
        patched.setattr("os.killpg", lambda *_: None)
        patched.setattr(child._ending, "left", [(15, 0.01)])
        with pytest.raises(TryAgainError, match="does not end") as caught:
            await recorder.stop("t1")
    assert caught.value.reason == "device_timeout"
    (shown,) = await recorder.observe()
    assert (shown.state, shown.end) == (SessionState.FLOWING, None)
    child._send(9)
    stopped = await recorder.stop("t1")
    assert (stopped.state, stopped.end) == (SessionState.ENDED, None)
    assert await recorder.observe() == ()


async def test_only_so_many_ended_sessions_are_remembered(rig: Rig):
    """The answer to a second stop is kept for a while, not for ever."""
    recorder = rig.recorder(run=["sleep", "60"], alive_after_s=0.05)
    for number in range(34):
        await recorder.start(rig.order(f"t{number}"))
        await recorder.stop(f"t{number}")
    assert (await recorder.stop("t33")).first_data_at is not None
    assert (await recorder.stop("t0")).first_data_at is None


async def test_a_session_that_died_says_so_also_after_a_stop_that_failed(rig: Rig, monkeypatch):
    """What a session died of is not forgotten when its end cannot be confirmed at once."""
    code = ["sh", "-c", 'echo x > "$0"; sleep 0.3; echo broken >&2; exit 3', "{file}"]
    recorder = rig.recorder(run=code)
    await recorder.start(rig.order())
    act = recorder._parts.of("t1")._plot.act
    await act.ended()

    async def fail() -> None:
        raise TryAgainError(Reason.DEVICE_TIMEOUT, "not now")

    with monkeypatch.context() as patched:
        patched.setattr(act, "end", fail)
        with pytest.raises(TryAgainError, match="not now"):
            await recorder.stop("t1")
    stopped = await recorder.stop("t1")
    assert stopped.end is EndReason.DIED
    assert "(exit status 3): broken" in stopped.detail
