"""Who receives a channel: an RTMP server that records and makes HLS, an SRT listener, a collector.

Cameras, too: marked films sent to a server again and again, as an input of the channel.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import anyio
import pytest
from tests.marks_rig import FFMPEG

RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")

CONFIGURATION = """
load_module {module};
daemon off;
master_process off;
worker_processes 1;
error_log {root}/error.log;
pid {root}/nginx.pid;
events {{ worker_connections 64; }}
rtmp {{
  server {{
    listen 127.0.0.1:{port};
    application live {{
      live on; record all; record_path {root}; record_unique on;
      hls on; hls_path {root}/hls; hls_fragment 2s; hls_cleanup off;
    }}
    application cameras {{ live on; }}
  }}
}}
"""


@contextmanager
def rtmp_server(root: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run an RTMP server that records what it gets below `root`, whole, and makes HLS of it."""
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists() or not RTMP_MODULE.exists():
        pytest.skip("install nginx and libnginx-mod-rtmp: this test publishes to a real server")
    (root / "hls").mkdir(parents=True, exist_ok=True)
    config = root / "nginx.conf"
    config.write_text(CONFIGURATION.format(module=RTMP_MODULE, root=root, port=port))
    with subprocess.Popen([nginx, "-p", str(root), "-c", str(config)]) as server:
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def srt_listener(path: Path, port: int, options: str = "") -> Iterator[None]:
    """Receive one publication by SRT into a file."""
    address = f"srt://127.0.0.1:{port}?mode=listener{options}"
    command = [FFMPEG, "-v", "fatal", "-nostdin", "-y", "-i", address, "-c", "copy", str(path)]
    with subprocess.Popen(command) as listener:
        try:
            yield
        finally:
            listener.send_signal(signal.SIGINT)


@contextmanager
def camera(film: Path, address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Send a film to an RTMP server, again and again, in its own time."""
    played = ("-re", "-stream_loop", "-1", "-i", str(film))
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "25")
    sound = ("-c:a", "aac", "-ar", "48000", "-f", "flv", address)
    command = [FFMPEG, "-v", "fatal", "-nostdin", *played, *coded, *sound]
    with subprocess.Popen(command) as sender:
        try:
            yield sender
        finally:
            sender.kill()


async def keep_segments(playlist: Path, directory: Path) -> None:
    """Keep what a playlist names, before it is removed again, until cancelled."""
    await anyio.Path(directory).mkdir(exist_ok=True)
    while True:
        for segment in playlist.parent.glob(f"{playlist.stem}-*.ts"):
            with suppress(FileExistsError, FileNotFoundError):
                os.link(segment, directory / segment.name)
        await anyio.sleep(1)


def joined(directory: Path, path: Path) -> Path:
    """Put segments together as a viewer does, in the order of their numbers."""
    segments = sorted(directory.glob("*.ts"), key=lambda each: int(each.stem.rpartition("-")[2]))
    assert segments, directory
    path.write_bytes(b"".join(segment.read_bytes() for segment in segments))
    return path
