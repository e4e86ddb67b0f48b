"""The HTTP server as a whole: its sockets, the installation behind them, signals, its end."""

import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import anyio

from tallyd import __version__, logs, systemd
from tallyd.api.application import application
from tallyd.api.callers import Callers
from tallyd.api.connection import own_uids
from tallyd.api.listening import listening, written
from tallyd.api.server import DRAIN_S, serve
from tallyd.api.services import Picture, Services
from tallyd.app.accounts import accounts_of
from tallyd.app.installation import Appliance, open_with_store
from tallyd.clock import SystemClock
from tallyd.config import Settings, TcpAddress, UnixAddress, parse_address

SOCKET = "api.sock"


def addresses_of(settings: Settings) -> tuple[TcpAddress | UnixAddress, ...]:
    """Give where the configuration says to listen."""
    listed = tuple(map(parse_address, settings.http.listen))
    return listed or (UnixAddress(settings.appliance.run_dir / SOCKET),)


@asynccontextmanager
async def services_of(settings: Settings) -> AsyncGenerator[Services]:
    """Open an installation for the dialects.

    Raises:
        StateDirError, StoreError: it cannot be used.
    """
    async with open_with_store(settings) as (appliance, store):
        accounts = await accounts_of(settings, appliance.clock, store)
        per_second = settings.http.requests_per_second
        yield Services(
            settings=settings,
            clock=appliance.clock,
            store=store,
            bookings=appliance.bookings,
            reports=appliance.reports,
            accounts=accounts,
            callers=Callers(accounts, appliance.clock, per_second, own_uids()),
            picture=partial(_picture, appliance),
        )


def _picture(appliance: Appliance) -> Picture | None:
    return appliance.snapshot() if appliance.daemon_runs() else None


async def run_server(
    settings: Settings, addresses: Sequence[TcpAddress | UnixAddress] = ()
) -> None:
    """Serve in the foreground until SIGTERM or SIGINT.

    Raises:
        ListenError: it cannot listen where it should.
        StateDirError, StoreError: the installation cannot be used.
    """
    clock = SystemClock()
    wanted = tuple(addresses) or addresses_of(settings)
    with (
        systemd.notifier(os.environ, clock) as service,
        logs.to_stdout(settings.logs.format, settings.logs.level, clock.now),
    ):
        log = logs.get_logger()
        async with (
            services_of(settings) as services,
            listening(wanted) as sockets,
            anyio.create_task_group() as tasks,
        ):
            stop = anyio.Event()
            app = application(services)
            await tasks.start(serve, app, sockets, settings.http.connections, stop)
            where = [written(each) for each in wanted]
            log.info("server.started", version=__version__, pid=os.getpid(), listen=where)
            service.ready()
            with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
                number = await anext(signals)
            log.info("server.stopping", signal=signal.Signals(number).name)
            service.stopping(DRAIN_S)
            stop.set()
        log.info("server.stopped")
