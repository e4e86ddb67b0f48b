"""One command for as long as the session: what it is told, how it is believed, how it ends."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from pydantic import SecretStr

from command_rig import (
    WITNESS,
    WRITER,
    Rig,
    eventually,
    open_descriptors,
    processes_with,
    python,
    witnessed,
    zombies,
)
from tallyd.domain.model import EndReason
from tallyd.ports.drivers import SessionState, TryAgainError

DEAF = python(
    """
import signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
open(sys.argv[1], "w").write("data")
time.sleep(60)
""",
    "{file}",
)
HOSTILE = (
    "; touch pwned",
    "$(touch pwned) `touch pwned` && touch pwned | tee pwned > pwned",
    "-rf",
    "--help",
    "a name   with 'quotes\" and \\ and\ttabs",
    "two\nlines",
    "{token} {{name}} {nothing} %s $HOME ~ *",
    "\u202eright to left\u200b",
)


@pytest.fixture
def rig(tmp_path: Path, tasks) -> Rig:
    """Give a room whose recordings lie in the test's own directory."""
    return Rig(tmp_path, tasks.start_soon)


def pid_of(observation) -> int:
    """Give the process that a session refers to."""
    return int(observation.reference.partition("@")[0])


@pytest.mark.parametrize("name", HOSTILE)
async def test_every_value_is_one_argument_whatever_it_holds(rig: Rig, name: str):
    """A name arrives as it is, within the argument that it was written into, and does nothing."""
    run = python(WITNESS, "{file}", "--title={name}", "x {name} y", "{name}", "{{name}}", "end")
    recorder = rig.recorder(run=run, directory=str(rig.root))
    await recorder.start(rig.order(name=name))
    stopped = await recorder.stop("t1")
    alone = f" {name}" if name.startswith("-") else name
    seen = witnessed(stopped.files[0])["argv"]
    assert seen[1:] == [f"--title={name}", f"x {name} y", alone, "{name}", "end"]
    assert [path.name for path in rig.root.iterdir()] == ["t1.data"]


async def test_what_no_argument_can_hold_costs_no_recording(rig: Rig):
    """NUL is left out of a name and what is no character is replaced; the start works."""
    recorder = rig.recorder(run=python(WITNESS, "{file}", "{name}"))
    await recorder.start(rig.order(name="a\0b\ud800c"))
    stopped = await recorder.stop("t1")
    assert witnessed(stopped.files[0])["argv"][1:] == ["ab?c"]


async def test_a_program_runs_where_and_with_what_the_options_say(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
):
    """Directory and variables are as set, the daemon's own are gone, and no secret is open."""
    monkeypatch.setenv("TALLYD_HTTP__KEY", "s3cret")
    monkeypatch.setenv("HARMLESS", "kept")
    recorder = rig.recorder(
        run=python(WITNESS, "{file}"),
        directory=str(rig.root),
        environment={"DEVICE": "rec-1", "KEY": SecretStr("pass word")},
    )
    started = await recorder.start(rig.order())
    arguments = Path(f"/proc/{pid_of(started)}/cmdline").read_bytes()  # noqa: ASYNC240 - a moment
    stopped = await recorder.stop("t1")
    seen = witnessed(stopped.files[0])
    assert seen["cwd"] == str(rig.root)
    wanted = {"DEVICE": "rec-1", "KEY": "pass word", "HARMLESS": "kept"}
    assert {name: seen["env"].get(name) for name in wanted} == wanted
    assert "TALLYD_HTTP__KEY" not in seen["env"]
    assert b"pass word" not in arguments
    assert "pass word" not in repr(recorder._options)


async def test_a_growing_file_is_the_proof_and_what_is_kept(rig: Rig):
    """It starts when the file first grows, and the file gets its final name at the end."""
    recorder = rig.recorder(run=WRITER)
    commanded = rig.clock.now()
    started = await recorder.start(rig.order())
    assert started.files == (rig.root / "t1.data.part",)
    assert commanded < started.first_data_at <= rig.clock.now()
    stopped = await recorder.stop("t1")
    assert stopped.files == (rig.root / "t1.data",)
    assert stopped.bytes == stopped.files[0].stat().st_size > 0
    assert (stopped.state, stopped.end, stopped.detail) == (SessionState.ENDED, None, None)


