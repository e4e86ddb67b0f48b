"""Values as JSON knows them: instants in UTC, no type of ours."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import PurePath
from typing import cast

from tallyd.notation.text import instant_text


def plain(value: object) -> object:
    """Give a value in the types of JSON; what has no one way to be written stays as it is."""
    match value:
        case datetime():
            return instant_text(value)
        case date():
            return value.isoformat()
        case PurePath():
            return str(value)
        case Mapping():
            items = cast("Mapping[str, object]", value).items()
            return {key: plain(each) for key, each in items}
        case list() | tuple():
            return [plain(each) for each in cast("Sequence[object]", value)]
        case _:
            return value
