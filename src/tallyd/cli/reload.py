"""`tallyd reload`: the daemon reads its configuration anew, as a whole or not at all."""

import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from tallyd.cli.exits import NoDaemonError
from tallyd.cli.root import Invocation
from tallyd.cli.sessions import look

if TYPE_CHECKING:
    from tallyd.app import Appliance

WAIT_S = 30.0
LOOK_AGAIN_S = 0.05


@click.command()
@click.option("--wait", is_flag=True, help="Wait for the answer: exit 78 if it is refused.")
@click.pass_obj
def reload(invocation: Invocation, *, wait: bool) -> None:
    """Have the daemon read its configuration anew; one that is wrong changes nothing."""
    from tallyd.config import ConfigError, ConfigProblem, find

    settings = invocation.settings()

    async def ask(appliance: "Appliance") -> Mapping[str, Any] | None:
        before = appliance.snapshot()
        if before is None or not appliance.daemon_runs():
            raise NoDaemonError(f"no daemon runs with {settings.appliance.run_dir}")
        os.kill(int(before["pid"]), signal.SIGHUP)
        serial = before["reload"]["serial"]
        return await _answer(appliance.snapshot, serial, appliance.clock.sleep) if wait else None

    answer = look(settings, ask)
    if answer is not None and not answer["ok"]:
        path = str(find(invocation.config))
        raise ConfigError(path, *(ConfigProblem(**row) for row in answer["problems"]))
    click.echo("reloaded" if wait else "asked to reload")


async def _answer(
    snapshot: Callable[[], Mapping[str, Any] | None],
    serial: int,
    sleep: Callable[[float], Awaitable[None]],
) -> Mapping[str, Any]:
    """Wait until the daemon shows the result of a later reload than `serial`."""
    import anyio

    with anyio.move_on_after(WAIT_S):
        while True:
            seen = snapshot()
            if seen is not None and seen["reload"]["serial"] > serial:
                answer: Mapping[str, Any] = seen["reload"]
                return answer
            await sleep(LOOK_AGAIN_S)
    raise NoDaemonError(f"the daemon did not answer within {WAIT_S:g} s; see its log")
