"""What clients ask for: bodies of schedules and recordings as values, and as drafts. Pure.

Who asks, and whether the room is free, is not said here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar, cast

from tallyd.api.valt.rules import Timing, parse_rule, rule_view, timing_from
from tallyd.api.valt.values import (
    InvalidField,
    Object,
    fields,
    instant,
    length,
    numbers,
    section,
    text,
    whole_number,
)
from tallyd.domain.drafts import Draft
from tallyd.domain.model import InstantStart, Metadata, Recurrence
from tallyd.domain.recurrence import wall_time

ORIGIN = "valt"

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Labels:
    """What a schedule or a recording carries for people; None is what was not sent."""

    name: str | None
    template: Mapping[str, str] | None
    shared_users: tuple[int, ...] | None
    shared_groups: tuple[int, ...] | None
    author: int | None

    def laid_over(self, known: Metadata) -> Metadata:
        """Give metadata with what was sent in place of what is known; the author apart."""
        return replace(
            known,
            template=known.template if self.template is None else self.template,
            shared_users=known.shared_users if self.shared_users is None else self.shared_users,
            shared_groups=(
                known.shared_groups if self.shared_groups is None else self.shared_groups
            ),
        )


@dataclass(frozen=True, slots=True)
class Wish:
    """The body of a create or an edit; None is what was not sent. `rule` is read later."""

    labels: Labels
    room: int | None
    start: datetime | None
    duration: timedelta | None
    rule: Object | None


@dataclass(frozen=True, slots=True)
class Booked:
    """What an edit starts from: the draft as booked, and the start that clients are shown."""

    draft: Draft
    shown_start: datetime


def parse_wish(body: Object) -> Wish:
    """Read the body of a create or an edit; what is not known there is ignored.

    Raises:
        InvalidField: something that was sent makes no sense.
    """
    given = {key: value for key, value in body.items() if value is not None}
    return Wish(
        labels=parse_labels(given),
        room=_room(given),
        start=instant("start_at", given["start_at"]) if "start_at" in given else None,
        duration=length("duration", given["duration"]) if "duration" in given else None,
        rule=section("recurrence", given["recurrence"]) if "recurrence" in given else None,
    )


def parse_labels(body: Object) -> Labels:
    """Read what a recording by hand and a schedule have in common.

    Raises:
        InvalidField: something that was sent makes no sense.
    """
    given = {key: value for key, value in body.items() if value is not None}
    users, groups = _share(given.get("share"))
    return Labels(
        name=text("name", given["name"]) if "name" in given else None,
        template=fields("template", given["template"]) if "template" in given else None,
        shared_users=users,
        shared_groups=groups,
        author=_reference("author", given["author"]) if "author" in given else None,
    )


def _share(value: object) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Read whom to share with; the vendor spells the second key in three ways."""
    if value is None:
        return None, None
    share = section("share", value)
    users = numbers("share.users", share["users"]) if share.get("users") is not None else None
    for key in ("user_groups", "users_groups", "groups"):
        if share.get(key) is not None:
            return users, numbers(f"share.{key}", share[key])
    return users, None


def _room(given: Object) -> int | None:
    """Read `room`, or the only one of `rooms`, or both if they agree."""
    asked = [_reference("room", given["room"])] if "room" in given else []
    if "rooms" in given:
        value = given["rooms"]
        if isinstance(value, list):
            listed = cast("list[object]", value)
            asked += [_reference("rooms", entry) for entry in listed]
        else:
            asked += numbers("rooms", value)
        if not asked:
            raise InvalidField("rooms", "name a room")
    if len(set(asked)) > 1:
        raise InvalidField("rooms", "a schedule records one room; book one schedule for each")
    return asked[0] if asked else None


def _reference(field: str, value: object) -> int:
    """Read an id, also inside an object such as answers have it."""
    if isinstance(value, dict):
        return whole_number(field, cast("dict[str, object]", value).get("id"))
    return whole_number(field, value)


def new_draft(wish: Wish, target: str, zone: str, now: datetime) -> Draft:
    """Give the draft of a create; `zone` is the server's, in which series keep their time of day.

    Raises:
        InvalidField: something is missing or makes no sense.
    """
    name = required("name", wish.labels.name)
    start = _ahead(required("start_at", wish.start), now)
    duration = required("duration", wish.duration)
    rule = parse_rule(wish.rule, None, zone) if wish.rule is not None else None
    _check_end(rule, start, zone)
    timing = timing_from(start, rule, zone)
    return Draft(
        target=target,
        name=name,
        start=timing.start,
        duration=duration,
        recurrence=timing.recurrence,
        dst_overlap=timing.dst_overlap,
        metadata=wish.labels.laid_over(Metadata(origin=ORIGIN)),
    )


def edited_draft(wish: Wish, booked: Booked, target: str | None, zone: str, now: datetime) -> Draft:
    """Give what an edit makes of a schedule; `target` is None where it stays.

    A start or a rule that is sent as it stands changes nothing, so that exclusions stay.

    Raises:
        InvalidField: something makes no sense.
    """
    known = booked.draft
    timing = _edited_timing(wish, booked, zone, now)
    return replace(
        known,
        target=known.target if target is None else target,
        name=known.name if wish.labels.name is None else wish.labels.name,
        start=timing.start,
        duration=known.duration if wish.duration is None else wish.duration,
        recurrence=timing.recurrence,
        dst_overlap=timing.dst_overlap,
        metadata=wish.labels.laid_over(known.metadata),
    )


def _edited_timing(wish: Wish, booked: Booked, zone: str, now: datetime) -> Timing:
    known = booked.draft
    own_zone = zone if isinstance(known.start, InstantStart) else known.start.zone
    start = None if wish.start is None else _ahead(wish.start, now)
    rule = known.recurrence
    if wish.rule is not None:
        rule = parse_rule(wish.rule, known.recurrence, own_zone)
    same_start = start is None or start == booked.shown_start
    same_rule = rule_view(rule, known.start) == rule_view(known.recurrence, known.start)
    if same_start and same_rule:
        return Timing(known.start, known.recurrence, known.dst_overlap)
    if start is None and rule is not None and not isinstance(known.start, InstantStart):
        _check_end(rule, booked.shown_start, own_zone)
        return Timing(known.start, rule, known.dst_overlap)
    anchor = booked.shown_start if start is None else start
    _check_end(rule, anchor, own_zone)
    return timing_from(anchor, rule, own_zone)


def _ahead(start: datetime, now: datetime) -> datetime:
    if start <= now:
        raise InvalidField("start_at", "it must be in the future")
    return start


def _check_end(rule: Recurrence | None, start: datetime, zone: str) -> None:
    if rule is not None and rule.until is not None and rule.until < wall_time(start, zone).date():
        raise InvalidField("recurrence.end_by", "it lies before start_at")


def required(field: str, value: Value | None) -> Value:
    """Give what must be there.

    Raises:
        InvalidField: it is not.
    """
    if value is None:
        raise InvalidField(field, "it is required")
    return value
