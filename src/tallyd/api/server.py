"""The HTTP server: uvicorn on sockets that are there, until it is told to end."""

import contextlib
import socket
from collections.abc import Generator, Sequence

import anyio
import anyio.abc
from starlette.types import ASGIApp
from uvicorn import Config, Server

from tallyd.api.connection import at_most
from tallyd.api.gate import HEADERS_MAX

IDLE_S = 60
DRAIN_S = 10


class _Server(Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals to the process, which knows what else has to end."""
        yield


async def serve(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    connections: int,
    stop: anyio.Event,
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `stop` is set; requests that are under way have ten seconds for their answer."""
    server = _Server(
        Config(
            app,
            http=at_most(connections),
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",  # what clients do wrong is no news
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=DRAIN_S,
            h11_max_incomplete_event_size=HEADERS_MAX,
        )
    )

    async def end() -> None:
        await stop.wait()
        server.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(end)
        task_status.started()
        await server.serve(sockets=list(sockets))
        tasks.cancel_scope.cancel()
