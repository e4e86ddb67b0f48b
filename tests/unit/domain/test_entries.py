"""Entries apart from any server: what holds time of a channel, and what entries are made of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.domain.contents import Asset, Playlist, PlaylistItem
from tallyd.domain.entries import (
    ORIGIN,
    Entry,
    EntryWish,
    changed_entry,
    entries_of,
    is_entry,
    is_removed,
    name_of,
    new_entry,
    start_of,
    stretches,
    window_of,
)
from tallyd.domain.errors import InvalidBooking
from tallyd.domain.model import (
    Content,
    ContentKind,
    Frequency,
    InstantStart,
    Metadata,
    Override,
    Recurrence,
    Schedule,
    Target,
    WallStart,
)
from tallyd.domain.planner import Wishes
from tallyd.domain.window import Window

NOW = datetime(2027, 1, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
CHANNEL = Target("channels.one", "One", 1, "c" * 32, "UTC", min_piece=timedelta(0))
DAY = Window(NOW, NOW + 24 * HOUR)
FILM = Asset("a" * 32, "Film", "/film.mp4", 20 * MINUTE, (MINUTE, 2 * MINUTE), (), NOW)


def entry(number: int, hours: float, **fields: object) -> Schedule:
    """Give an entry that begins so many hours from now."""
    known = {
        "id": number,
        "uid": f"{number:032x}",
        "target": CHANNEL.key,
        "name": f"Entry {number}",
        "start": InstantStart(NOW + hours * HOUR),
        "duration": HOUR,
        "effective_from": NOW - HOUR,
        "created": NOW - HOUR,
        "content": Content(ContentKind.AD),
        "metadata": Metadata("An ad", ORIGIN),
    }
    return Schedule(**{**known, **fields})


def series(number: int, hour: int, **fields: object) -> Schedule:
    """Give a daily series of the house."""
    wall = WallStart(datetime(2027, 1, 1, hour), "UTC")  # noqa: DTZ001 - a time on a wall
    rule = Recurrence(Frequency.DAILY)
    return entry(number, 0, start=wall, recurrence=rule, metadata=Metadata(), **fields)


def test_what_is_an_entry():
    """A one-shot that was booked as an instant by a client of channel schedules, nothing else."""
    assert is_entry(entry(1, 1))
    assert not is_entry(series(1, 10))
    assert not is_entry(entry(1, 1, metadata=Metadata()))
    assert not is_entry(entry(1, 1, manual=True))
    wall = WallStart(datetime(2027, 1, 5, 12), "UTC")  # noqa: DTZ001 - as above
    assert not is_entry(entry(1, 1, start=wall))
    with pytest.raises(TypeError):
        start_of(entry(1, 1, start=wall))


def test_what_is_removed():
    """What ended before it began; what ended while it was on air was there."""
    assert not is_removed(entry(1, 1))
    assert is_removed(entry(1, 1, ended=NOW))
    assert is_removed(entry(1, 1, ended=NOW + HOUR))
    assert not is_removed(entry(1, 1, ended=NOW + 1.5 * HOUR))
    assert not is_removed(series(1, 10, ended=NOW))


def test_window_of_an_entry():
    """As booked, also of one that was removed; or as an operator has moved its end."""
    whole = Window(NOW + HOUR, NOW + 2 * HOUR)
    assert window_of(entry(1, 1)) == window_of(entry(1, 1, ended=NOW)) == whole
    slot = f"@{int((NOW + HOUR).timestamp() * 1000)}"
    moved = window_of(entry(1, 1), [Override(1, slot, stop=NOW + 1.5 * HOUR)])
    assert moved == Window(NOW + HOUR, NOW + 1.5 * HOUR)
    unborn = entry(1, 1, effective_from=NOW + 5 * HOUR)
    assert window_of(unborn) == whole


def test_stretches():
    """Entries take their windows; all else what entries and rank leave of it."""
    wishes = Wishes(
        CHANNEL,
        (
            entry(1, 0.5),
            entry(2, 5),
            entry(3, 6, ended=NOW),
            series(4, 10, priority=1),
            series(5, 14, created=NOW),
            series(6, 10),
        ),
    )
    shown = [
        (each.schedule.id, (each.window.start - NOW) / HOUR, (each.window.stop - NOW) / HOUR)
        for each in stretches(wishes, DAY)
    ]
    assert shown == [(1, 0.5, 1.5), (4, 1, 2), (2, 5, 6)]


def test_stretches_without_what_is_left_out():
    """What an operator leaves out takes no time."""
    slot = f"@{int((NOW + HOUR).timestamp() * 1000)}"
    wishes = Wishes(CHANNEL, (entry(1, 1),), {1: (Override(1, slot, excluded=True),)})
    assert stretches(wishes, DAY) == ()


def test_claims_beyond_a_period_are_not_in_it():
    """What a series loses inside a period it does not hold there."""
    wishes = Wishes(CHANNEL, (entry(1, 1, priority=5), series(2, 10, duration=2 * HOUR)))
    (only,) = stretches(wishes, Window(NOW + HOUR, NOW + 2 * HOUR))
    assert only.schedule.id == 1


def test_ids():
    """A one-shot has the id of its schedule, each occurrence of a series one of its own."""
    found = stretches(Wishes(CHANNEL, (entry(1, 1), series(2, 12))), Window(NOW, NOW + 48 * HOUR))
    ids = [each.id for each in found]
    assert ids[0] == entry(1, 1).uid
    assert len({*ids}) == len(ids) == 3
    assert all(len(each) == 32 for each in ids)


def test_new_entry():
    """An asset is as long as it is, and has its name where none is given."""
    wish = EntryWish(kind=ContentKind.ASSET, content_id=FILM.id, start=NOW + HOUR)
    made = new_entry(wish, {FILM.id: FILM}, NOW)
    assert (made.wanted.length, made.desc, made.name) == (20 * MINUTE, "Film", "Film")
    with pytest.raises(InvalidBooking, match="content_type"):
        new_entry(EntryWish(start=NOW), {}, NOW)


@pytest.mark.parametrize(
    ("desc", "name"),
    [
        ("Evening film", "Evening film"),
        ("", "slicer studio"),
        ("a\n\tb", "a b"),
        ("\u202e\u200b", "slicer studio"),
        ("x" * 500, "x" * 200),
    ],
)
def test_names(desc, name):
    """What reports call an entry can always be seen."""
    assert name_of(desc, Content(ContentKind.SLICER, "studio")) == name


def test_name_of_what_has_no_content():
    """An ad break without a description is an ad."""
    assert name_of("", Content(ContentKind.AD)) == "ad"


@pytest.mark.parametrize(
    ("kind", "offset"),
    [
        (ContentKind.ASSET, 3 * MINUTE),
        (ContentKind.AD, 2 * MINUTE),
        (ContentKind.SLICER, timedelta(0)),
        (ContentKind.REPLAY, timedelta(0)),
    ],
)
def test_what_is_skipped(kind, offset):
    """Of an asset all, of an ad only what is late, of what is live nothing."""
    made = Entry(DAY, Content(kind), "x", "x")
    assert made.skipping(MINUTE, 2 * MINUTE).offset == offset


def test_changed_entry_without_content():
    """An entry that says nothing of what it plays is a live input."""
    bare = entry(1, 1, content=None)
    made = changed_entry(EntryWish(desc="y"), bare, {}, NOW)
    assert (made.content.kind, made.desc) == (ContentKind.SLICER, "y")
    longer = changed_entry(EntryWish(kind=ContentKind.AD, duration=2 * HOUR), bare, {}, NOW)
    assert (longer.content.kind, longer.wanted.length) == (ContentKind.AD, 2 * HOUR)


def test_entries_of_a_playlist():
    """One behind the other, breaks filled as the playlist says."""
    items = (PlaylistItem(asset=FILM.id), PlaylistItem(ad=MINUTE), PlaylistItem(asset=FILM.id))
    known = Playlist("p" * 32, None, items, NOW, NOW, break_s=30)
    made = entries_of(known, {FILM.id: FILM}, NOW)
    assert [each.wanted.length for each in made] == [21 * MINUTE, MINUTE, 21 * MINUTE]
    assert [each.content.ad_breaks_s for each in made] == [(30, 30), (), (30, 30)]
    assert made[1].wanted.start == made[0].wanted.stop
    with pytest.raises(InvalidBooking):
        entries_of(Playlist("p", None, (PlaylistItem(),), NOW, NOW), {}, NOW)


REPLAY = EntryWish(
    kind=ContentKind.REPLAY,
    content_id="c",
    desc="Again",
    start=NOW + HOUR,
    duration=MINUTE,
    replay_start=NOW - HOUR,
    replay_stop=NOW,
)


@pytest.mark.parametrize(
    ("wish", "content"),
    [
        (EntryWish(kind=ContentKind.AD), Content(ContentKind.AD)),
        (
            EntryWish(kind=ContentKind.SLICER, content_id="studio", content_owner="o"),
            Content(ContentKind.SLICER, "studio", "o"),
        ),
        (REPLAY, Content(ContentKind.REPLAY, "c", replay=Window(NOW - HOUR, NOW))),
    ],
)
def test_what_has_its_length_from_the_client(wish, content):
    """Ads, live inputs and replays are as long as is said, and hold what was said."""
    made = new_entry(replace(wish, start=NOW + HOUR, duration=MINUTE), {}, NOW)
    assert (made.content, made.wanted.length) == (content, MINUTE)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        (replace(REPLAY, replay_stop=NOW - HOUR), "replay_source_end"),
        (replace(REPLAY, replay_start=None), "replay_source_start"),
        (replace(REPLAY, ad_breaks_s=(30,)), "ad_breaks"),
        (replace(REPLAY, start=NOW.replace(year=2200)), "start"),
        (replace(REPLAY, start=None), "start"),
        (replace(REPLAY, duration=None), "dur"),
    ],
)
def test_what_makes_no_entry(wish, field):
    """What is missing or makes no sense is named."""
    with pytest.raises(InvalidBooking, match=field):
        new_entry(wish, {}, NOW)


def test_changes_of_what_is_played():
    """Another kind keeps nothing of the old one but its length; the same kind keeps the rest."""
    replay = new_entry(REPLAY, {}, NOW)
    known = entry(1, 1, content=replay.content, duration=MINUTE)
    later = changed_entry(EntryWish(replay_stop=NOW - MINUTE), known, {}, NOW)
    assert later.content.replay == Window(NOW - HOUR, NOW - MINUTE)
    live = EntryWish(kind=ContentKind.SLICER, content_id="studio")
    assert changed_entry(live, known, {}, NOW).content == Content(ContentKind.SLICER, "studio")
    film = EntryWish(kind=ContentKind.ASSET, content_id=FILM.id, start=NOW + 2 * HOUR)
    made = changed_entry(film, known, {FILM.id: FILM}, NOW)
    assert made.wanted == Window(NOW + 2 * HOUR, NOW + 2 * HOUR + 20 * MINUTE)
