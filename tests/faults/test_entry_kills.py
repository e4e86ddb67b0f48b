"""kill -9 at every write of what changes many entries of a channel: whole, or not at all."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from shutil import which

import anyio
import pytest

from database_rig import NOON, Installation, install
from kill_acts import HOUR, PLAYLIST, installation
from kill_rig import Killer, every_kill, killer
from tallyd.domain.contents import Playlist, PlaylistItem
from tallyd.domain.entries import ORIGIN, is_removed
from tallyd.domain.model import (
    Content,
    ContentKind,
    InstantStart,
    Metadata,
    Schedule,
    Target,
)
from tallyd.store import open_store, require_sound_throughout

pytestmark = pytest.mark.skipif(which("strace") is None, reason="needs strace")

STANDING = frozenset(range(5))
KEPT = frozenset({0, 4})
"""What is left of five entries of an hour, from noon on, without those from one to four."""


@pytest.fixture(scope="module", name="deadly")
def _deadly() -> Iterator[Killer]:
    """Give what kills."""
    with killer() as made:
        yield made


@pytest.fixture
def house(tmp_path: Path) -> Installation:
    """Give an installation with five entries on a channel, and a playlist of three ads."""
    made = install(tmp_path / "state")
    anyio.run(_furnish, made.state.database)
    return made


async def _furnish(database: Path) -> None:
    ad = Content(ContentKind.AD)
    metadata = Metadata(origin=ORIGIN, owner="1", author="1")
    first = Schedule(
        0, "", "channels.one", "Ad", InstantStart(NOON), HOUR.length, NOON - HOUR.length, NOON
    )
    async with open_store(database) as store, store.write() as tx:
        await tx.add_target(Target("channels.one", "One", 0, "c" * 32, "UTC"))
        for number in STANDING:
            start = InstantStart(NOON + number * HOUR.length)
            known = replace(first, uid=f"{number:032x}", start=start)
            await tx.add_schedule(replace(known, content=ad, metadata=metadata))
        items = (PlaylistItem(ad=timedelta(minutes=50)),) * 3
        await tx.put_playlist(Playlist(PLAYLIST, "1", items, NOON, NOON))


async def _entries(database: Path) -> tuple[frozenset[int], int]:
    """Give which of the five stand, and how many were added."""
    async with open_store(database) as store, store.read() as reader:
        found = [each for each in await reader.schedules("channels.one") if not is_removed(each)]
    old = frozenset(int(each.uid, 16) for each in found if int(each.uid, 16) in STANDING)
    return old, len(found) - len(old)


def _outcomes(
    deadly: Killer, act: str, house: Installation, scratch: Path
) -> Iterator[tuple[str, tuple[frozenset[int], int], bool]]:
    for point, directory, ending in every_kill(deadly, act, house.state.path, scratch):
        found = installation(directory)
        found.boot()
        require_sound_throughout(found.state.database)
        yield point, anyio.run(_entries, found.state.database), bool(ending.acknowledged)


@pytest.mark.parametrize(
    ("act", "after"), [("range_delete", (KEPT, 0)), ("playlist_add", (KEPT, 3))]
)
def test_whole_or_not_at_all(
    deadly: Killer, house: Installation, tmp_path: Path, act: str, after: object
) -> None:
    """Wherever it is killed, all of it has happened or nothing; what was told has happened."""
    seen = set()
    for point, state, acknowledged in _outcomes(deadly, act, house, tmp_path):
        assert state in ((STANDING, 0), after), point
        assert not acknowledged or state == after, point
        seen.add(state)
    assert seen == {(STANDING, 0), after}


def test_control_one_by_one_is_seen_half_done(
    deadly: Killer, house: Installation, tmp_path: Path
) -> None:
    """Control: the same deletions, each by itself, are found half done."""
    outcomes = _outcomes(deadly, "range_delete_one_by_one", house, tmp_path)
    assert any(state not in ((STANDING, 0), (KEPT, 0)) for _, state, _ in outcomes)
