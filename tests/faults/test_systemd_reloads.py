"""Rows 41 to 43: a second daemon, and new configurations that are bad or take a room away."""

import os
import signal

import pytest

from media import Media
from systemd_rig import CONFIG, Service, eventually

pytestmark = pytest.mark.timeout(600)  # the first one installs

FULL = os.environ.get("FULL_FAULTS") == "1"
ROOT_OWNS = "chown root:tallyd /etc/tallyd/config.toml && chmod 640 /etc/tallyd/config.toml"
BAD = {
    "no TOML": CONFIG + "[rooms",
    "unknown section": CONFIG + "[room.lab]\ndriver = 'simulated'\n",
    "unknown key": CONFIG.replace("min_piece", "min_peace"),
    "unknown driver": CONFIG.replace('"ffmpeg"', '"ffmpegg"'),
    "unknown option": CONFIG.replace("size =", "sise ="),
    "bad value": CONFIG.replace("320x180", "320 by 180"),
    "a number for a text": CONFIG.replace('"0s"', "0"),
    "no such zone": CONFIG.replace("min_piece", 'timezone = "Europe/Berlyn"\nmin_piece'),
    "another state_dir": CONFIG.replace("min_piece", 'state_dir = "/srv/x"\nmin_piece'),
    "no such credential": CONFIG.replace('"test"', '"credential:nobody"'),
    "no capacity": CONFIG.replace("[rooms.aula]", "[rooms.aula]\ncapacity = 0"),
    "an id given twice": CONFIG.replace("driver =", "id = 7\ndriver ="),
    "a hostile template": CONFIG.replace("min_piece", 'file_name = "{room.__class__}"\nmin_piece'),
    "no UTF-8": "\udcff" + CONFIG,
    "nothing": "",
    "a line of NULs": CONFIG + "\x00\x00\x00",
}
"""All but `nothing` are refused; without any room that is fine, and what records goes on."""

BAD_MODES = {
    "unreadable": "chmod 600",
    "others can write to it": "chmod 666",
    "its group can write to it": "chmod 660",
    "another user's": "chown nobody",
}
SOME = ("no TOML", "unknown key", "bad value", "another state_dir", "no UTF-8")


def configure(service: Service, text: str) -> None:
    """Write a configuration, whatever bytes it is of."""
    path = service.box.root / "etc/tallyd/config.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))


def reload(service: Service) -> bool:
    """Have the service read its configuration anew; tells whether systemd says that it did."""
    return "refused" not in service.run("sh", "-c", "systemctl reload tallyd || echo refused")


def test_row_41_a_second_daemon_ends_with_a_reason(service: Service) -> None:
    """Row 41: the first one and what it records are not affected."""
    service.record("1m")
    daemon, recorders = service.pid, service.recorders()
    said = service.run("sh", "-c", "runuser -u tallyd -- tallyd run; echo exit status $?")
    assert "another tallyd (process " in said
    assert said.endswith("exit status 1\n")
    assert (service.pid, service.recorders()) == (daemon, recorders)
    assert service.tallyd("status")["targets"]["rooms.aula"]["status"] == "recording"


def test_row_41_control_without_the_lock_there_are_two(service: Service) -> None:
    """Row 41, control: it is the lock alone that keeps the second one from the rooms."""
    service.run("rm", "/var/lib/tallyd/daemon.lock")
    second = "timeout 20 runuser -u tallyd -- tallyd run > /tmp/second & "
    ready = "until grep -q daemon.ready /tmp/second; do kill -0 $! || exit; sleep 0.1; done; "
    said = service.run("sh", "-c", f"{second}{ready}kill $!; wait; cat /tmp/second")
    assert "daemon.ready" in said


def test_row_42_a_bad_configuration_is_refused_and_touches_nothing(service: Service) -> None:
    """Row 42: whatever is wrong with it, `systemctl reload` fails and all stays as it was."""
    service.record("10m")
    daemon, recorders = service.pid, service.recorders()
    cases = [name for name in BAD if name != "nothing" and (FULL or name in SOME)]
    for told, name in enumerate(cases, start=1):
        configure(service, BAD[name])
        assert not reload(service), name
        service.signal(signal.SIGHUP)  # nor where the daemon itself is told, past systemd
        eventually(lambda told=told: len(service.events("config.refused")) >= told)
    configure(service, CONFIG)
    for name, command in BAD_MODES.items():
        service.run("sh", "-c", f"{command} /etc/tallyd/config.toml")
        assert not reload(service), name
        service.run("sh", "-c", ROOT_OWNS)
    assert len(service.events("config.refused")) >= len(cases)
    assert (service.pid, service.recorders()) == (daemon, recorders)
    assert service.tallyd("status")["targets"]["rooms.aula"]["status"] == "recording"
    assert service.shows("ActiveState") == "active"


def test_row_42_control_a_good_one_is_taken(service: Service) -> None:
    """Row 42, control: a reload does change something where nothing is wrong."""
    configure(service, CONFIG + '[rooms.studio]\ndriver = "simulated"\n')
    assert reload(service)
    assert "rooms.studio" in service.tallyd("status")["targets"]


async def test_row_43_a_room_that_is_taken_away_finishes_what_it_records(service: Service) -> None:
    """Row 43: its recording ends as planned; what is booked there later is blocked, and says so."""
    lecture = service.record("6s")
    (recorder,) = service.recorders()
    without = CONFIG.replace("[rooms.aula]", "[rooms.hall]")
    configure(service, without)
    assert reload(service)
    assert service.recorders() == [recorder]
    run = service.finished(lecture)
    assert (run["outcome"], len(run["parts"])) == ("recorded", 1)
    (file,) = run["parts"][0]["files"]
    assert await Media().whole_length_s(service.path(file)) == pytest.approx(6, abs=1.0)
    configure(service, CONFIG)
    assert reload(service)
    second = service.book("Second", "now", "2s")
    assert service.finished(second)["outcome"] == "recorded"


def test_row_43_everything_taken_away_ends_nothing(service: Service) -> None:
    """Row 43: not even an empty configuration ends what is being recorded."""
    service.record("10m")
    recorders = service.recorders()
    configure(service, BAD["nothing"])
    assert reload(service)
    eventually(lambda: service.events("config.reloaded"))
    assert service.recorders() == recorders
