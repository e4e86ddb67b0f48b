"""What the demo's channel plays: made with ffmpeg, taken into the library of the place."""

from datetime import timedelta

import anyio

from tallyd.app.library import open_library
from tallyd.config import Settings
from tallyd.demo.ffmpeg import make
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
    await make(
        binary,
        "make what the channel plays",
        *_made("testsrc", 330, FILM_LENGTH),
        *_made("smptehdbars", 550, ADVERT_LENGTH),
        *("-f", "lavfi", "-t", "0.04", "-i", f"color=color=0x204060:size={_SIZE}"),
        *("-map", "0:v", "-map", "1:a", *_CODECS, f"file:{place.film}"),
        *("-map", "2:v", "-map", "3:a", *_CODECS, f"file:{place.advert}"),
        *("-map", "4:v", "-frames:v", "1", f"file:{place.ad_slate}"),
    )


def _made(picture: str, pitch: int, length: timedelta) -> tuple[str, ...]:
    """Give a picture and a tone as inputs; without an end of their own ffmpeg would not end."""
    made = ("-f", "lavfi", "-t", f"{length.total_seconds():g}", "-i")
    tone = f"sine=frequency={pitch}:sample_rate=48000"
    return (*made, f"{picture}=size={_SIZE}:rate={RATE}", *made, tone)


async def take_into_library(settings: Settings, place: Place) -> str:
    """Take film and advertisement into the library, and give the id of the film."""
    film = str(await anyio.Path(place.film).resolve())
    advert = str(await anyio.Path(place.advert).resolve())
    async with open_library(settings) as library:
        await library.add_ad(Probed(advert, ADVERT_LENGTH, _STREAMS), "Advertisement", ())
        asset = await library.add(Probed(film, FILM_LENGTH, _STREAMS), "Film", (BREAK_AFTER,))
    return asset.id
