"""The driver contract, kept by commands: what recorder and feed share, but for the file."""

import os
import shutil
from pathlib import Path

import anyio.to_thread

from tallyd.domain.model import Reason
from tallyd.drivers.command.acts import LongRun, Remote
from tallyd.drivers.command.calls import KILL_BOUND_S, Caller, end_of_run
from tallyd.drivers.command.options import CommandOptions
from tallyd.drivers.command.placeholders import fill, values_for
from tallyd.drivers.command.proofs import Alive, Growth, Proof, Status
from tallyd.drivers.command.session import Plot, Session
from tallyd.drivers.ending import LAST_GRACE_S
from tallyd.drivers.files import Reservation
from tallyd.drivers.parts import Parts, reserve_file
from tallyd.ports.drivers import (
    DeviceBlockedError,
    DriverContext,
    GiveUpError,
    Observation,
    StartOrder,
    Traits,
    TryAgainError,
)

_MARGIN_S = 1.0


class CommandDevice:
    """Has the operator's commands do what is asked; nothing outlives the daemon."""

    def __init__(self, context: DriverContext, options: CommandOptions) -> None:
        self._inputs = context.capacity if options.inputs is None else options.inputs
        if context.capacity > self._inputs:
            sentence = f"a capacity of {context.capacity} needs `inputs` = {context.capacity}"
            raise GiveUpError(Reason.DRIVER_UNAVAILABLE, sentence)
        self._target = context.target
        self._options = options
        self._context = context
        self._caller = Caller(context, options)
        self._parts: Parts[Session] = Parts(self._inputs)

    @property
    def traits(self) -> Traits:
        """What the options say."""
        options = self._options
        if options.run is not None:
            stop_s = sum(grace_s for _, grace_s in end_of_run(options)) + LAST_GRACE_S
        else:
            # The command, then its effect, with a last question about that still under way.
            stop_s = 2 * options.stop_timeout_s + 2 * KILL_BOUND_S
        return Traits(
            lead_ms=options.lead_ms,
            spread_ms=options.spread_ms,
            overlap=options.overlap,
            inputs=self._inputs,
            # The session gives up first, and says what it was waiting for.
            first_data_timeout_ms=_ms(options.start_timeout_s + 2 * options.timeout_s + _MARGIN_S),
            stall_timeout_ms=_ms(options.stall_timeout_s),
            stop_timeout_ms=_ms(stop_s + _MARGIN_S),
            call_timeout_ms=_ms(options.timeout_s + KILL_BOUND_S + _MARGIN_S),
            bytes_per_s=None if options.ending is not None else 0,
        )

    async def probe(self) -> str:
        """Run the probe command, or see whether the programs are there.

        Raises:
            DriverError: it fails, or one of them is not there.
        """
        await anyio.to_thread.run_sync(self._check_programs, limiter=self._caller.limiter)
        if self._options.probe is None:
            return ", ".join(self._options.programs)
        argv = fill(self._options.probe, {"target": self._target})
        answer = await self._caller.ask(argv, self._options.timeout_s)
        if answer.code != 0:
            sentence = f"{argv[0]} says that it could not start {answer.shown}"
            raise TryAgainError(Reason.DEVICE_REFUSED, sentence)
        return next((line for line in answer.lines if line.strip()), argv[0])

    async def start(self, order: StartOrder) -> Observation:
        """Have a session start, and return once there is proof of its data.

        Raises:
            DriverError: there is none, and why.
        """
        self._check(order)
        file = await self._reserve(order.output)
        session = Session(self._plot(order, file), self._caller)
        self._parts.began(order.token, session)
        try:
            return await session.open()
        except BaseException:
            self._parts.failed(order.token)
            raise

    async def observe(self) -> tuple[Observation, ...]:
        """Give what was last seen of every session that was started and not stopped."""
        return tuple(session.observation() for session in self._parts.running)

    async def stop(self, token: str) -> Observation:
        """End a session, and give its finished file; of an unknown one, that nothing runs.

        Raises:
            DriverError: its end cannot be confirmed.
        """
        session = self._parts.of(token)
        if session is None:
            return self._parts.outcome(token)
        return self._parts.ended(token, await session.close())

    def _check(self, order: StartOrder) -> None:
        self._parts.check(order)
        if not self._options.overlap and self._parts.is_held(order.input):
            sentence = f"input {order.input} of {self._target} is still used by the part before"
            raise DeviceBlockedError(Reason.DEVICE_REFUSED, sentence)

    async def _reserve(self, base: Path) -> Reservation | None:
        ending = self._options.ending
        if ending is None:
            return None
        return await reserve_file(base, ending, self._context, self._caller.starting)

    def _plot(self, order: StartOrder, file: Reservation | None) -> Plot:
        options, caller = self._options, self._caller
        part = file.part if file is not None else None
        values = values_for(order, part, caller.clock.now())
        path = Path(fill((options.watch,), values)[0]) if options.watch is not None else part
        growth = Growth(path, caller) if path is not None else None
        status = Status(options, values, caller) if options.status is not None else None
        proofs: dict[str, Proof | None] = {"status": status, "file": growth}
        return Plot(
            order=order,
            act=(
                LongRun(options, values, caller)
                if (shows := status or growth) is None or options.run is not None
                else Remote(options, values, caller, shows)
            ),
            proof=proofs.get(options.proof) or Alive(options, caller),
            growth=growth,
            file=file,
            start_within_s=options.start_timeout_s,
        )

    def _check_programs(self) -> None:
        directory = self._options.directory
        if not Path(directory).is_dir():
            raise GiveUpError(Reason.DRIVER_UNAVAILABLE, f"there is no directory {directory}")
        path = (dict(os.environ) | self._options.variables).get("PATH")
        for program in self._options.programs:
            if shutil.which(program, path=path) is None:
                sentence = f"there is no program {program} that could be run"
                raise GiveUpError(Reason.DRIVER_UNAVAILABLE, sentence)


def _ms(seconds: float) -> int:
    return round(seconds * 1_000)