async def test_a_file_that_appeared_meanwhile_is_kept_beside(rig: Rig):
    """The final name is never taken from another file."""
    recorder = rig.recorder(run=WRITER)
    await recorder.start(rig.order())
    (rig.root / "t1.data").write_text("mine")
    stopped = await recorder.stop("t1")
    assert stopped.files == (rig.root / "t1-2.data",)
    assert (rig.root / "t1.data").read_text() == "mine"


async def test_a_file_that_no_longer_grows_is_silence(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """A program that lives and writes nothing more is shown as silent, with the reason."""
    monkeypatch.setattr("tallyd.drivers.command.proofs.Growth.patience", timedelta(seconds=0.2))
    monkeypatch.setattr("tallyd.drivers.command.proofs.Growth.every_s", 0.05)
    recorder = rig.recorder(run=WRITER)
    started = await recorder.start(rig.order())
    os.kill(pid_of(started), signal.SIGSTOP)
    await anyio.sleep(0.5)
    (shown,) = await recorder.observe()
    assert shown.state is SessionState.SILENT
    assert shown.detail.endswith("t1.data.part does not grow")
    os.kill(pid_of(started), signal.SIGCONT)
    assert (await recorder.stop("t1")).detail is None


async def test_a_watched_file_counts_from_what_it_held_before(rig: Rig, tmp_path_factory):
    """An old file is no proof, growth of it is; it is not ours, so it keeps its name."""
    watched = tmp_path_factory.mktemp("device") / "rooms.aula-0.ts"
    watched.write_text("of yesterday")
    code = "import sys, time; time.sleep(0.2); open(sys.argv[1], 'a').write('new'); time.sleep(60)"
    recorder = rig.recorder(
        run=python(code, str(watched)), watch=str(watched.parent / "{target}-{input}.ts")
    )
    begun = rig.clock.now()
    started = await recorder.start(rig.order())
    assert started.first_data_at - begun >= timedelta(seconds=0.2)
    assert (started.bytes, started.files) == (3, ())
    watched.write_text("x")
    stopped = await recorder.stop("t1")
    assert (stopped.bytes, watched.read_text()) == (1, "x")


async def test_a_living_program_is_believed_after_a_while(rig: Rig):
    """Without a file the program must live for so long; data began when the options say."""
    recorder = rig.recorder(run=["sleep", "60"], alive_after_s=0.1, lead_ms=200)
    commanded = rig.clock.now()
    started = await recorder.start(rig.order())
    lead = started.first_data_at - commanded
    assert timedelta(seconds=0.2) <= lead < timedelta(seconds=1)
    assert started.first_data_at <= started.last_data_at <= rig.clock.now()
    assert (started.bytes, started.files) == (0, ())
    assert (recorder.traits.lead_ms, recorder.traits.overlap) == (200, False)
    await anyio.sleep(0.6)
    (shown,) = await recorder.observe()
    assert shown.last_data_at > started.last_data_at
    await recorder.stop("t1")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("pass", r"ended by itself \(exit status 0\)$"),
        ("import sys; sys.exit('no camera')", r"ended by itself \(exit status 1\): no camera$"),
        ("import sys; print('1'); print('2'); sys.exit(2)", r"\(exit status 2\): 1; 2$"),
        ("import os; os.kill(os.getpid(), 9)", r"ended by itself \(signal 9\)$"),
        ("import os; os.write(2, bytes(range(256))); os._exit(3)", r"status 3\): [^\x00-\x1f]+$"),
        ("import os, sys; print(os.environ['KEY']); sys.exit(4)", r"status 4\): \*\*\*; \*\*\*$"),
    ],
)
async def test_an_early_end_is_a_fault_with_its_last_words(rig: Rig, code: str, sentence: str):
    """A program that exits before there is data fails the start, with 0 too, and leaves nothing."""
    recorder = rig.recorder(
        run=python(code), environment={"KEY": SecretStr("pass word\nof two lines")}, alive_after_s=5
    )
    with pytest.raises(TryAgainError, match=sentence) as caught:
        await recorder.start(rig.order())
    assert caught.value.reason == "device_ended"
    assert await recorder.observe() == ()


