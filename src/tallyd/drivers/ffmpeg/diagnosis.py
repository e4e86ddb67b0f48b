"""What the last words of an ffmpeg mean: one table from its messages to what a driver may raise."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tallyd.domain.model import Reason
from tallyd.domain.secrecy import mask_urls
from tallyd.ports.drivers import DeviceBlockedError, DriverError, GiveUpError, TryAgainError

_MOST_CHARACTERS = 300
_CONTEXT = re.compile(r"^(\[[^\]]*\]\s*)+")
_REPEATED = re.compile(r"^\s*Last message repeated")


@dataclass(frozen=True, slots=True)
class _Finding:
    pattern: re.Pattern[str]
    error: type[DriverError]
    reason: Reason
    meaning: str


def _finding(pattern: str, error: type[DriverError], reason: Reason, meaning: str) -> _Finding:
    return _Finding(re.compile(pattern, re.IGNORECASE), error, reason, meaning)


_FINDINGS = (
    _finding(
        "No space left|Disk quota|File too large",
        TryAgainError,
        Reason.DISK_FULL,
        "disk is full",
    ),
    _finding("Read-only file system", TryAgainError, Reason.DISK, "disk is read-only"),
    _finding(
        "Device or resource busy", DeviceBlockedError, Reason.DEVICE_REFUSED, "is in use elsewhere"
    ),
    _finding("Connection refused", TryAgainError, Reason.DEVICE_REFUSED, "refused the connection"),
    _finding(
        "40[13] (Unauthorized|Forbidden)|authorization failed|returned 40[13]|BADSECRET",
        GiveUpError,
        Reason.DEVICE_REFUSED,
        "refused our name and password",
    ),
    # What is not there yet may be published in a moment, so none of these is final.
    _finding(
        r"404 Not Found|returned 404|Stream not found|StreamNotFound",
        TryAgainError,
        Reason.DEVICE_REFUSED,
        "has no such stream",
    ),
    _finding(
        r"returned [45]\d\d|Server returned|Connection reset|Connection rejected",
        TryAgainError,
        Reason.DEVICE_REFUSED,
        "refused",
    ),
    _finding(
        "timed out|No route to host|unreachable|resolve hostname|not known|name resolution",
        TryAgainError,
        Reason.DEVICE_TIMEOUT,
        "cannot be reached",
    ),
    _finding("Permission denied", GiveUpError, Reason.DEVICE_REFUSED, "may not be opened by us"),
    _finding(
        "No such (file|device)|cannot find card",
        TryAgainError,
        Reason.DEVICE_REFUSED,
        "is gone",
    ),
    _finding(
        "Unknown encoder|Unrecognized option|Option .*not found|Protocol not found|whitelist"
        "|Unknown input format|Could not find tag|not currently supported in container"
        "|Only .* are supported",
        GiveUpError,
        Reason.DRIVER_UNAVAILABLE,
        "cannot be recorded by this ffmpeg with these options",
    ),
    _finding(
        "Invalid data found|does not contain any stream|Could not find codec parameters",
        TryAgainError,
        Reason.DEVICE_SILENT,
        "sends nothing that can be recorded",
    ),
    _finding("Input/output error|Broken pipe", TryAgainError, Reason.DEVICE_ENDED, "broke off"),
)


def last_words(lines: Iterable[str]) -> str:
    """Give the last message in ffmpeg's error output, without its technical context; "" if none."""
    said = [_CONTEXT.sub("", line).strip() for line in lines if not _REPEATED.match(line)]
    words = next((line for line in reversed(said) if line), "")
    return "".join(c if c.isprintable() else " " for c in words)[:_MOST_CHARACTERS]


def diagnose(
    shown: str,
    lines: Sequence[str],
    returncode: int | None,
    clean: Callable[[str], str] = mask_urls,
) -> DriverError:
    """Say why an ffmpeg that records `shown` ended by itself; `clean` hides what `lines` hold."""
    # What is hidden may stand in the very words that tell the reason.
    words = last_words(map(clean, lines))
    for finding in _FINDINGS:
        if any(finding.pattern.search(line) for line in lines):
            return finding.error(finding.reason, f"{shown} {finding.meaning}: {words}")
    said = f": {words}" if words else ""
    sentence = f"the recording of {shown} ended by itself ({_status(returncode)}){said}"
    return TryAgainError(Reason.DEVICE_ENDED, sentence)


def _status(returncode: int | None) -> str:
    if returncode is None:
        return "unseen"
    return f"signal {-returncode}" if returncode < 0 else f"exit status {returncode}"
