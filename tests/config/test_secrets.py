"""Secrets in a configuration reach the driver and nobody else."""

from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from tallyd.config import (
    ConfigError,
    credentials_directory,
    load,
    secrets_among,
    with_credentials,
)

CANARY = "hunter2-canary"


@pytest.fixture
def credentials(tmp_path: Path) -> Path:
    """Make a directory as systemd does."""
    directory = tmp_path / "credentials"
    directory.mkdir()
    (directory / "camera").write_text(f"{CANARY}\n")
    (directory / "binary").write_bytes(b"\xff\xfe")
    return directory


class Options(BaseModel):
    """A driver's options with a secret."""

    model_config = ConfigDict(strict=True, extra="forbid")

    password: SecretStr
    port: int = 80


def test_a_reference_becomes_the_content_of_the_file(credentials: Path) -> None:
    """A driver whose option is a secret gets it, in nested tables and lists too."""
    options = {"password": "credential:camera", "more": {"list": ["credential:camera", "plain"]}}
    filled = with_credentials(options, credentials)
    assert Options.model_validate({"password": filled["password"]}).password == SecretStr(CANARY)
    assert filled["more"] == {"list": [SecretStr(CANARY), "plain"]}
    assert options["password"] == "credential:camera"  # noqa: S105 - a reference, no secret


def test_a_secret_is_shown_nowhere(credentials: Path, tmp_path: Path) -> None:
    """Neither settings, nor filled options, nor a validation error print it."""
    path = tmp_path / "tallyd.toml"
    path.write_text(
        '[rooms.a]\ndriver = "x"\n[rooms.a.options]\n'
        f'password = "credential:camera"\nurl = "{CANARY}"'
    )
    settings = load(path)
    filled = with_credentials(settings.rooms["a"].options, credentials)
    with pytest.raises(ValidationError) as caught:
        Options.model_validate({"password": filled["password"], "port": filled["password"]})
    shown = f"{settings!r} {settings.targets()!r} {filled['password']!r} {caught.value}"
    assert CANARY not in shown


@pytest.mark.parametrize(
    ("reference", "fix"),
    [
        ("credential:none", "no such credential"),
        ("credential:", "write credential:NAME"),
        ("credential:../camera", "write credential:NAME"),
        ("credential:..", "write credential:NAME"),
        ("credential:\x00", "no such credential"),
        ("credential:binary", "no UTF-8"),
    ],
)
def test_a_reference_to_nothing_is_a_clear_error(
    credentials: Path, reference: str, fix: str
) -> None:
    """Every broken reference is told by its path, and none leaves the directory."""
    with pytest.raises(ConfigError) as caught:
        with_credentials({"deep": {"password": reference}, "other": reference}, credentials)
    assert [problem.field for problem in caught.value.problems] == ["deep.password", "other"]
    assert all(fix in problem.fix for problem in caught.value.problems)


def test_without_credentials_the_error_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, credentials: Path
) -> None:
    """A reference outside systemd names the setting that is missing."""
    assert credentials_directory() is None
    with pytest.raises(ConfigError, match="LoadCredential=camera:FILE"):
        with_credentials({"password": "credential:camera"}, credentials_directory())
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert credentials_directory() == credentials


def test_the_secrets_among_options_are_known(credentials: Path) -> None:
    """Credentials, what sounds secret, and parts of URLs, however deep; the rest may be told."""
    (credentials / "hall").write_text(f"rtsp://bob:{CANARY}-url@h/{CANARY}-path\nline two")
    options = {
        "source": f"rtmp://h/live/{CANARY}-stream",
        "inputs": ["alsa:hw:1", f"srt://h:9?passphrase={CANARY}-srt"],
        "environment": {"PIN": f"{CANARY}-pin", "PLACE": "/srv/recordings"},
        "more": "credential:camera",
        "token": "credential:hall",
        "width": 1280,
    }
    found = secrets_among(with_credentials(options, credentials))
    for way in ("-stream", "-srt", "-pin", "", "-url", "-path"):
        assert f"{CANARY}{way}" in found
    assert "line two" in found
    assert not {"alsa:hw:1", "/srv/recordings", "1280"} & set(found)
    assert "credential:camera" not in secrets_among(options)


@pytest.mark.parametrize(
    ("text", "leaked"),
    [
        ('[rooms.a]\ndriver = "rtsp://me:hunter2@192.0.2.1/x"', "hunter2"),
        ('[rooms.a]\ndriver = "x"\npassword = "hunter2"', "hunter2"),
        ('[rooms.a]\ndriver = "x"\napi_key = 12345', "12345"),
    ],
)
def test_an_error_does_not_repeat_what_may_be_a_secret(
    tmp_path: Path, text: str, leaked: str
) -> None:
    """A password in the wrong place does not end up in the journal."""
    path = tmp_path / "tallyd.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert leaked not in str(caught.value)
    assert "***" in str(caught.value)


def test_an_error_repeats_no_more_than_a_little(tmp_path: Path) -> None:
    """A huge value does not flood the terminal."""
    path = tmp_path / "tallyd.toml"
    path.write_text(f'[logs]\nlevel = "{"x" * 10_000}"')
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert len(str(caught.value)) < 500
