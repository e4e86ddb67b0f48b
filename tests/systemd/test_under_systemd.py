"""The service as operators meet it: installed by the README's words, under a real systemd."""

import json
import re
import subprocess
import time

import pytest

from media import BUNDLED
from systemd_rig import CHECKOUT, CONFIG
from tallyd.logs.events import EVENTS

pytestmark = pytest.mark.timeout(300)  # the first one installs


def test_installed_as_the_readme_says_it_runs_and_starts_with_the_machine(installed):
    """After the README's commands the service is up, with the example's rooms, for good."""
    active, enabled, targets = installed.fresh
    assert (active, enabled) == ("active", "enabled")
    assert "rooms.aula" in targets
    made = ("/etc/tallyd", "/etc/tallyd/config.toml", "/etc/tallyd/credentials", "/var/lib/tallyd")
    assert installed.run("stat", "-c", "%U:%G %a", *made).splitlines() == [
        "root:tallyd 750",
        "root:tallyd 640",
        "root:root 700",
        "tallyd:tallyd 750",
    ]


def test_its_status_says_what_records_and_what_comes_next(service, eventually):
    """`systemctl status` answers what an operator asks first."""
    assert 'Status: "recording 0; nothing starts within 24 h"' in service.run(
        "systemctl", "status", "tallyd"
    )
    service.book("Lecture", "now", "2m")
    later = service.run("date", "-u", "-d", "3 hours", "+%Y-%m-%d %H:%M:00").strip()
    service.book("Colloquium", f"{later.replace(' ', 'T')}Z", "1h")
    line = f'recording 1; next rooms.aula "Colloquium" at {later} UTC'
    eventually(lambda: service.shows("StatusText") == line)
    assert f'Status: "{line}"' in service.run("systemctl", "status", "tallyd")


def test_its_journal_holds_the_events_as_json(service, eventually):
    """Whoever reads the journal with a program finds every event, whole, under one name."""
    service.book("<0>forged", "now", "2m")
    eventually(service.recorders)
    eventually(lambda: "run.started" in str(service.journal()))
    entries = service.journal()
    events = [json.loads(entry["MESSAGE"]) for entry in entries]
    assert {event["event"] for event in events} <= EVENTS.keys()
    assert [e["name"] for e in events if e["event"] == "run.started"] == ["<0>forged"]
    assert {entry["SYSLOG_IDENTIFIER"] for entry in entries} == {"tallyd"}
    assert {entry["PRIORITY"] for entry in entries} == {"6"}


