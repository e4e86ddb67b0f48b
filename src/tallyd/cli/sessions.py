"""Opens an installation for what a command does with it, and closes it whatever happens."""

from typing import TYPE_CHECKING, Any, TypeVar

import click

from tallyd.domain.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tallyd.app import Appliance
    from tallyd.config import Settings

T = TypeVar("T")


def change(settings: "Settings", work: "Callable[[Appliance], Awaitable[T]]") -> T:
    """Do `work` on an installation that may be changed; a new one gets its database."""
    import anyio

    from tallyd.app import open_for_changes

    async def opened() -> T:
        async with open_for_changes(settings) as appliance:
            return await work(appliance)

    return anyio.run(opened)


def look(settings: "Settings", work: "Callable[[Appliance], Awaitable[T]]") -> T:
    """Do `work` on an installation that is only looked at; nothing is created."""
    import anyio

    from tallyd.app import open_for_reports

    async def opened() -> T:
        async with open_for_reports(settings) as appliance:
            return await work(appliance)

    return anyio.run(opened)


async def picture_of(appliance: "Appliance") -> "Mapping[str, Any] | None":
    """Give what the engine says of itself; None where no daemon runs, empty while one boots."""
    from anyio import to_thread

    if not appliance.daemon_runs():
        return None
    return await to_thread.run_sync(appliance.snapshot) or {"ready": False, "targets": {}}


def hint_without_daemon(appliance: "Appliance") -> None:
    """Say on stderr that what should happen now waits for a daemon, if none runs."""
    if not appliance.daemon_runs():
        click.echo("hint: no daemon runs; it takes effect when one starts", err=True)


async def require_target(appliance: "Appliance", key: str) -> None:
    """Make sure that there is such a room or channel.

    Raises:
        NotFound: there is none.
    """
    if all(target.key != key for target in await appliance.reports.targets()):
        raise NotFound("target", key)
