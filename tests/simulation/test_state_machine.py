"""The simulation with scripts that Hypothesis writes, and makes short when one breaks something."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from simulation.checker import check
from simulation.operator import Act, Step
from simulation.world import simulate

PAUSES_S = st.sampled_from([0.0, 1.0, 30.0, 600.0, 5_000.0])
NUMBERS = st.integers(0, 59)
SIZES = st.sampled_from([0.0, 0.2, 0.5, 0.8, 1.0])
PLACES = (0, 1, 5)
"""Two rooms and the channel: enough to be apart, few enough to meet."""
DEVICE_FAULTS = (
    Act.FAIL_STARTS,
    Act.REFUSE,
    Act.DIE,
    Act.FALL_SILENT,
    Act.HANG_STARTS,
    Act.HANG_STOPS,
    Act.GO_AWAY,
)


class Appliance(RuleBasedStateMachine):
    """Collects what happens; the appliance lives through it at the end, for time is virtual."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[Step] = []

    @rule(
        pause_s=PAUSES_S,
        act=st.sampled_from([Act.BOOK, Act.BOOK_NOW, Act.RECORD_NOW]),
        room=NUMBERS,
        size=SIZES,
    )
    def add(self, pause_s: float, act: Act, room: int, size: float) -> None:
        """Book something, now or for the next days; one in four is forced."""
        self.steps.append(Step(pause_s, act, PLACES[room % 3], room, size))

    @rule(pause_s=PAUSES_S, pick=NUMBERS, size=SIZES)
    def edit(self, pause_s: float, pick: int, size: float) -> None:
        """Change a schedule; one in three is forced."""
        self.steps.append(Step(pause_s, Act.EDIT, pick, pick, size))

    @rule(pause_s=PAUSES_S, act=st.sampled_from([Act.REMOVE, Act.REMOVE_AND_STOP]), pick=NUMBERS)
    def remove(self, pause_s: float, act: Act, pick: int) -> None:
        """Remove a schedule, and perhaps stop what it records."""
        self.steps.append(Step(pause_s, act, pick=pick))

    @rule(
        pause_s=PAUSES_S,
        act=st.sampled_from([Act.SKIP, Act.STOP_RUN, Act.EXTEND_RUN, Act.PAUSE_RUN]),
        pick=NUMBERS,
        size=SIZES,
    )
    def override(self, pause_s: float, act: Act, pick: int, size: float) -> None:
        """Skip an occurrence, end a run at another time, or pause it for a while."""
        self.steps.append(Step(pause_s, act, pick, pick, size))

    @rule(
        pause_s=PAUSES_S,
        act=st.sampled_from([Act.ADD_EXCEPTION, Act.REMOVE_EXCEPTION]),
        pick=NUMBERS,
    )
    def exception(self, pause_s: float, act: Act, pick: int) -> None:
        """Take a day out, or put it back."""
        self.steps.append(Step(pause_s, act, PLACES[pick % 3], pick))

    @rule(
        pause_s=PAUSES_S,
        act=st.sampled_from([Act.LOCK, Act.RELOAD, Act.TAKE_AWAY]),
        room=NUMBERS,
        size=SIZES,
    )
    def target(self, pause_s: float, act: Act, room: int, size: float) -> None:
        """Lock a target, give it another driver, or take it out of the configuration a while."""
        self.steps.append(Step(pause_s, act, PLACES[room % 3], room, size))

    @rule(pause_s=st.sampled_from([60.0, 3_600.0, 86_400.0]))
    def advance(self, pause_s: float) -> None:
        """Let time pass; an act that finds nothing wrong to repair marks it."""
        self.steps.append(Step(pause_s, Act.REMOVE_EXCEPTION))

    @rule(pause_s=PAUSES_S, act=st.sampled_from(DEVICE_FAULTS), room=NUMBERS, size=SIZES)
    def driver_fault(self, pause_s: float, act: Act, room: int, size: float) -> None:
        """Let a device have a fault, which passes: the device is back."""
        self.steps.append(Step(pause_s, act, PLACES[room % 3], room, size))

    @rule(
        pause_s=PAUSES_S,
        act=st.sampled_from([Act.RESTART, Act.KILL, Act.STEP_CLOCK, Act.REFUSE_WRITES]),
        pick=NUMBERS,
        size=SIZES,
    )
    def appliance(self, pause_s: float, act: Act, pick: int, size: float) -> None:
        """Restart or kill the daemon, set the clock, or fill the disk."""
        self.steps.append(Step(pause_s, act, pick=pick, size=size))

    def teardown(self) -> None:
        """Live through all of it, and look for what broke."""
        report = simulate(1, self.steps)
        assert check(report.history, report.ledger, report.restarted) == []


TestAppliance = Appliance.TestCase
TestAppliance.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
