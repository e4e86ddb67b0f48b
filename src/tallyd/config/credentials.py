"""Secrets in a driver's options: filled in from what systemd hands to the service, and found."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from pydantic import SecretStr

from tallyd.config.ownership import NotTrustedError, read_trusted
from tallyd.config.problems import ConfigError, ConfigProblem
from tallyd.domain.secrecy import in_order, is_secret, secrets_of

VARIABLE = "CREDENTIALS_DIRECTORY"
PREFIX = "credential:"


def credentials_directory() -> Path | None:
    """Give the directory in which systemd puts this service's credentials, if there is one."""
    value = os.environ.get(VARIABLE)
    return Path(value) if value else None


def with_credentials(options: Mapping[str, object], directory: Path | None) -> dict[str, object]:
    """Give a driver's options with every text `credential:NAME` replaced by that file's content.

    The content comes as a `SecretStr`, without the line break at its end. `directory` is what
    `credentials_directory` gives; None where there is none.

    Raises:
        ConfigError: with every credential that cannot be read.
    """
    problems: list[ConfigProblem] = []
    filled = _filled(dict(options), directory, (), problems)
    if problems:
        raise ConfigError("options", *problems)
    return cast("dict[str, object]", filled)


def secrets_among(options: Mapping[str, object]) -> tuple[str, ...]:
    """Give all that nobody may read of a driver's options, in the order in which to hide it.

    That is each credential, what has a name that sounds secret, and what URLs hold.
    """
    return in_order(_secrets(options, ""))


def _secrets(value: object, key: str) -> Iterator[str]:
    match value:
        case SecretStr():
            text = value.get_secret_value()
            for line in (text, *text.splitlines()):
                yield from (line, *secrets_of(line))
        case Mapping():
            for name, each in cast("Mapping[str, object]", value).items():
                yield from _secrets(each, name)
        case list() | tuple():
            for each in cast("list[object]", value):
                yield from _secrets(each, key)
        case str() if "://" in value:
            yield from secrets_of(value)
        case str() if is_secret(key) and not value.startswith(PREFIX):
            yield value
        case _:
            pass


def _filled(
    value: object, directory: Path | None, path: tuple[str, ...], problems: list[ConfigProblem]
) -> object:
    match value:
        case dict():
            table = cast("dict[str, object]", value).items()
            return {key: _filled(each, directory, (*path, key), problems) for key, each in table}
        case list():
            items = cast("list[object]", value)
            return [_filled(each, directory, path, problems) for each in items]
        case str() if value.startswith(PREFIX):
            try:
                return SecretStr(_content(value.removeprefix(PREFIX), directory))
            except ValueError as error:
                problems.append(ConfigProblem(".".join(path), value, str(error)))
                return value
        case _:
            return value


def _content(name: str, directory: Path | None) -> str:
    if not name or "/" in name or name in {".", ".."}:
        raise ValueError("write credential:NAME, the name that LoadCredential= gives it")
    if directory is None:
        raise ValueError(f"${VARIABLE} is not set: use LoadCredential={name}:FILE in the unit")
    try:
        return read_trusted(directory / name).decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise ValueError("the credential is no UTF-8 text") from None
    except NotTrustedError as error:
        raise ValueError(f"the credential is not safe: {error}") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"no such credential in {directory}: {error}") from None