async def test_an_end_that_nobody_asked_for_has_died(rig: Rig):
    """A program that exits with 0 in the middle has died, and what it wrote is kept."""
    code = "import sys, time; open(sys.argv[1], 'w').write('x'); time.sleep(0.3)"
    recorder = rig.recorder(run=python(code, "{file}"))
    await recorder.start(rig.order())
    await eventually(lambda: recorder._parts.of("t1").over)
    (shown,) = await recorder.observe()
    assert (shown.state, shown.end) == (SessionState.ENDED, EndReason.DIED)
    assert "ended by itself (exit status 0)" in shown.detail
    stopped = await recorder.stop("t1")
    assert (stopped.end, stopped.files) == (EndReason.DIED, (rig.root / "t1.data",))


async def test_a_program_that_writes_nothing_is_no_recording(rig: Rig):
    """The start fails in time and says what it waited for; no process and no file is left."""
    recorder = rig.recorder(run=["sleep", "61.25", "{file}"], start_timeout_s=0.3)
    with pytest.raises(TryAgainError, match="ended by itself"):  # sleep takes no file
        await recorder.start(rig.order())
    recorder = rig.recorder(run=["sh", "-c", "sleep 61.25", "{file}"], start_timeout_s=0.3)
    with pytest.raises(TryAgainError, match=r"no data within 0.3 s: .*t1.data.part does not grow"):
        await recorder.start(rig.order())
    assert processes_with("61.25") == []
    assert list(rig.root.iterdir()) == []


async def test_an_empty_file_is_not_kept(rig: Rig):
    """Where life was believed and nothing was written, that is said and the file is gone."""
    recorder = rig.recorder(
        run=["sh", "-c", "sleep 60", "{file}"], confirm="alive", alive_after_s=0.1
    )
    await recorder.start(rig.order())
    stopped = await recorder.stop("t1")
    assert (stopped.files, stopped.bytes) == ((), 0)
    assert stopped.detail == "its file stayed empty"
    assert list(rig.root.iterdir()) == []


async def test_a_program_that_is_deaf_is_killed_and_its_file_kept(rig: Rig):
    """One that ignores its signal, and TERM, is killed after its grace; that is said."""
    for stop_signal in ("TERM", "INT"):
        recorder = rig.recorder(run=DEAF, stop_signal=stop_signal, stop_grace_s=0.2)
        await recorder.start(rig.order(stop_signal))
        stopped = await recorder.stop(stop_signal)
        assert "ended roughly (signal 9)" in stopped.detail
        assert stopped.files[0].read_text() == "data"


@pytest.mark.parametrize(
    ("stop_signal", "ok", "code", "told"),
    [
        ("INT", None, "exit(0)", "nothing wrong"),
        ("USR1", None, "exit(255)", "nothing wrong"),
        ("HUP", None, "exit(129)", "nothing wrong"),
        ("TERM", None, "exit(130)", "ended roughly (exit status 130)"),
        ("QUIT", [7], "exit(7)", "nothing wrong"),
        ("USR2", [7], "exit(0)", "ended roughly (exit status 0)"),
    ],
)
async def test_the_signal_and_the_ends_that_are_gentle_can_be_set(
    rig: Rig, stop_signal: str, ok: list[int] | None, code: str, told: str
):
    """The program gets just that signal; an exit status that is not listed is told."""
    handler = f"""
import os, signal, sys, time
def end(number, frame):
    print("got", signal.Signals(number).name, file=sys.stderr, flush=True)
    os._{code.replace("exit", "exit")}
for name in ("INT", "TERM", "QUIT", "HUP", "USR1", "USR2"):
    signal.signal(getattr(signal, "SIG" + name), end)
open(sys.argv[1], "w").write("x")
time.sleep(60)
""".replace("{", "{{").replace("}", "}}")
    options = {} if ok is None else {"ok_exit_codes": ok}
    recorder = rig.recorder(run=python(handler, "{file}"), stop_signal=stop_signal, **options)
    await recorder.start(rig.order())
    session = recorder._parts.of("t1")
    stopped = await recorder.stop("t1")
    assert list(session._plot.act._child.tail) == [f"got SIG{stop_signal}"]
    assert told in (stopped.detail or "nothing wrong")


