"""The HTTP server as a service of its own, under a real systemd: it starts, answers, is killed."""

import signal
import socket
from collections.abc import Iterator

import httpx
import pytest

from systemd_rig import Service, eventually

pytestmark = pytest.mark.timeout(900)  # the first one installs

UNIT = "tallyd-api"
SOCKET = "/var/lib/tallyd/run/api.sock"


def shows(service: Service, name: str) -> str:
    """Give a property of the server's unit."""
    return service.run("systemctl", "show", "--value", "-p", name, UNIT).strip()


def client(service: Service) -> httpx.Client:
    """Give a client by the Unix socket: root of the machine is its administrator."""
    transport = httpx.HTTPTransport(uds=str(service.path(SOCKET)))
    return httpx.Client(transport=transport, base_url="http://tallyd", timeout=20)


def answers(service: Service) -> bool:
    """Tell whether the server answers."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(20)
        try:
            asking.connect(str(service.path(SOCKET)))
            asking.sendall(b"GET /healthz HTTP/1.1\r\nHost: tallyd\r\n\r\n")
            return asking.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False


@pytest.fixture
def served(service: Service) -> Iterator[Service]:
    """Give the service with its server running beside it."""
    service.run("systemctl", "start", UNIT)
    yield service
    service.run("systemctl", "stop", UNIT)


def test_it_is_up_once_it_answers(served: Service) -> None:
    """`systemctl start` returns when clients are answered; what they book is recorded."""
    assert shows(served, "ActiveState") == "active"
    owner = served.run("stat", "-c", "%U:%G %a", SOCKET).strip()
    assert owner == "tallyd:tallyd 660"
    body = {"target": "rooms.aula", "name": "By HTTP", "start": "now", "duration": "5m"}
    with client(served) as asking:
        assert asking.get("/healthz").status_code == 200
        assert asking.get("/api/v1/status").json()["running"] is True
        booked = asking.post("/api/v1/schedules", json=body)
    assert booked.status_code == 201, booked.text
    eventually(lambda: served.run_of(booked.json()["id"])["status"] == "started")


def test_it_is_killed_and_no_recording_notices(served: Service) -> None:
    """However often the server dies it comes back, and what records is one part all the while."""
    lecture = served.record("5h")
    recorders, daemon = served.recorders(), served.pid
    for _ in range(3):
        before = shows(served, "MainPID")
        served.run("systemctl", "kill", f"--signal={signal.SIGKILL.name}", UNIT)
        eventually(lambda before=before: shows(served, "MainPID") not in {before, "0"})
        eventually(lambda: answers(served))
    served.run("systemctl", "stop", UNIT)
    assert not answers(served)
    assert (served.recorders(), served.pid) == (recorders, daemon)
    run = served.run_of(lecture)
    assert (run["status"], len(run["parts"])) == ("started", 1)


def test_it_answers_without_a_daemon(served: Service) -> None:
    """What is booked while no daemon runs is there when one does."""
    served.run("systemctl", "stop", "tallyd")
    body = {"target": "rooms.aula", "name": "Later", "start": "2036-12-01T09:00", "duration": "1h"}
    with client(served) as asking:
        assert asking.get("/api/v1/status").json()["running"] is False
        assert asking.post("/api/v1/schedules", json=body).status_code == 201
    served.run("systemctl", "start", "tallyd")
    assert [each["name"] for each in served.tallyd("schedule", "list")] == ["Later"]


def test_its_sandbox_is_in_force(served: Service) -> None:
    """Who gets hold of the server gets hold of little else: exposure at most 2.0 of 10."""
    served.run("systemd-analyze", "security", "--threshold=20", UNIT)
    status = served.run("cat", f"/proc/{shows(served, 'MainPID')}/status")
    about = dict(line.partition(":\t")[::2] for line in status.splitlines())
    assert (int(about["CapEff"], 16), about["NoNewPrivs"], about["Seccomp"]) == (0, "1", "2")
