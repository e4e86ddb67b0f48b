"""What of an answer is not told to whoever may not know of it."""

from collections.abc import Collection
from typing import cast

from tallyd.notation.shapes import Shape


def without_strangers(shape: Shape, visible: Collection[int] | None) -> Shape:
    """Name no schedule in `by` that may not be known; when somebody holds the time stays told."""
    blockers = cast("list[Shape]", shape["by"])
    if visible is None or not blockers:
        return shape
    hidden = [
        each if each["schedule_id"] in visible else {**each, "schedule_id": None}
        for each in blockers
    ]
    return {**shape, "by": hidden}
