"""The recorder on a real RTSP camera: recorded whole, and its loss or its silence is a fault."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest

from tallyd.domain.model import EndReason
from tallyd.ports.drivers import SessionState, TryAgainError

SYSTEM_PYTHON = "/usr/bin/python3"
CAMERA = Path(__file__).parent / "peers" / "rtsp_camera.py"
NEEDS = "import gi; gi.require_version('GstRtspServer', '1.0')"


@pytest.fixture(scope="module", autouse=True)
def _camera_can_be_had() -> None:
    """Make sure that the system has a real RTSP server; where it has not, CI does not pass."""
    with suppress(OSError):
        if (
            subprocess.run(
                [SYSTEM_PYTHON, "-c", NEEDS], capture_output=True, check=False
            ).returncode
            == 0
        ):
            return
    pytest.skip("install gir1.2-gst-rtsp-server-1.0: these tests use a real RTSP server")


@contextmanager
def camera() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a camera; gives its process and its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([SYSTEM_PYTHON, str(CAMERA), str(port)], **quiet) as server:
        try:
            yield server, f"rtsp://127.0.0.1:{port}/room"
        finally:
            server.kill()


async def start_patiently(recorder, order):
    """Start as the engine would: try again while the camera comes up."""
    with anyio.fail_after(20):
        while True:
            with suppress(TryAgainError):
                return await recorder.start(order)
            await anyio.sleep(0.2)


async def ended(recorder):
    """Wait until the session has ended by itself, and give what it shows."""
    with anyio.fail_after(20):
        while (shown := (await recorder.observe())[0]).state is not SessionState.ENDED:  # noqa: ASYNC110 - the device sets no event
            await anyio.sleep(0.1)
    return shown


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_camera_is_recorded_as_it_sends(room, media, binary: str, transport: str):
    """Picture and sound are copied, and the file decodes from its first frame to its last."""
    with camera() as (_, address):
        recorder = room.recorder(source=address, transport=transport, binary=binary)
        await start_patiently(recorder, room.order())
        await anyio.sleep(2)
        stopped = await recorder.stop("t1")
    assert (stopped.end, stopped.detail) == (None, None)
    assert 1 < await media.whole_length_s(stopped.files[0]) < 6
    assert await media.packet_times(stopped.files[0], "a")


async def test_a_camera_that_is_switched_off_is_a_fault(room, binary: str):
    """What ffmpeg calls an orderly end of the stream is none before the planned stop."""
    with camera() as (server, address):
        recorder = room.recorder(source=address, timeout_s=1, binary=binary)
        await start_patiently(recorder, room.order())
        server.kill()
        assert (await ended(recorder)).end is EndReason.DIED
    assert (await recorder.stop("t1")).end is EndReason.DIED


async def test_a_camera_that_freezes_is_a_fault(room, binary: str):
    """A camera that keeps its connection and sends nothing is given up after `timeout_s`."""
    with camera() as (server, address):
        recorder = room.recorder(source=address, timeout_s=1, binary=binary)
        await start_patiently(recorder, room.order())
        os.kill(server.pid, signal.SIGSTOP)
        assert (await ended(recorder)).end is EndReason.DIED
        await recorder.stop("t1")
