"""Row 45: the machine is shut down in order while a lecture is recorded, and started again."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from media import BUNDLED
from systemd_rig import CONFIG, Factory, Service, booted, disk_of, eventually

pytestmark = pytest.mark.timeout(600)

STOP_TIMEOUT_S = 50.0
ENDLESS = """
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sleep infinity
"""
RESUMED_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the disk of a machine."""
    with disk_of(tmp_path_factory.mktemp("machine")) as made:
        yield made


def recordings(disk: Path) -> list[Path]:
    """Give the recorded files on the disk of a machine that is off."""
    found = (disk / "layers/upper/var/lib/tallyd/recordings").rglob("*.mkv*")
    return sorted(path for path in found if path.is_file())


def plays(file: Path) -> bool:
    """Tell whether a file decodes from end to end, and says how long it is."""
    command = (BUNDLED, "-v", "error", "-xerror", "-i", file, "-f", "null", "-")
    done = subprocess.run(command, capture_output=True, check=False)
    about = subprocess.run((BUNDLED, "-i", file), capture_output=True, check=False).stderr
    return done.returncode == 0 and done.stderr == b"" and b"Duration: N/A" not in about


def started(service: Service) -> None:
    """Start the service, which this machine does not do by itself."""
    service.configure(CONFIG)
    service.run("systemctl", "start", "tallyd")
    eventually(service.is_ready)


def test_row_45_an_orderly_shutdown_finishes_files_and_the_rest_is_recorded(
    factory: Factory, disk: Path
) -> None:
    """Row 45: the file is whole when the machine goes off, and the next boot goes on."""
    with booted(disk, factory.below) as box:
        service = Service(box)
        started(service)
        lecture = service.record("30m")
        (recorder,) = service.recorders()
        service.run("systemctl", "restart", "tallyd")
        assert service.recorders() == [recorder], "a restart must not look like a shutdown"
        took_s = box.shut_down()
    assert took_s < STOP_TIMEOUT_S
    (first,) = recordings(disk)
    assert first.suffix == ".mkv"
    assert plays(first)
    with booted(disk, factory.below) as box:
        service = Service(box)
        started(service)
        eventually(service.recorders, within_s=RESUMED_WITHIN_S)
        run = eventually(lambda: (run := service.run_of(lecture))["status"] == "started" and run)
        assert [part["number"] for part in run["parts"]] == [1, 2]
        assert run["parts"][0]["end"] == "daemon_stopped"
        service.run("runuser", "-u", "tallyd", "--", "tallyd", "runs", "stop", "--all")
        service.finished(lecture)
        box.shut_down()
    assert len([file for file in recordings(disk) if plays(file)]) == 2


def test_row_45_a_daemon_that_is_slow_to_listen_finishes_all_the_same(
    factory: Factory, tmp_path: Path
) -> None:
    """Row 45: it is told to finish and nothing else, however long it takes to hear that."""
    with disk_of(tmp_path) as own, booted(own, factory.below) as box:
        service = Service(box)
        started(service)
        service.record("30m")
        pid = str(service.pid)
        box.run("kill", "-STOP", pid)
        box.begin_to_shut_down()
        eventually(lambda: "deactivating" in service.shows("ActiveState"))
        with suppress(AssertionError):  # nothing else may come meanwhile
            eventually(lambda: "stop-sigterm" in service.shows("SubState"), within_s=1)
        box.run("kill", "-CONT", pid)
        box.shut_down()
        (file,) = recordings(own)
        assert file.suffix == ".mkv"
        assert plays(file)


def test_row_45_a_machine_that_has_not_booted_yet_finishes_its_files(
    factory: Factory, tmp_path: Path
) -> None:
    """Row 45: a unit that never comes up makes a shutdown no other thing."""
    with disk_of(tmp_path) as own:
        units = own / "layers/upper/etc/systemd/system"
        (units / "basic.target.wants").mkdir(parents=True)
        (units / "endless.service").write_text(ENDLESS)
        (units / "basic.target.wants/endless.service").symlink_to("../endless.service")
        with booted(own, factory.below, "starting") as box:
            service = Service(box)
            started(service)
            service.record("30m")
            box.shut_down()
        (file,) = recordings(own)
        assert file.suffix == ".mkv"
        assert plays(file)


def test_row_45_control_without_the_stop_command_the_file_is_left_unfinished(
    factory: Factory, disk: Path
) -> None:
    """Row 45, control: a unit that knows no shutdown leaves its recorders to the last signals."""
    before = recordings(disk)
    with booted(disk, factory.below) as box:
        service = Service(box)
        service.override("ExecStop=")
        started(service)
        lecture = service.record("30m")
        box.shut_down()
    (left,) = set(recordings(disk)) - set(before)
    assert left.name.endswith(".part")
    with booted(disk, factory.below) as box:
        service = Service(box)
        started(service)
        eventually(lambda: service.events("recording.salvaged"))
        run = service.run_of(lecture)
        assert run["parts"][0]["files"][0].endswith(".mkv")
        box.shut_down()
