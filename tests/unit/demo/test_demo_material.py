"""What the demo's channel plays: made as long as the plan needs it, and found in the library."""

from datetime import timedelta
from pathlib import Path

import anyio
import imageio_ffmpeg
import pytest

from tallyd.app.library import open_library
from tallyd.config import Settings, load
from tallyd.demo.errors import DemoError
from tallyd.demo.ffmpeg import decode_all
from tallyd.demo.material import make_material, take_into_library
from tallyd.demo.place import Place, make_place
from tallyd.demo.scenario import ADVERT_LENGTH, BREAK_AFTER, FILM_LENGTH, RATE

BINARY = imageio_ffmpeg.get_ffmpeg_exe()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Make a place for a demo."""
    return make_place(tmp_path / "demo")


@pytest.fixture
def settings(place: Place) -> Settings:
    """Read the place's configuration."""
    return load(place.config)


async def test_film_and_advertisement_are_as_long_as_the_plan_needs(place: Place):
    """A film that ends early would show the slate, and fail a demo in which nothing is wrong."""
    await make_material(BINARY, place)
    decoded = await decode_all(BINARY, [place.film, place.advert])
    for file, length in {place.film: FILM_LENGTH, place.advert: ADVERT_LENGTH}.items():
        assert decoded[file].error is None
        assert decoded[file].frames == length / timedelta(seconds=1) * RATE
    assert (await anyio.Path(place.ad_slate).read_bytes()).startswith(b"\x89PNG")


async def test_the_library_has_both_without_an_ffprobe(
    place: Place, settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """What pip brings is enough: it has no ffprobe, which `tallyd assets add` would need."""
    monkeypatch.setenv("PATH", "/nowhere")
    film = await take_into_library(settings, place)
    async with open_library(settings) as library:
        found = {each.name: each for each in await library.assets()}
    assert (found["Film"].id, found["Film"].path) == (film, str(place.film))
    assert (found["Film"].breaks, found["Film"].ad) == ((BREAK_AFTER,), False)
    assert (found["Advertisement"].path, found["Advertisement"].ad) == (str(place.advert), True)


async def test_an_ffmpeg_that_makes_no_film_ends_the_demo_with_a_sentence(place: Place):
    """It is said before anything is booked, and with the program's path."""
    with pytest.raises(DemoError, match="/bin/false cannot make what the channel plays: status 1"):
        await make_material("/bin/false", place)
    with pytest.raises(DemoError, match="/nowhere/ffmpeg cannot be run"):
        await make_material("/nowhere/ffmpeg", place)
