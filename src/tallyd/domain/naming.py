"""Names of recorded files: from a template and hostile values to harmless relative paths."""

import string
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from tallyd.domain.errors import DomainError, Problem

DEFAULT_TEMPLATE = "{room}/{start:%Y-%m-%d}/{start:%Y-%m-%d_%H-%M}_{schedule}"
MAX_COMPONENT_BYTES = 200

FIELDS = {
    "room": "the target's name without its kind: aula",
    "target": "the whole key: rooms.aula",
    "schedule": "the schedule's name",
    "start": "the planned start in the target's zone; {start:%H-%M} formats it",
    "start_utc": "the planned start in UTC, formatted likewise",
    "input": "the number of the input, counted from 0",
    "part": "empty for the first part of a run, -part2 and so on for further ones",
    "run": "the run's id",
}
"""What a template may name, and what stands there then."""

_DATES = frozenset({"start", "start_utc"})
_DIRECTIVES = "YmdHMSjVGuyz"
_DEFAULT_DATE = "%Y-%m-%d_%H-%M"
_EMPTY = "unnamed"
_KEPT = frozenset("._-")
_KEPT_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd"})


class InvalidTemplate(DomainError):  # noqa: N818 - the word that its users use
    """A template names what there is not, or says it wrongly."""

    def __init__(self, template: str, fix: str) -> None:
        self.problem = Problem("template", template, fix)
        super().__init__(str(self.problem))


@dataclass(frozen=True, slots=True)
class NameFields:
    """What a name is made of; `local` and `utc` are the planned start as shown in two zones."""

    target: str
    schedule: str
    local: datetime
    utc: datetime
    input: int
    part: int
    run: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of literal text, and the field that follows it, if one does."""

    literal: str
    field: str | None
    date_format: str


@dataclass(frozen=True, slots=True)
class NameTemplate:
    """A checked template; `parse_template` makes it."""

    pieces: tuple[_Piece, ...]

    def render(self, fields: NameFields) -> str:
        """Give a relative path without ending: harmless components, joined by `/`.

        Where the template has no `{part}`, the further parts of a run get their number at the end.
        """
        text = "".join(
            piece.literal + (_value(piece, fields) if piece.field is not None else "")
            for piece in self.pieces
        )
        *above, last = [component for component in text.split("/") if component] or [""]
        suffix = "" if any(p.field == "part" for p in self.pieces) else _part(fields.part)
        name = harmless(last, MAX_COMPONENT_BYTES - len(suffix)) + suffix
        return "/".join([*map(harmless, above), name])


def parse_template(template: str) -> NameTemplate:
    """Check a template such as `{room}/{start:%Y-%m-%d}_{schedule}`.

    Raises:
        InvalidTemplate: a field is unknown, or its braces or its format are wrong.
    """
    try:
        parsed = list(string.Formatter().parse(template))
    except ValueError as error:
        raise InvalidTemplate(template, f"has wrong braces ({error})") from error
    if not any(field for _, field, _, _ in parsed):
        raise InvalidTemplate(template, f"names no field; known: {', '.join(FIELDS)}")
    return NameTemplate(
        tuple(
            _Piece(literal, field, _checked_format(template, field, spec or "", conversion))
            for literal, field, spec, conversion in parsed
        )
    )


def harmless(text: str, limit_bytes: int = MAX_COMPONENT_BYTES) -> str:
    """Make `text` one component of a path that no file system, shell or program takes amiss.

    Letters and digits of any script and `._-` stay, what else there is becomes `_`. The result is
    in NFC, never empty, at most `limit_bytes` of UTF-8, and begins neither with a dot nor a dash.
    """
    kept = "".join(
        char if char in _KEPT or unicodedata.category(char) in _KEPT_CATEGORIES else "_"
        for char in unicodedata.normalize("NFC", text)
    )
    words = "_".join(filter(None, kept.split("_")))
    return _cut(unicodedata.normalize("NFC", words), limit_bytes).strip("._-") or _EMPTY


def _cut(text: str, limit_bytes: int) -> str:
    return text.encode()[:limit_bytes].decode(errors="ignore")


def _checked_format(template: str, field: str | None, spec: str, conversion: str | None) -> str:
    if field is None:
        return ""
    if field not in FIELDS:
        raise InvalidTemplate(template, f"knows no {{{field}}}; known: {', '.join(FIELDS)}")
    if conversion or (spec and field not in _DATES):
        raise InvalidTemplate(template, f"cannot format {{{field}}}; only dates can be formatted")
    directives = spec.replace("%%", "").split("%")[1:]
    if any(directive[:1] not in _DIRECTIVES or not directive for directive in directives):
        known = " ".join(f"%{directive}" for directive in _DIRECTIVES)
        raise InvalidTemplate(template, f"formats {{{field}}} unknowably; known: {known}")
    return spec or _DEFAULT_DATE


def _value(piece: _Piece, fields: NameFields) -> str:
    """Give a field's value; whatever it holds, there is no slash in it."""
    values = {
        "room": fields.target.partition(".")[2],
        "target": fields.target,
        "schedule": fields.schedule,
        "start": fields.local.strftime(piece.date_format),
        "start_utc": fields.utc.strftime(piece.date_format),
        "input": str(fields.input),
        "run": str(fields.run),
    }
    return _part(fields.part) if piece.field == "part" else harmless(values[str(piece.field)])


def _part(number: int) -> str:
    return f"-part{number}" if number > 1 else ""
