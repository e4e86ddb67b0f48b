"""Changes of the library are told to the engine, like changes of wishes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tallyd.clock import SystemClock
from tallyd.library import Library, Probed
from tallyd.store import SqliteStore

FILM = Probed("/films/film.mp4", timedelta(minutes=90), ("video h264 64x48",))


def library_on(store: SqliteStore) -> tuple[Library, list[str]]:
    """Give the library of a database, and what is noted for each nudge."""
    nudges: list[str] = []
    return Library(store, SystemClock(), lambda: nudges.append("nudge")), nudges


async def test_what_is_added_and_removed_is_told(store):
    """The engine is nudged, and reads all assets that may be played."""
    library, nudges = library_on(store)
    async with store.read() as reader:
        known = await reader.revision()
    film = await library.add(FILM, "Film", (timedelta(minutes=30),))
    ad = await library.add_ad(replace(FILM, path="/ads/ad.mp4"), "Ad", ())
    async with store.read() as reader:
        changes = await reader.changes_since(known)
    assert changes.assets == (ad, film)
    assert (film.ad, ad.ad) == (False, True)
    assert changes.revision == known + 2
    await library.remove(film.id)
    async with store.read() as reader:
        after = await reader.changes_since(changes.revision)
    assert after.assets == (ad,)
    assert len(nudges) == 3


async def test_nothing_else_tells_of_the_library(store, wish):
    """A booking brings no assets with it; a new reader gets them."""
    library, _ = library_on(store)
    film = await library.add(FILM, "Film", ())
    async with store.write() as tx:
        known = await tx.revision()
        await tx.add_schedule(wish)
    async with store.read() as reader:
        assert (await reader.changes_since(known)).assets is None
        assert (await reader.changes_since(-1)).assets == (film,)
    assert Path(film.path) == Path(FILM.path)
