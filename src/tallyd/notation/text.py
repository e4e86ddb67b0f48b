"""How single values look in reports: instants, durations, names from anywhere. Imports nothing."""

from datetime import UTC, datetime


def instant_text(instant: datetime) -> str:
    """Write an aware instant as UTC in ISO 8601 with milliseconds: `2026-12-01T08:00:00.000Z`."""
    if instant.tzinfo is None:
        raise ValueError(f"a naive datetime is no instant: {instant}")
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def visible(text: str) -> str:
    """Escape what a terminal would obey or hide: control characters, changes of direction."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
