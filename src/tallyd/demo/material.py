"""What the demo's channel plays: made with ffmpeg, taken into the library of the place."""

from datetime import timedelta
from pathlib import Path
from subprocess import CompletedProcess

import anyio

from tallyd.app.library import open_library
from tallyd.config import Settings
from tallyd.demo.errors import DemoError
from tallyd.demo.ffmpeg import run_ffmpeg
from tallyd.demo.place import Place
from tallyd.demo.scenario import ADVERT_LENGTH, BREAK_AFTER, FILM_LENGTH, RATE
from tallyd.library import Probed

_SIZE = "320x180"
_STREAMS = (f"video h264 {_SIZE}", "audio aac")
_CODECS = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")


async def make_material(binary: str, place: Place) -> None:
    """Make the film, the advertisement and the ad slate.

    Raises:
        DemoError: ffmpeg does not make them.
    """
    done = await run_ffmpeg(
        binary,
        *_lavfi(f"testsrc=size={_SIZE}:rate={RATE}", "sine=frequency=330:sample_rate=48000"),
        *_lavfi(f"smptehdbars=size={_SIZE}:rate={RATE}", "sine=frequency=550:sample_rate=48000"),
        *_lavfi(f"color=color=0x204060:size={_SIZE}"),
        *_file(place.film, FILM_LENGTH, "0:v", "1:a"),
        *_file(place.advert, ADVERT_LENGTH, "2:v", "3:a"),
        *("-map", "4:v", "-frames:v", "1", f"file:{place.ad_slate}"),
    )
    if not isinstance(done, CompletedProcess):
        raise DemoError(f"{binary} {done}")
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise DemoError(f"{binary} cannot make what the channel plays: {said}")


def _lavfi(*made: str) -> tuple[str, ...]:
    return tuple(word for each in made for word in ("-f", "lavfi", "-i", each))


def _file(file: Path, length: timedelta, *streams: str) -> tuple[str, ...]:
    chosen = (word for stream in streams for word in ("-map", stream))
    return (*chosen, *_CODECS, "-t", f"{length.total_seconds():g}", f"file:{file}")


async def take_into_library(settings: Settings, place: Place) -> str:
    """Take film and advertisement into the library, and give the id of the film."""
    film = str(await anyio.Path(place.film).resolve())
    advert = str(await anyio.Path(place.advert).resolve())
    async with open_library(settings) as library:
        await library.add_ad(Probed(advert, ADVERT_LENGTH, _STREAMS), "Advertisement", ())
        asset = await library.add(Probed(film, FILM_LENGTH, _STREAMS), "Film", (BREAK_AFTER,))
    return asset.id
