"""The demo's hold on its daemon: one that dies, never gets ready or will not end is said so."""

import sys
from pathlib import Path

import anyio
import pytest

from tallyd.demo import daemon
from tallyd.demo.daemon import running_daemon
from tallyd.demo.errors import DemoError
from tallyd.demo.place import Place, make_place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Make a place for a demo."""
    return make_place(tmp_path / "demo")


def instead_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    """Let a shell script run where the daemon would."""
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\n{shell}\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


async def test_a_daemon_that_dies_is_told_with_its_last_words(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Whoever sees the demo fail reads why without looking for a log."""
    instead_of_python(tmp_path, monkeypatch, "echo no room left; exit 3")
    with pytest.raises(DemoError, match=r"status 3; .*daemon.log ends with:\n  no room left"):
        async with running_daemon(place) as running:
            await running.until_ready(place.root / "state/run", anyio.sleep)


async def test_a_daemon_that_never_gets_ready_is_not_waited_for(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The demo has a minute, not for ever."""
    instead_of_python(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(daemon, "READY_WITHIN_S", 0.2)
    with pytest.raises(DemoError, match="is not ready after"):
        async with running_daemon(place) as running:
            await running.until_ready(place.root / "state/run", anyio.sleep)


async def test_a_daemon_that_does_not_end_is_killed(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nothing of the demo is left running, and the report of it is not silent."""
    run_dir = place.root / "state/run"
    run_dir.mkdir(parents=True)
    says_ready = f"""echo '{{"ready": true, "pid": '$$'}}' > '{run_dir}/state.json'"""
    deaf = f"trap '' TERM; {says_ready}; while :; do sleep 0.1; done"
    instead_of_python(tmp_path, monkeypatch, deaf)
    monkeypatch.setattr(daemon, "_ENDS_WITHIN_S", 0.2)
    with pytest.raises(DemoError, match="was killed"):
        async with running_daemon(place) as running:
            await running.until_ready(run_dir, anyio.sleep)


async def test_a_daemon_that_cannot_be_started_is_an_error(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    """Without its program there is a sentence, no traceback."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(DemoError, match="cannot be started"):
        async with running_daemon(place):
            pass
