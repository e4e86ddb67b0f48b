"""An installation of simulated rooms served over real sockets, in the loop of the test."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
from anyio import to_thread

from sample_config import CONFIG
from tallyd.api.application import application
from tallyd.api.listening import listening
from tallyd.api.server import serve
from tallyd.api.services import Services
from tallyd.app.serving import services_of
from tallyd.config import Settings, TcpAddress, UnixAddress, load
from tallyd.domain.accounts import Purpose, Role

PASSWORD = "correct horse"  # noqa: S105 - it protects nothing


@dataclass(frozen=True)
class Api:
    """A server that listens: on a port of the loopback, and on a Unix socket."""

    config: Path
    settings: Settings
    services: Services
    port: int
    unix: Path

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """Give a client by TCP that shows a key, if it has one."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20)

    def local(self) -> httpx.AsyncClient:
        """Give a client by the Unix socket: whoever runs the test is its administrator."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.unix))
        return httpx.AsyncClient(transport=transport, base_url="http://tallyd", timeout=20)

    async def user(self, name: str, role: Role = Role.OPERATOR) -> str:
        """Add a user, whose password is PASSWORD, and give a key of its own."""
        await self.services.accounts.add(name, role, PASSWORD)
        return (await self.services.accounts.issue(name, Purpose.NATIVE)).secret


@asynccontextmanager
async def api_at(directory: Path, config: str = CONFIG) -> AsyncGenerator[Api]:
    """Serve a new installation in `directory` inside."""
    path = directory / "tallyd.toml"
    path.write_text(config, encoding="utf-8")
    settings = await to_thread.run_sync(load, path)
    unix = settings.appliance.run_dir / "api.sock"
    stop = anyio.Event()
    wanted = (TcpAddress("127.0.0.1", 0), UnixAddress(unix))
    async with (
        services_of(settings) as services,
        listening(wanted) as sockets,
        anyio.create_task_group() as tasks,
    ):
        port = sockets[0].getsockname()[1]
        app = application(services)
        await tasks.start(serve, app, sockets, settings.http.connections, stop)
        try:
            yield Api(path, settings, services, port, unix)
        finally:
            stop.set()
