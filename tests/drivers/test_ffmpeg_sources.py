"""The ffmpeg recorder and network sources: real servers that serve, refuse, hang and vanish."""

# ruff: noqa: ASYNC110 - processes and devices are asked; they set no event

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

import anyio
import pytest

from media import BUNDLED
from tallyd.domain.model import EndReason, Reason
from tallyd.ports.drivers import DriverError, GiveUpError, SessionState, TryAgainError

RTMP_SERVER = """
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
worker_processes 1; daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
events {{ worker_connections 64; }}
rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; }} }} }}
"""
PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25,realtime")
TONE = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000,arealtime")
CODECS = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "12")


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Give a port that nobody listens on."""
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(*argv: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the end of the block."""
    program = shutil.which(argv[0], path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip(f"install {argv[0]}: this test uses the real one")
    with subprocess.Popen(
        [program, *argv[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            yield server
        finally:
            server.kill()


class Camera:
    """An ffmpeg that sends a test picture and a tone to an address, and serves one client."""

    def __init__(self, container: str, address: str) -> None:
        output = ("-c:a", "aac", "-f", container, "-flush_packets", "1")
        listen = ("-listen", "1") if address.startswith("http") else ()
        self._argv = (*PICTURE, *TONE, *CODECS, *output, *listen, address)
        self._held = ExitStack()
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Begin to serve."""
        self.serve()
        return self

    def __exit__(self, *_: object) -> None:
        """End for good."""
        self._held.close()

    def serve(self) -> None:
        """Run it; again if a client that went away has ended it."""
        if self._server is None or self._server.poll() is not None:
            server = running(BUNDLED, "-v", "error", "-nostdin", *self._argv)
            self._server = self._held.enter_context(server)

    def kill(self) -> None:
        """Vanish without a word."""
        self._held.close()


async def start_patiently(recorder, order, camera: Camera):
    """Start as the engine would: try again while the camera comes up."""
    with anyio.fail_after(40):
        while True:
            with suppress(TryAgainError):
                return await recorder.start(order)
            await anyio.sleep(0.1)
            camera.serve()


async def test_streams_are_copied_and_their_loss_is_a_fault(
    room, media, binary: str, tmp_path: Path
):
    """RTMP, HTTP and SRT are recorded without loss; a source that vanishes is no orderly end."""
    rtmp, http, srt = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
    config = tmp_path / "nginx.conf"
    config.write_text(RTMP_SERVER.format(here=tmp_path, port=rtmp))
    urls = {
        "rtmp": f"rtmp://127.0.0.1:{rtmp}/live/aula",
        "http": f"http://127.0.0.1:{http}/aula.ts",
        "srt": f"srt://127.0.0.1:{srt}",
    }

    async def record(name: str, container: str, address: str) -> None:
        recorder = room.recorder(source=urls[name], timeout_s=1, binary=binary)
        with Camera(container, address) as camera:
            started = await start_patiently(recorder, room.order(name), camera)
            assert started.state is SessionState.FLOWING
            await anyio.sleep(1.5)
            stopped = await recorder.stop(name)
            assert (stopped.end, stopped.detail) == (None, None)
            assert await media.length_s(stopped.files[0]) > 1
            assert await media.packet_times(stopped.files[0], "a")
            assert await media.damage(stopped.files[0]) == ""
            camera.kill()
        with Camera(container, address) as camera:
            await start_patiently(recorder, room.order(f"{name}-lost"), camera)
            await anyio.sleep(0.3)
            camera.kill()
            with anyio.fail_after(20):
                while (await recorder.observe())[0].state is not SessionState.ENDED:
                    await anyio.sleep(0.1)
        lost = await recorder.stop(f"{name}-lost")
        assert lost.end is EndReason.DIED
        assert lost.detail

    with running("nginx", "-c", str(config), "-p", str(tmp_path)):
        async with anyio.create_task_group() as group:
            group.start_soon(record, "rtmp", "flv", urls["rtmp"])
            group.start_soon(record, "http", "mpegts", urls["http"])
            group.start_soon(record, "srt", "mpegts", f"{urls['srt']}?mode=listener")


@contextmanager
def answering(reply: bytes | None) -> Iterator[int]:
    """Listen on a port; accept and say `reply` to whoever asks, or nothing for ever."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    kept.append(client)
                    if reply is not None:
                        client.recv(4096)
                        client.sendall(reply)
                        client.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for client in kept:
                client.close()


def http_status(line: str) -> bytes:
    """Make an empty HTTP answer."""
    return f"HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


def rtsp_status(line: str) -> bytes:
    """Make an RTSP answer to the first request."""
    return f"RTSP/1.0 {line}\r\nCSeq: 1\r\n\r\n".encode()


REFUSALS = {
    "http-401": ("http", http_status("401 Unauthorized"), GiveUpError, Reason.DEVICE_REFUSED),
    "http-403": ("http", http_status("403 Forbidden"), GiveUpError, Reason.DEVICE_REFUSED),
    "http-404": ("http", http_status("404 Not Found"), TryAgainError, Reason.DEVICE_REFUSED),
    "http-503": ("http", http_status("503 Busy"), TryAgainError, Reason.DEVICE_REFUSED),
    "rtsp-404": ("rtsp", rtsp_status("404 Not Found"), TryAgainError, Reason.DEVICE_REFUSED),
    "rtsp-401": ("rtsp", rtsp_status("401 Unauthorized"), GiveUpError, Reason.DEVICE_REFUSED),
    "garbage": (
        "http",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        TryAgainError,
        Reason.DEVICE_SILENT,
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_what_a_server_refuses_is_told_apart(room, binary: str, case: str):
    """Wrong passwords are final, what may yet appear is tried again, and no secret is repeated."""
    scheme, reply, error, reason = REFUSALS[case]
    with answering(reply) as port:
        source = f"{scheme}://bob:hunter22@127.0.0.1:{port}/live?token=topsecret"
        recorder = room.recorder(source=source, timeout_s=1, binary=binary)
        with pytest.raises(DriverError) as caught:
            await recorder.start(room.order())
    assert (type(caught.value), caught.value.reason) == (error, reason), caught.value.sentence
    assert "hunter22" not in caught.value.sentence
    assert "topsecret" not in caught.value.sentence
    assert list(room.root.iterdir()) == []


async def test_a_closed_port_is_refused_at_once(room, binary: str):
    """Nobody listens: probe and start both say so within a moment, without a password."""
    source = f"rtsp://bob:hunter22@127.0.0.1:{free_port()}/live"
    recorder = room.recorder(source=source, binary=binary)
    for attempt in (recorder.probe, lambda: recorder.start(room.order())):
        with anyio.fail_after(2), pytest.raises(TryAgainError) as caught:
            await attempt()
        assert caught.value.reason is Reason.DEVICE_REFUSED
        assert "hunter22" not in caught.value.sentence
        assert "refused the connection" in caught.value.sentence


async def test_a_server_that_hangs_costs_its_timeout_only(room, binary: str):
    """One that accepts and never answers makes a start fail after `timeout_s`."""
    errors = {}

    async def start(scheme: str) -> None:
        with answering(None) as port:
            source = f"{scheme}://127.0.0.1:{port}/live/aula"
            recorder = room.recorder(source=source, timeout_s=1, binary=binary)
            assert "127.0.0.1" in await recorder.probe()
            with pytest.raises(TryAgainError) as caught:
                await recorder.start(room.order(scheme))
            errors[scheme] = caught.value

    begun = anyio.current_time()
    async with anyio.create_task_group() as group:
        for scheme in ("rtsp", "http", "rtmp"):
            group.start_soon(start, scheme)
    assert anyio.current_time() - begun < 6
    assert set(errors) == {"rtsp", "http", "rtmp"}
    reasons = {str(error): error.reason for error in errors.values()}
    # Version 5.1 takes an RTSP server's silence for a bad answer.
    assert set(reasons.values()) <= {Reason.DEVICE_TIMEOUT, Reason.DEVICE_SILENT}, reasons


async def test_a_playlist_cannot_make_ffmpeg_read_local_files(room, binary: str):
    """A hostile server that points to a file of ours gets none of it recorded."""
    secret = room.root.parent / "secret.txt"
    secret.write_text("do not record me")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-mpegurl\r\n"
    head += f"Content-Length: {len(playlist)}\r\n\r\n"
    with answering((head + playlist).encode()) as port:
        recorder = room.recorder(
            source=f"http://127.0.0.1:{port}/x.m3u8", timeout_s=1, binary=binary
        )
        with anyio.fail_after(20), pytest.raises(DriverError):
            await recorder.start(room.order())
    assert list(room.root.iterdir()) == []


async def test_probe_sees_whether_a_device_is_there(room):
    """A missing camera, and a file where a camera should be, are found before the lecture."""
    with pytest.raises(TryAgainError, match="v4l2:/dev/video77 cannot be used: No such file"):
        await room.recorder(source="v4l2:/dev/video77").probe()
    with pytest.raises(TryAgainError, match="v4l2:/dev/video77"):
        await room.recorder(source="v4l2:/dev/video77").start(room.order())
    with pytest.raises(GiveUpError, match="is not a device"):
        await room.recorder(source="v4l2:/dev/shm").probe()
    assert "v4l2:/dev/null by" in await room.recorder(source="v4l2:/dev/null").probe()
