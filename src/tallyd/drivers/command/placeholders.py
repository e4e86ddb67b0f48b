"""Argument lists with `{placeholders}`: checked when read, filled for a session; nothing is run."""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from tallyd.domain.model import ContentKind
from tallyd.domain.window import EPOCH
from tallyd.ports.drivers import StartOrder

ORPHAN_LIMIT = timedelta(hours=2)
"""So long after its planned end a session should end by itself, if nobody is left to end it."""

OF_TARGET = frozenset({"target"})
OF_SESSION = OF_TARGET | {"token", "input", "name", "start", "stop", "duration_s", "limit_s"}
OF_RECORDING = OF_SESSION | {"file"}
OF_PLAYING = OF_SESSION | {"content", "content_kind", "offset_ms"}

_STEP = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_BRACES = {"{{": "{", "}}": "}"}
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)


def check_text(text: str, known: Collection[str]) -> None:
    """Raise ValueError, with the fix, unless all in braces is a `known` placeholder."""
    if "\0" in text:
        raise ValueError("no argument can hold a NUL character")
    for step in _STEP.finditer(text):
        if step[0] in _BRACES or step[1] in known:
            continue
        if step[1] is None:
            raise ValueError(f"write {step[0] * 2} for a {step[0]} that begins no placeholder")
        among = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise ValueError(f"there is no {step[0]} here; there are {among}, and {{{{ is a brace")


def placeholders_in(texts: Sequence[str]) -> frozenset[str]:
    """Give the names of the placeholders that checked `texts` hold."""
    return frozenset(step[1] for text in texts for step in _STEP.finditer(text) if step[1])


def fill(texts: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """Give checked `texts` with their placeholders replaced; each text stays one argument.

    What a value holds is not looked at again. Where a text begins with a value that begins with
    `-`, a blank is put in front: otherwise a name could be an option of the program.
    """
    return [_filled(text, values) for text in texts]


def values_for(order: StartOrder, file: Path | None, now: datetime) -> dict[str, str]:
    """Give what the placeholders stand for in a session that is commanded at `now`."""
    left_s = max(0, -((now - order.piece.stop) // _SECOND))
    content = order.content
    return {
        "target": order.target,
        "token": order.token,
        "input": str(order.input),
        "name": _clean(order.name),
        "start": _timestamp(order.piece.start),
        "stop": _timestamp(order.piece.stop),
        "duration_s": str(left_s),
        "limit_s": str(left_s + ORPHAN_LIMIT // _SECOND),
        "file": str(file or ""),
        "content": _clean(content.id or "") if content else "",
        "content_kind": content.kind if content else ContentKind.LIVE,
        "offset_ms": str(order.media_offset // _MILLISECOND),
    }


def _filled(text: str, values: Mapping[str, str]) -> str:
    def value(step: re.Match[str]) -> str:
        return _BRACES[step[0]] if step[0] in _BRACES else values[step[1]]

    filled = _STEP.sub(value, text)
    return f" {filled}" if filled.startswith("-") and not text.startswith("-") else filled


def _timestamp(instant: datetime) -> str:
    whole = EPOCH + (instant - EPOCH) // _MILLISECOND * _MILLISECOND
    return whole.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _clean(text: str) -> str:
    """Leave out what no argument can hold."""
    return text.replace("\0", "").encode(errors="replace").decode()
