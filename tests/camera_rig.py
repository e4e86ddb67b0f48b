"""Cameras that any number of clients may watch, and wires to them that break in every way."""

import os
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from media import BUNDLED

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25,realtime")
CODECS = ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "12")
CHUNK = 4_096


class _Camera(ThreadingHTTPServer):
    """Serves any number of clients, and remembers what they asked for."""

    daemon_threads = True
    block_on_close = False
    asked: list[str]


class _Eye(BaseHTTPRequestHandler):
    """Sends whoever asks a picture of their own."""

    server: _Camera

    def do_GET(self) -> None:
        """Send it for as long as somebody watches."""
        self.server.asked.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        output = ("-f", "mpegts", "-flush_packets", "1", "pipe:1")
        command = (BUNDLED, "-v", "error", "-nostdin", *PICTURE, *CODECS, *output)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as eye:
            assert eye.stdout is not None
            with suppress(OSError):
                while chunk := os.read(eye.stdout.fileno(), CHUNK):
                    self.wfile.write(chunk)
            eye.kill()

    def log_message(self, *_: object) -> None:
        """Be silent."""


@contextmanager
def camera(port: int = 0, asked: list[str] | None = None) -> Iterator[int]:
    """Have a camera that serves MPEG-TS over HTTP; gives its port.

    What it is asked for is appended to `asked`.
    """
    with _Camera(("127.0.0.1", port), _Eye) as server:
        server.asked = [] if asked is None else asked
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


class Wire:
    """Leads clients to a port, as long as it is whole; `fault` says how it is broken.

    `None`: not at all; `silent`: connections are taken, and nothing goes through; `reset`: they are
    broken off at once; `half`: they are broken off after 20 kB; `slow`: 2 kB a second go through.
    """

    HALF = 20_000
    SLOW_S = 2.0

    def __init__(self, to: int) -> None:
        self.fault: str | None = None
        self.connections = 0
        self._to = to
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._open = True
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take nobody any more."""
        self._open = False
        with suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while self._open:
                client, _ = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.fault == "reset":
                _reset(client)
                return
            with socket.create_connection(("127.0.0.1", self._to)) as device:
                self._pass_on(client, device)

    def _pass_on(self, client: socket.socket, device: socket.socket) -> None:
        passed = 0
        while self._open:
            ready, _, _ = select.select((client, device), (), (), 0.05)
            if self.fault == "reset":
                _reset(client)
                return
            if self.fault == "silent":
                time.sleep(0.05)
                continue
            for side in ready:
                chunk = side.recv(CHUNK)
                if not chunk:
                    return
                if self.fault == "slow":
                    time.sleep(self.SLOW_S)
                (device if side is client else client).sendall(chunk)
                passed += len(chunk)
            if self.fault == "half" and passed > self.HALF:
                _reset(client)
                return


def _reset(client: socket.socket) -> None:
    """Break a connection off without a goodbye."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@contextmanager
def wire(to: int) -> Iterator[Wire]:
    """Have a wire to a port."""
    made = Wire(to)
    try:
        yield made
    finally:
        made.close()
