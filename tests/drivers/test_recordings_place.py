"""The directory of the recordings: its room, whether its disk is there, and what it refuses."""

from pathlib import Path

import pytest

from tallyd.domain.health import Room
from tallyd.domain.model import Reason
from tallyd.drivers import recordings
from tallyd.drivers.recordings import ROOT, MountRule, Recordings, mount_of
from tallyd.ports.disk import DiskError


class Mounts:
    """Which directory is a mount point, as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = ROOT
        self.remembered: list[Path] = []
        monkeypatch.setattr(recordings, "mount_of", lambda _path: self.at)

    def place(self, path: Path, rule: MountRule = MountRule.AUTO, seen: Path | None = None):
        """Give a directory of recordings."""
        return Recordings(path, rule, seen, self.remembered.append)


@pytest.fixture
def mounts(monkeypatch: pytest.MonkeyPatch) -> Mounts:
    """Give mount points that need no mount."""
    return Mounts(monkeypatch)


def test_the_directory_is_made_with_those_above(tmp_path: Path) -> None:
    """It is there from the first look on, and can be written."""
    place = Recordings(tmp_path / "a" / "b")
    place.require()
    assert place.try_out().free > 0
    assert (tmp_path / "a" / "b").is_dir()
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_what_was_there_must_be_there_again(tmp_path: Path, mounts: Mounts) -> None:
    """A disk that was seen once is missed when it is gone, and is welcome when it is back."""
    place = mounts.place(tmp_path / "rec")
    mounts.at = tmp_path
    place.look()
    assert mounts.remembered == [tmp_path]
    for gone in (ROOT, tmp_path.parent):
        mounts.at = gone
        with pytest.raises(DiskError, match=f"nothing is mounted at {tmp_path}") as caught:
            place.require()
        assert caught.value.reason is Reason.DISK_MISSING
    mounts.at = tmp_path
    place.require()
    assert mounts.remembered == [tmp_path]


def test_another_daemon_knows_it_too(tmp_path: Path, mounts: Mounts) -> None:
    """What was written down holds over a restart; nothing is made in the bare mount point."""
    place = mounts.place(tmp_path / "rec", seen=tmp_path)
    with pytest.raises(DiskError):
        place.look()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("seen", [None, ROOT, Path("/somewhere/else")])
def test_what_was_never_on_a_disk_of_its_own_is_not_missed(
    tmp_path: Path, mounts: Mounts, seen: Path | None
) -> None:
    """Nor what the configuration has moved away from."""
    mounts.place(tmp_path, seen=seen).require()
    mounts.at = tmp_path
    mounts.place(tmp_path, seen=seen).require()
    assert tmp_path in mounts.remembered


def test_the_operator_may_require_a_disk_or_none(tmp_path: Path, mounts: Mounts) -> None:
    """From the first start on; and a disk that was taken away for good is forgotten."""
    with pytest.raises(DiskError, match="nothing is mounted there or above"):
        mounts.place(tmp_path, MountRule.REQUIRED).require()
    mounts.place(tmp_path, MountRule.IGNORED, tmp_path).require()
    assert mounts.remembered == [ROOT]
    mounts.at = tmp_path
    mounts.place(tmp_path, MountRule.REQUIRED).require()


def test_a_full_disk_takes_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is full with a hundredth left, and says the same each time."""
    place = Recordings(tmp_path)
    monkeypatch.setattr(place, "look", lambda: Room(free=99, total=10_000))
    with pytest.raises(DiskError, match="is full") as caught:
        place.require()
    assert caught.value.reason is Reason.DISK_FULL
    monkeypatch.setattr(place, "look", lambda: Room(free=100, total=10_000))
    place.require()


def test_what_the_system_says_is_a_sentence(tmp_path: Path) -> None:
    """A file in the place of the directory."""
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="file/rec cannot be used: Not a directory"):
        Recordings(tmp_path / "file" / "rec").look()


def test_a_mount_is_found_above_what_does_not_exist_yet(tmp_path: Path) -> None:
    """As seen by where the file system changes; links are followed."""
    assert mount_of(Path("/proc/self")) == Path("/proc")
    assert mount_of(tmp_path / "not" / "yet") == mount_of(tmp_path)
    (tmp_path / "link").symlink_to("/proc/sys")
    assert mount_of(tmp_path / "link" / "kernel") == Path("/proc")
