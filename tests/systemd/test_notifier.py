"""What a service manager hears, word by word, and that nothing it does disturbs the daemon."""

import os
from collections.abc import Iterator

import pytest

from tallyd import systemd
from tallyd.testing.virtual_time import FakeClock


class SteadyClock(FakeClock):
    """Shows one instant."""

    def monotonic(self) -> float:
        """Give that instant."""
        return 12.345678


@pytest.fixture
def told(listening) -> Iterator[systemd.Notifier]:
    """Give a notifier to whom somebody listens."""
    with systemd.notifier({"NOTIFY_SOCKET": listening.address}, SteadyClock()) as to:
        yield to


@pytest.mark.parametrize(
    ("say", "heard"),
    [
        (lambda to: to.ready(), "READY=1"),
        (lambda to: to.reloading(), "RELOADING=1\nMONOTONIC_USEC=12345678"),
        (lambda to: to.stopping(30.0), "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000"),
        (lambda to: to.status('recording 2; next "Ä"'), 'STATUS=recording 2; next "Ä"'),
        (lambda to: to.alive(), "WATCHDOG=1"),
    ],
)
@pytest.mark.parametrize("abstract", [False, True])
def test_each_state_has_its_words(say, heard, abstract, tmp_path, make_listening):
    """A service manager hears what systemd documents, at a path and at an abstract address."""
    address = f"@tallyd-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    manager = make_listening(address)
    with systemd.notifier({"NOTIFY_SOCKET": address}, SteadyClock()) as to:
        say(to)
    assert manager.heard == [heard]


def test_a_status_is_one_line_and_said_once(listening, told):
    """A hostile name cannot say READY=1 in the daemon's name, nor can a flood of the same."""
    for _ in range(3):
        told.status("next \nREADY=1\x1b[2J\u202e\ud800" + "x" * 9999)
    told.status("idle")
    first, second = listening.heard
    assert first.startswith("STATUS=next  READY=1 [2J  xxx")
    assert len(first) == len("STATUS=") + systemd.MAX_STATUS
    assert second == "STATUS=idle"


def test_the_environment_is_taken_away():
    """No child can find out where to speak in the daemon's name."""
    environment = {
        "PATH": "/bin",
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "WATCHDOG_USEC": "20000000",
        "WATCHDOG_PID": str(os.getpid()),
    }
    with systemd.notifier(environment, FakeClock()) as to:
        assert to.watchdog_s == 20
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize(
    ("variables", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "mine"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": ""}, None),
    ],
)
def test_the_watchdog_is_this_process_s_or_none(variables, watchdog_s):
    """A watchdog that is meant for another process, or is no number, is none."""
    with systemd.notifier(dict(variables), FakeClock()) as to:
        assert to.watchdog_s == watchdog_s


@pytest.mark.parametrize(
    "address", [None, "", "vsock:2:1234", "relative/path", "/nobody/is/here", "/" + "x" * 200, "@"]
)
def test_without_anybody_to_tell_nothing_happens(address):
    """Outside systemd, or when its socket is gone, the daemon works, and nothing piles up."""
    environment = {} if address is None else {"NOTIFY_SOCKET": address}
    with systemd.notifier(environment, SteadyClock()) as to:
        to.ready()
        to.reloading()
        to.status("recording 1")
        for _ in range(10 * systemd.KEPT):
            to.alive()
        to.stopping(1)
        assert len(to._unsent) <= systemd.KEPT


def test_a_service_manager_that_does_not_listen_is_not_waited_for(listening, told):
    """With its queue full the daemon goes on, and says what it had to say as soon as it can."""
    while not told._unsent:
        told.alive()
    told.ready()
    assert "READY=1" not in listening.heard
    told.alive()
    assert listening.heard[-3:] == ["WATCHDOG=1", "READY=1", "WATCHDOG=1"]


def test_the_same_status_gets_out_what_waited(listening, told):
    """What was said to a service manager that was busy is heard with the next heartbeat."""
    told.status("recording 1")
    while not told._unsent:
        told.alive()
    told.ready()
    assert listening.heard
    told.status("recording 1")
    assert listening.heard[-1] == "READY=1"


def test_what_is_said_last_counts(listening, told):
    """However long nobody listened, little is kept, and the newest of it."""
    listening.close()
    for _ in range(999):
        told.alive()
    told.ready()
    assert len(told._unsent) == systemd.KEPT
    assert told._unsent[-1] == b"READY=1"


def test_the_socket_is_not_inherited(told):
    """A child that is started in the plainest way has no socket to systemd either."""
    assert not os.get_inheritable(told._socket.fileno())
