"""What may be asked of a channel's playout, and the checks on it; no command is built here."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from tallyd.domain.secrecy import mask_urls, secrets_of
from tallyd.drivers.ffmpeg.binary import AUTO
from tallyd.drivers.ffmpeg.options import revealed as _revealed

EXPECTED_OUTPUT = "rtmp://, rtmps://, srt://, udp:// or hls:/absolute/path.m3u8"
_HLS = re.compile(r"/[^\x00-\x1f]+\.m3u8")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class OutputKind(StrEnum):
    """How a channel is published; the scheme of its URL, or `hls`."""

    RTMP = "rtmp"
    RTMPS = "rtmps"
    SRT = "srt"
    UDP = "udp"
    HLS = "hls"


_WITH_A_KEY = frozenset({OutputKind.RTMP, OutputKind.RTMPS})


@dataclass(frozen=True, slots=True)
class Output:
    """One publication. `address` may hold a key, `shown` never does."""

    kind: OutputKind
    address: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The publication as it may be shown to anybody."""
        return f"hls:{self.address}" if self.kind is OutputKind.HLS else mask_urls(self.address)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be shown anywhere, the longest first."""
        return () if self.kind is OutputKind.HLS else secrets_of(self.address)


def parse_output(text: str) -> Output:
    """Read a publication as it is written in the options.

    Raises:
        ValueError: it is none; the message never repeats what was written, which may be secret.
    """
    scheme, _, rest = text.partition(":")
    if scheme == OutputKind.HLS and _HLS.fullmatch(rest) and ".." not in rest and "%" not in rest:
        return Output(OutputKind.HLS, rest)
    if scheme in set(OutputKind) - {OutputKind.HLS} and rest.startswith("//"):
        if _CONTROL.search(text):
            raise ValueError("has a blank or a control character in its URL")
        try:
            url = urlsplit(text)
            host, port = url.hostname, url.port
        except ValueError:
            raise ValueError("has a broken host or port in its URL") from None
        if not host or (port is None and scheme in {OutputKind.SRT, OutputKind.UDP}):
            raise ValueError("has no host or no port in its URL")
        if "@" in url.netloc and scheme != OutputKind.UDP:
            raise ValueError("has a name or password in its URL, which nobody could keep secret")
        if scheme in _WITH_A_KEY and url.path.strip("/").count("/") < 1:
            raise ValueError("has no application and stream key in its URL")
        return Output(OutputKind(scheme), text)
    raise ValueError(f"is no output; give {EXPECTED_OUTPUT}")


def _checked_output(text: str) -> str:
    parse_output(text)
    return text


def _absolute(path: Path) -> Path:
    if not path.is_absolute() or ".." in path.parts or not str(path).isprintable():
        raise ValueError("must be a plain absolute path")
    return path


def _checked_default(text: str) -> str:
    if text == "live":
        raise ValueError(
            "is what a channel with a `live` input plays without this key: leave it out"
        )
    if text != "slate":
        _absolute(Path(text))
    return text


OutputText = Annotated[str, BeforeValidator(_revealed), AfterValidator(_checked_output)]
File = Annotated[Path, AfterValidator(_absolute)]


class PlayoutOptions(BaseModel):
    """Puts files, inputs and advertisements on air, without a break, with ffmpeg."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    outputs: tuple[OutputText, ...] = Field(
        min_length=1,
        max_length=8,
        repr=False,
        strict=False,
        description=f"Where the channel is published, all at once: {EXPECTED_OUTPUT}.",
    )
    size: str = Field(
        default="1280x720",
        pattern=r"^[1-9]\d{0,2}[02468]x[1-9]\d{0,2}[02468]$",
        description="Size of the picture; what has another shape gets bars.",
    )
    rate: Literal[10, 12, 15, 20, 24, 25, 30, 48, 50, 60] = Field(
        default=25, description="Pictures per second."
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = Field(
        default="ultrafast", description="The encoder's effort: slower is smaller, and costs CPU."
    )
    video_bitrate_kbps: int = Field(default=2_500, ge=50, le=100_000, description="The picture.")
    audio_bitrate_kbps: int = Field(default=128, ge=16, le=320, description="The sound: aac.")
    keyframe_interval_s: float = Field(
        default=1.0, ge=0.2, le=10, description="How often a viewer can begin; HLS cuts there."
    )
    default: Annotated[str, AfterValidator(_checked_default)] | None = Field(
        default=None,
        description="What plays between entries: `slate`, or the absolute path of a file that is "
        "played over and over. Default: the channel's `live` input, or without one `slate`.",
    )
    slate: File | None = Field(
        default=None,
        strict=False,
        description="A picture to be shown when there is nothing else. Default: black.",
    )
    archive_keep_s: int = Field(
        default=86_400, ge=0, le=31 * 86_400, description="How far back entries may replay."
    )
    archive_max_mb: int = Field(
        default=20_000, ge=1, description="How large the archive for that may become."
    )
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="How RTSP carries media.")
    timeout_s: float = Field(
        default=5.0,
        ge=1,
        le=60,
        description="How long an input may be silent before it is opened "
        "anew; the slate is shown long before.",
    )
    alone_max_s: int = Field(
        default=86_400,
        ge=60,
        description="How long the channel stays on air when no daemon looks after it.",
    )
    binary: str = Field(
        default=AUTO,
        pattern=rf"^({AUTO}|/[^\x00-\x1f]+)$",
        description="Absolute path of the ffmpeg to use; `auto` as for recorders.",
    )

    @property
    def publications(self) -> tuple[Output, ...]:
        """Where the channel is published."""
        return tuple(map(parse_output, self.outputs))

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height."""
        width, _, height = self.size.partition("x")
        return int(width), int(height)

    @property
    def keyframe_slots(self) -> int:
        """How many pictures there are from one that a viewer can begin with to the next."""
        return max(1, round(self.rate * self.keyframe_interval_s))
