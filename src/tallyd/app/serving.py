"""The HTTP server as a whole: its sockets, the installation behind them, signals, its end."""

import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import anyio
from anyio import to_thread

from tallyd import __version__, logs, systemd
from tallyd.api.application import application
from tallyd.api.callers import Callers
from tallyd.api.connection import own_uids
from tallyd.api.listening import listened, listening
from tallyd.api.server import DRAIN_S, serve
from tallyd.api.services import Picture, Services
from tallyd.app.accounts import accounts_of
from tallyd.app.installation import Appliance, open_with_store
from tallyd.bookings.entries import EntryBookings
from tallyd.clock import SystemClock
from tallyd.config import Settings, TcpAddress, UnixAddress, parse_address
from tallyd.library import Library
from tallyd.nudge import NudgeError
from tallyd.oauth import OAuth
from tallyd.state_dir import StateDir

SOCKET = "api.sock"
LOOK_EVERY_S = 2.0
NICER_BY = 10
"""By so much the server gives way to whatever records."""


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
            contents=store,
            bookings=appliance.bookings,
            entries=EntryBookings(
                store,
                appliance.clock,
                appliance.nudge,
                settings.slicers,
                settings.appliance.horizon,
            ),
            library=Library(store, appliance.clock, appliance.nudge),
            reports=appliance.reports,
            accounts=accounts,
            oauth=OAuth(store, appliance.clock),
            callers=Callers(accounts, appliance.clock, per_second, own_uids()),
            picture=partial(_picture, appliance),
            nudges=appliance.nudges,
        )


def _picture(appliance: Appliance) -> Picture | None:
    """Give the engine's picture; None where no daemon runs, or none that can be reached."""
    try:
        return appliance.snapshot() if appliance.daemon_runs() else None
    except NudgeError:
        # Nobody knows whether it still is true, and requests must not fail for it.
        return None


async def _told_to_end(
    settings: Settings, signals: AsyncIterator[signal.Signals], lifeline: int | None
) -> str:
    """Wait until the server is to end, and tell why."""
    reasons: list[str] = []
    async with anyio.create_task_group() as tasks:

        async def wait(why: Callable[[], Awaitable[str]]) -> None:
            reasons.append(await why())
            tasks.cancel_scope.cancel()

        async def signalled() -> str:
            return (await anext(signals)).name

        async def abandoned() -> str:
            if lifeline is None:
                await anyio.sleep_forever()
            else:
                await anyio.wait_readable(lifeline)
            return "the daemon ended"

        async def replaced() -> str:
            state = StateDir(settings.appliance.state_dir)
            opened = await to_thread.run_sync(state.database_file)
            while await to_thread.run_sync(state.database_file) == opened:
                await SystemClock().sleep(LOOK_EVERY_S)
            return "another file has the name of the database"

        for why in (signalled, abandoned, replaced):
            tasks.start_soon(wait, why)
    return reasons[0]


async def run_server(
    settings: Settings,
    addresses: Sequence[TcpAddress | UnixAddress] = (),
    lifeline: int | None = None,
) -> None:
    """Serve in the foreground until SIGTERM or SIGINT, or until the pipe `lifeline` is closed.

    Raises:
        ListenError: it cannot listen where it should.
        StateDirError, StoreError: the installation cannot be used.
    """
    with suppress(OSError):
        os.nice(NICER_BY)
    clock = SystemClock()
    wanted = tuple(addresses) or addresses_of(settings)
    with (
        systemd.notifier(os.environ, clock) as service,
        logs.to_stdout(settings.logs.format, settings.logs.level, clock.now),
        # To the last: a signal that comes while it ends must not cut off what it still answers.
        anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals,
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
            where = [listened(*each) for each in zip(wanted, sockets, strict=True)]
            log.info("server.started", version=__version__, pid=os.getpid(), listen=where)
            service.ready()
            log.info("server.stopping", why=await _told_to_end(settings, signals, lifeline))
            service.stopping(DRAIN_S)
            stop.set()
        log.info("server.stopped")
