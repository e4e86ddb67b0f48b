"""A configuration that others could change is not read, nor are such secrets."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tallyd.config import ConfigError, load, with_credentials

Write = Callable[[str], Path]

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def refusal(path: Path) -> str:
    """Load what must be refused, and give why it was."""
    with pytest.raises(ConfigError) as caught:
        load(path)
    (problem,) = caught.value.problems
    return problem.fix


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o664, 0o777])
def test_a_file_that_others_can_write_to_is_refused(write: Write, mode: int) -> None:
    """Whoever could write it could have any command run: the sentence says what to do."""
    path = write("")
    path.chmod(mode)
    assert refusal(path) == f"others can write to {path}: chmod go-w it"


@pytest.mark.parametrize("mode", [0o400, 0o440, 0o444, 0o600, 0o640, 0o644, 0o755])
def test_a_file_that_others_can_read_at_most_is_fine(write: Write, mode: int) -> None:
    """Who may read it is the operator's business."""
    path = write("")
    path.chmod(mode)
    assert load(path).rooms == {}


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_directory_that_others_can_write_to_is_refused(write: Write, mode: int) -> None:
    """Whoever can write there puts another file in its place."""
    path = write("")
    path.parent.chmod(mode)
    try:
        assert refusal(path) == f"others can write to {path.parent}: chmod go-w it"
    finally:
        path.parent.chmod(0o700)


def test_a_directory_like_tmp_is_fine(write: Write) -> None:
    """Where everybody may add files and nobody may replace another's, ours stays ours."""
    path = write("")
    path.parent.chmod(0o1777)
    assert load(path).rooms == {}


def test_a_link_is_followed_and_what_it_leads_to_is_looked_at(write: Write, tmp_path: Path) -> None:
    """A link from a safe directory into one that is not is no way round."""
    unsafe = tmp_path / "unsafe"
    unsafe.mkdir()
    real = write("").rename(unsafe / "tallyd.toml")
    link = tmp_path / "link.toml"
    link.symlink_to(real)
    load(link)
    unsafe.chmod(0o777)
    assert "others can write to" in refusal(link)


@needs_root
@pytest.mark.parametrize("what", ["file", "directory"])
def test_what_belongs_to_somebody_else_is_refused(write: Write, what: str) -> None:
    """Its owner could change it at any time, whatever its mode."""
    path = write("")
    given = path if what == "file" else path.parent
    os.chown(given, NOBODY, NOBODY)
    try:
        assert refusal(path).startswith(f"{given} belongs to user {NOBODY}")
    finally:
        os.chown(given, 0, 0)


@needs_root
def test_the_daemon_reads_what_root_has_written(write: Write, monkeypatch) -> None:
    """As the package installs it: root's, and the daemon is somebody else."""
    path = write("")
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    assert load(path).rooms == {}


def test_it_is_refused_before_anything_in_it_is_believed(write: Write) -> None:
    """Not even a mistake in it is repeated."""
    path = write("nonsense = hunter2")
    path.chmod(0o666)
    assert "hunter2" not in refusal(path)


@pytest.mark.parametrize("given", ["camera", "."])
def test_a_secret_that_others_could_replace_is_refused(tmp_path: Path, given: str) -> None:
    """Neither its file nor its directory may be open to others; the secret is not shown."""
    (tmp_path / "camera").write_text("hunter2")
    with_credentials({"password": "credential:camera"}, tmp_path)
    (tmp_path / given).chmod(0o777)
    try:
        with pytest.raises(ConfigError) as caught:
            with_credentials({"password": "credential:camera"}, tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert "is not safe: others can write to" in str(caught.value)
    assert "hunter2" not in str(caught.value)