async def test_a_program_that_dies_of_its_signal_has_ended_gently(rig: Rig):
    """A program without a handler dies of the signal that asks it to end: that is no fault."""
    recorder = rig.recorder(run=["sleep", "60"], stop_signal="USR1", alive_after_s=0.05)
    await recorder.start(rig.order())
    assert (await recorder.stop("t1")).detail is None


async def test_a_flood_of_output_holds_up_nobody(rig: Rig):
    """A program that fills its outputs without end is read, goes on, and is stopped in time."""
    code = """
import os
while True:
    os.write(1, b"x" * 65536); os.write(2, b"no newline" * 1000)
"""
    recorder = rig.recorder(run=python(code), alive_after_s=0.3)
    await recorder.start(rig.order())
    with anyio.fail_after(5):
        stopped = await recorder.stop("t1")
    assert stopped.detail is None


async def test_a_start_that_is_cancelled_or_stopped_leaves_nothing(rig: Rig):
    """Whenever it is cut, no process, no file and no session is left, and a stop says so."""
    recorder = rig.recorder(run=["sh", "-c", "sleep 62.5; :", "{file}"])
    for number, after_s in enumerate((0, 0.005, 0.05, 0.2)):
        with anyio.move_on_after(after_s):
            await recorder.start(rig.order(f"cut{number}"))
            pytest.fail("it was not to get so far")
    async with anyio.create_task_group() as group:
        answers = []

        async def start() -> None:
            try:
                answers.append(await recorder.start(rig.order()))
            except TryAgainError as error:
                answers.append(error.sentence)

        group.start_soon(start)
        await eventually(lambda: processes_with("62.5"))
        stopped = await recorder.stop("t1")
    assert answers == ["it was stopped while it started"]
    assert (stopped.state, stopped.end) == (SessionState.ENDED, EndReason.NO_DATA)
    assert processes_with("62.5") == []
    assert list(rig.root.iterdir()) == []
    assert await recorder.observe() == ()


async def test_nothing_outlives_the_daemon(tmp_path: Path):
    """When the daemon's tasks are cancelled the program ends, and all that it started."""
    async with anyio.create_task_group() as tasks:
        rig = Rig(tmp_path, tasks.start_soon)
        recorder = rig.recorder(
            run=["sh", "-c", "trap '' TERM; sleep 63.5 & sleep 63.5"],
            alive_after_s=0.1,
            stop_grace_s=0.2,
        )
        await recorder.start(rig.order())
        assert len(processes_with("63.5")) == 3
        tasks.cancel_scope.cancel()
    assert processes_with("63.5") == []
    assert zombies() == []


async def test_nothing_adds_up(rig: Rig):
    """After ten sessions, failed ones among them, no descriptor and no zombie is left."""
    good = rig.recorder(run=WRITER)
    bad = rig.recorder(run=["false"])

    async def both(token: str) -> None:
        await good.start(rig.order(token))
        await good.stop(token)
        with pytest.raises(TryAgainError):
            await bad.start(rig.order(f"{token}-bad"))

    await both("first")
    before = open_descriptors()
    for number in range(10):
        await both(f"t{number}")
    await anyio.lowlevel.checkpoint()
    assert open_descriptors() <= before
    assert zombies() == []