def test_daemon_and_recorders_live_in_the_sandbox(service, eventually):
    """Neither of them may do more than it needs, and no recorder speaks to systemd."""
    service.book("Lecture", "now", "2m")
    (recorder,) = eventually(service.recorders)
    for pid in (recorder, str(service.pid)):
        status = service.run("cat", f"/proc/{pid}/status")
        assert re.search(r"^CapBnd:\t0+$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
        assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
        inside = ("nsenter", f"--target={pid}", "--mount", "--")
        assert service.run(*inside, "sh", "-c", "ls -A /root /home /dev/sda 2>/dev/null || true")
        refused = service.run(*inside, "touch", "/usr/x", "/etc/x", check=False)
        assert refused.count("Read-only file system") == 2
    environment = service.run("sh", "-c", f"tr '\\0' '\\n' < /proc/{recorder}/environ")
    assert "PATH=" in environment
    assert not re.search("NOTIFY_SOCKET|WATCHDOG", environment)


@pytest.mark.parametrize("how", ["restart", "stop"])
def test_what_records_goes_on_without_the_service(service, eventually, how):
    """A restart, as for an upgrade, costs no recording anything; nor does a stop and a start."""
    lecture = service.book("Lecture", "now", "2m")
    eventually(lambda: service.tallyd("status")["targets"]["rooms.aula"]["bytes"])
    recorders = service.recorders()
    service.run("systemctl", how, "tallyd")
    assert service.recorders() == recorders
    service.run("systemctl", "start", "tallyd")
    eventually(lambda: service.run_of(lecture)["status"] == "started")
    assert service.recorders() == recorders
    assert [part["number"] for part in service.run_of(lecture)["parts"]] == [1]


def test_a_stop_finishes_what_records_where_that_is_wanted(service, eventually):
    """`systemctl stop` waits until the file is whole, and is not told to hurry."""
    service.configure(CONFIG.replace("[appliance]", '[appliance]\non_stop = "finish"'))
    service.run("systemctl", "restart", "tallyd")
    lecture = service.book("Lecture", "now", "2m")
    eventually(lambda: service.tallyd("status")["targets"]["rooms.aula"]["bytes"])
    service.run("systemctl", "stop", "tallyd")
    assert service.shows("Result") == "success"
    assert service.recorders() == []
    (part,) = service.run_of(lecture)["parts"]
    assert part["end"] == "daemon_stopped"
    played = service.path(part["files"][0])
    subprocess.run((BUNDLED, "-v", "error", "-xerror", "-i", played, "-f", "null", "-"), check=True)


def test_a_stop_that_takes_longer_is_given_the_time(service, eventually):
    """An operator's short patience with services does not cut a device that needs longer."""
    service.override("TimeoutStopSec=1")
    run = service.book("Rehearsal", "now", "2m", room="rehearsal")
    eventually(lambda: service.run_of(run)["status"] == "started")
    began = time.monotonic()
    service.run("systemctl", "stop", "tallyd")
    assert time.monotonic() - began > 2
    assert service.shows("Result") == "success"
    assert [part["end"] for part in service.run_of(run)["parts"]] == ["daemon_stopped"]


def test_it_may_ask_whether_the_clock_is_kept_right(service, eventually):
    """The sandbox lets the kernel be asked, and the clock not be set."""
    states = {"ok", "unsynchronised"}
    eventually(lambda: service.tallyd("status")["clock"]["state"] in states)
    inside = ("nsenter", f"--target={service.pid}", "--mount", "--")
    status = service.run("cat", f"/proc/{service.pid}/status")
    assert re.search(r"^CapBnd:\t0+$", status, re.MULTILINE)
    assert service.run(*inside, "sh", "-c", "ls /dev/rtc* 2>/dev/null || true") == ""


def test_the_encoders_of_a_channel_give_way(service, eventually):
    """The sandbox lets a channel make what encodes less urgent than what keeps its pictures."""
    options = 'outputs = ["udp://127.0.0.1:9"], size = "320x180"'
    service.configure(f'{CONFIG}[channels.tv]\ndriver = "ffmpeg"\noptions = {{ {options} }}\n')
    service.run("systemctl", "restart", "tallyd")
    pids = eventually(service.recorders)
    assert {service.run("ps", "-o", "ni=", "-p", pid).strip() for pid in pids} == {"5"}


def test_what_works_is_not_taken_for_stuck(service):
    """An idle daemon outlives many times what the watchdog allows."""
    service.override("WatchdogSec=1")
    service.run("systemctl", "restart", "tallyd")
    service.run("sleep", "5")
    assert service.shows("NRestarts") == "0"
    assert service.shows("ActiveState") == "active"


def test_a_configuration_that_cannot_be_used_is_not_tried_again_and_again(service, eventually):
    """Exit code 78 leaves the unit failed, with the reason in the journal, and no restarts."""
    service.configure(CONFIG.replace("min_piece", "min_peace"))
    service.run("systemctl", "restart", "tallyd", check=False)
    eventually(lambda: service.shows("ActiveState") == "failed")
    service.run("sleep", "1")
    assert service.shows("ActiveState") == "failed"
    assert service.shows("NRestarts") == "0"
    assert service.shows("ExecMainStatus") == "78"
    said = ("journalctl", "--unit=tallyd", "--output=cat", "-n", "9")
    eventually(lambda: "min_piece" in service.run(*said))


def test_a_reload_takes_effect_or_fails_and_changes_nothing(service, eventually):
    """`systemctl reload` returns when new rooms can be booked; a mistake is refused aloud."""
    lecture = service.book("Lecture", "now", "2m")
    recorders = eventually(service.recorders)
    daemon = service.pid
    three_rooms = f'{CONFIG}[rooms.studio]\ndriver = "simulated"\n'
    service.configure(three_rooms)
    service.run("systemctl", "reload", "tallyd")
    assert "rooms.studio" in service.tallyd("status")["targets"]
    service.configure(CONFIG.replace("min_piece", "min_peace"))
    told = service.run("sh", "-c", "systemctl reload tallyd || echo refused")
    assert told.endswith("refused\n")
    said = ("journalctl", "--unit=tallyd", "--output=cat", "-n", "9")
    eventually(lambda: "min_piece" in service.run(*said))
    service.configure(three_rooms)
    assert "rooms.studio" in service.tallyd("status")["targets"]
    assert service.shows("ActiveState") == "active"
    assert (service.pid, service.recorders()) == (daemon, recorders)
    eventually(lambda: service.run_of(lecture)["status"] == "started")


def test_a_secret_is_loaded_by_systemd_for_the_daemon_alone(service, sandbox, eventually):
    """A camera's address is read from a file that only root may read, and shown nowhere."""
    secret = sandbox.root / "etc/tallyd/credentials/aula-camera"
    secret.write_text("test")
    secret.chmod(0o600)
    service.configure(CONFIG.replace('"test"', '"credential:aula-camera"'))
    service.override("LoadCredential=aula-camera:/etc/tallyd/credentials/aula-camera")
    service.run("systemctl", "restart", "tallyd")
    service.book("Lecture", "now", "2m")
    (recorder,) = eventually(service.recorders)
    environment = service.run("sh", "-c", f"tr '\\0' '\\n' < /proc/{recorder}/environ")
    assert "CREDENTIALS" not in environment


def test_the_device_drop_in_opens_nothing_else(service):
    """With the cameras' drop-in the service runs, in both groups, and still in its sandbox."""
    example = f"{CHECKOUT}/systemd/tallyd.service.d/devices.conf.example"
    target = "/run/systemd/system/tallyd.service.d/test.conf"
    service.run("install", "-D", "-m", "644", example, target)
    service.run("systemctl", "daemon-reload")
    service.run("systemctl", "restart", "tallyd")
    assert service.shows("ActiveState") == "active"
    allowed = set(service.shows("DeviceAllow").splitlines())
    of_protect_clock = {"char-rtc r"}
    assert allowed - of_protect_clock == {"char-video4linux rw", "char-alsa rw"}
    groups = service.run("sh", "-c", f"id -nG tallyd; grep Groups: /proc/{service.pid}/status")
    video, audio = (
        service.run("getent", "group", name).split(":")[2] for name in ("video", "audio")
    )
    assert {video, audio} <= set(groups.split())
