"""A running ffmpeg shows no password, and does nothing that a server tells it to do with files."""

# ruff: noqa: ASYNC110 - processes are asked; they set no event

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest

from camera_rig import camera
from tallyd.ports.drivers import DriverError, SessionState

CANARY = "s3cr3t-canary"
SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "srt")


@contextmanager
def silent() -> Iterator[int]:
    """Listen on a port for whatever comes, and never answer."""
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        port = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", port))
        yield port


def ffmpegs(root: Path) -> list[Path]:
    """Give the places in /proc of the ffmpegs that record below a directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"file:{root}/".encode() in (entry / "cmdline").read_bytes():
                found.append(entry)
    return found


def shown(process: Path) -> str:
    """Give all that a process shows of itself to others, and what waits on its standard input."""
    texts = [(process / name).read_bytes() for name in ("cmdline", "environ", "comm")]
    pipe = os.open(process / "fd" / "0", os.O_RDONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        texts.append(os.read(pipe, 9_999))
    os.close(pipe)
    return b"\n".join(texts).decode(errors="replace")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_no_password_stands_among_the_arguments(room, binary: str, scheme: str):
    """Whoever looks at the processes of the machine sees no address of a camera."""
    secret = "passphrase" if scheme == "srt" else "token"
    with silent() as port:
        address = f"{scheme}://bob:{CANARY}@127.0.0.1:{port}/live/{CANARY}?{secret}={CANARY}"
        recorder = room.recorder(source=address, binary=binary)

        async def start() -> None:
            with suppress(DriverError):
                await recorder.start(room.order())

        async with anyio.create_task_group() as group:
            group.start_soon(start)
            with anyio.fail_after(20):
                while not (found := ffmpegs(room.root)):
                    await anyio.sleep(0.01)
            await anyio.sleep(0.3)
            everything = "".join(map(shown, found))
            assert "-protocol_whitelist" in everything
            assert CANARY not in everything
            assert "127.0.0.1" not in everything
            group.cancel_scope.cancel()


async def test_what_a_password_is_made_of_makes_no_difference(room, media, binary: str):
    """Quotes, blanks and line ends as URLs write them reach the server as they are."""
    with camera() as port:
        source = f"http://bob:it's%0A@127.0.0.1:{port}/live?a='b'\\&file=%27x"
        recorder = room.recorder(source=source, binary=binary)
        await recorder.start(room.order())
        (process,) = ffmpegs(room.root)
        assert "bob" not in shown(process)
        await anyio.sleep(0.5)
        stopped = await recorder.stop("t1")
    assert stopped.state is SessionState.ENDED
    assert await media.damage(stopped.files[0]) == ""


HOSTILE = {
    "a playlist": "ffconcat version 1.0\nfile {secret}\n",
    "a playlist with a protocol": "ffconcat version 1.0\nfile file:{secret}\n",
    "a playlist with options": (
        "ffconcat version 1.0\nfile {secret}\noption protocol_whitelist file\n"
    ),
    "our own input": "ffconcat version 1.0\nfile pipe:0\n",
    "HLS": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    "HLS of our own input": (
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\npipe:0\n#EXT-X-ENDLIST\n"
    ),
    "DASH": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-main:2011">'
        '<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
        "<BaseURL>file://{secret}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ),
}


@contextmanager
def saying(text: str) -> Iterator[int]:
    """Answer every request over HTTP with a text."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client, suppress(OSError):
                        client.recv(4096)
                        client.sendall((head + text).encode())

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_server_cannot_have_local_files_recorded(room, binary: str, case: str):
    """Whatever list of files a server sends, none of ours is read."""
    with camera() as port:
        recorder = room.recorder(source=f"http://127.0.0.1:{port}/x", binary=binary)
        await recorder.start(room.order("good"))
        await anyio.sleep(0.5)
        secret = (await recorder.stop("good")).files[0]  # it could be recorded, if it were read
    with saying(HOSTILE[case].format(secret=secret)) as port:
        recorder = room.recorder(source=f"http://127.0.0.1:{port}/x", timeout_s=1, binary=binary)
        with anyio.fail_after(20), pytest.raises(DriverError):
            await recorder.start(room.order("bad"))
    assert [path.name for path in room.root.iterdir()] == [secret.name]


async def test_the_same_file_is_recorded_where_nothing_forbids_it(room, media, binary: str):
    """The control of the one before: it is the white list that keeps ffmpeg from the file."""
    with camera() as port:
        recorder = room.recorder(source=f"http://127.0.0.1:{port}/x", binary=binary)
        await recorder.start(room.order("good"))
        await anyio.sleep(0.5)
        secret = (await recorder.stop("good")).files[0]
    with saying(HOSTILE["HLS"].format(secret=secret)) as port:
        allowed = ("-protocol_whitelist", "http,tcp,file", "-allowed_extensions", "ALL")
        more = ("-extension_picky", "0") if "9.0" in binary else ()
        output = room.root / "copied.mkv"
        source = ("-f", "hls", "-i", f"http://127.0.0.1:{port}/x.m3u8")
        command = (binary, "-v", "error", *allowed, *more, *source, "-c", "copy", str(output))
        done = await anyio.run_process(command, check=False)
    assert output.exists(), done.stderr
    assert await media.packet_times(output)
