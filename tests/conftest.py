"""What holds for every test: one event loop that nothing may block, and no skips in CI.

For the most part tests wait; so three modules are run at once, but only one that keeps a channel on
air: its encoders are busy all the time.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from blockbuster import BlockBuster
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

# How long an example takes depends on who else uses the machine; `timeout` ends what hangs.
settings.register_profile("tallyd", deadline=None)
settings.load_profile("tallyd")

pytest_plugins = ["pytester", "systemd_rig"]

# What tests write is safe from others, whatever the habits of whoever runs them: a configuration
# that is not would be refused.
os.umask(0o022)

TESTS = Path(__file__).parent
AT_ONCE = {TESTS: 3, TESTS / "faults": 3}
ON_AIR = ("tests/playout/", "tests/e2e/test_booked_on_air", "tests/e2e/test_daemon_channel")

MAY_BLOCK = (
    # Once for each daemon, database or driver, before it has anything else to do.
    (
        "tallyd/state_dir.py",
        {"prepare", "make_directory", "locked", "is_new", "mark_installed", "database_file"},
    ),
    ("tallyd/store/migrate.py", {"initialise", "migrate", "check"}),
    ("tallyd/store/connection.py", {"connect"}),
    ("tallyd/nudge.py", {"_bind"}),
    ("tallyd/drivers/ffmpeg/binary.py", {"find_ffmpeg"}),
    # The names of all zones, once, to propose one in place of a mistaken one.
    ("tallyd/domain/drafts.py", {"_zones"}),
)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Have a whole set run by several processes; modules stay together. `-n 0` keeps it in one."""
    option = config.option
    asked = [Path(config.invocation_params.dir, each).resolve() for each in config.args]
    at_once = AT_ONCE.get(asked[0]) if len(asked) == 1 else None
    part = option.keyword or option.markexpr or option.capture == "no" or option.collectonly
    rounds = os.environ.get("FULL_FAULTS") == "1"  # these want the machine to themselves
    whole = not (part or rounds or option.usepdb or hasattr(config, "workerinput"))
    if whole and option.numprocesses is None:
        option.numprocesses = at_once
    if option.numprocesses and option.dist == "no":
        option.dist = "loadfile"
        option.loadscopereorder = False


class _OneOnAir(LoadFileScheduling):
    """Gives each module to one process, and all that are on air to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return "on air" if nodeid.startswith(ON_AIR) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """Share modules out as above."""
    return _OneOnAir(config, log) if config.option.dist == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, and one process only: what is on air."""
    items.sort(key=lambda item: not item.nodeid.startswith(ON_AIR))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run on asyncio: the database's driver and the alarm know no other."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _loop_is_never_blocked() -> Iterator[None]:
    """Fail a test in which code of ours makes a blocking call while an event loop runs."""
    watch = BlockBuster(scanned_modules=["tallyd"], excluded_modules=["tallyd.testing"])
    for function in watch.functions.values():
        for file, names in MAY_BLOCK:
            function.can_block_in(file, names)
    watch.activate()
    yield
    watch.deactivate()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """See below: a test that skips itself, or is marked so."""
    report = yield
    return _not_skipped(report)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Iterator[None]:
    """See below: a module that skips itself."""
    report = yield
    return _not_skipped(report)


def _not_skipped(report):
    """In CI every real component is there: what is missing is a failure, not a skip."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI skips nothing: {report.longrepr}"
    return report
