"""What may be asked of the ffmpeg recorder, and the checks on it; no command is built here."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from tallyd.drivers.ffmpeg.binary import AUTO
from tallyd.drivers.ffmpeg.sources import DEVICES, Source, SourceKind, parse_source


def _checked_source(text: str) -> str:
    parse_source(text)
    return text


def revealed(value: object) -> object:
    """Take a whole source from a credential: an address with its password in it."""
    return value.get_secret_value() if isinstance(value, SecretStr) else value


SourceText = Annotated[str, BeforeValidator(revealed), AfterValidator(_checked_source)]


class FfmpegOptions(BaseModel):
    """Records network cameras, streams and local devices with ffmpeg, copied or transcoded."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)

    source: SourceText | None = Field(
        default=None,
        repr=False,
        description="What to record: a URL (rtsp, rtsps, rtmp, rtmps, srt, http, https), "
        "`v4l2:/dev/video0`, `alsa:hw:1`, or `test` for a test picture with a tone.",
    )
    inputs: tuple[SourceText, ...] = Field(
        default=(),
        repr=False,
        strict=False,
        description="Instead of `source`, for a capacity above 1: one source for each input.",
    )
    audio_source: SourceText | None = Field(
        default=None, description="The sound that goes with a `v4l2:` source: `alsa:hw:1`."
    )
    container: Literal["matroska", "mpegts", "mp4"] = Field(
        default="matroska",
        description="The kind of file; all three can be played after a crash (mp4 is fragmented).",
    )
    mode: Literal["copy", "transcode"] | None = Field(
        default=None,
        description="`copy` keeps the source's own streams, `transcode` encodes them anew. "
        "Default: copy from the network, transcode what comes from devices and the test source.",
    )
    video_codec: Literal["h264", "h265"] = Field(
        default="h264", description="The picture, where it is transcoded."
    )
    preset: Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium"] = Field(
        default="ultrafast", description="The encoder's effort: slower is smaller, and costs CPU."
    )
    size: str | None = Field(
        default=None,
        pattern=r"^[1-9]\d{1,3}x[1-9]\d{1,3}$",
        description="Size of the picture, as `1280x720`. Default: the source's (test: 640x360).",
    )
    rate: float | None = Field(
        default=None,
        ge=1,
        le=120,
        description="Pictures per second. Default: the source's (test and v4l2: 25).",
    )
    video_bitrate_kbps: int | None = Field(
        default=None, ge=50, le=100_000, description="Default: constant quality instead."
    )
    audio_codec: Literal["auto", "copy", "aac", "opus", "none"] = Field(
        default="auto",
        description="The sound; `auto` copies it in copy mode and makes it aac in transcode mode.",
    )
    audio_bitrate_kbps: int = Field(
        default=128, ge=16, le=512, description="The sound, where it is transcoded."
    )
    keyframe_interval_s: float = Field(
        default=1.0, ge=0.2, le=10, description="How much a crash or a cut may cost, at most."
    )
    timestamps: Literal["zero", "wallclock"] = Field(
        default="zero",
        description="`wallclock` stamps each picture with the time of its capture (seconds since "
        "1970) instead of counting from zero; transcode mode and matroska only.",
    )
    transport: Literal["tcp", "udp"] = Field(default="tcp", description="How RTSP carries media.")
    timeout_s: float = Field(
        default=5.0, ge=1, le=60, description="How long a network source may be silent."
    )
    start_timeout_s: float = Field(
        default=10.0, ge=1, le=120, description="How long a start may take until data flows."
    )
    stall_timeout_s: float = Field(
        default=10.0, ge=2, le=600, description="How long a recording may show no progress."
    )
    binary: str = Field(
        default=AUTO,
        pattern=rf"^({AUTO}|/[^\x00-\x1f]+)$",
        description="Absolute path of the ffmpeg to use. `auto` prefers the system's, and takes "
        "the one of `pip install 'tallyd[ffmpeg]'` where there is none.",
    )

    @property
    def sources(self) -> tuple[Source, ...]:
        """What each input records, in order."""
        texts = (self.source,) if self.source is not None else self.inputs
        return tuple(map(parse_source, texts))

    @property
    def sound(self) -> Source | None:
        """The device that the sound comes from, where it is another than the picture's."""
        return parse_source(self.audio_source) if self.audio_source is not None else None

    @property
    def bytes_per_s(self) -> int | None:
        """How fast a file grows, where the options say it; else its source decides."""
        if self.video_bitrate_kbps is None or not all(map(self.transcodes, self.sources)):
            return None
        sound_kbps = 0 if self.audio_codec == "none" else self.audio_bitrate_kbps
        return (self.video_bitrate_kbps + sound_kbps) * 1_000 // 8

    def transcodes(self, source: Source) -> bool:
        """Tell whether what comes from `source` is encoded anew."""
        return self.mode == "transcode" if self.mode is not None else not source.is_network

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if (self.source is None) == (not self.inputs):
            raise ValueError("give either `source` or `inputs`")
        if self.audio_source is not None:
            self._check_sound()
        for source in self.sources:
            if self.mode == "copy" and not source.is_network:
                raise ValueError(f"`mode` must be transcode for {source.shown}")
            if self.timestamps == "wallclock" and not self.transcodes(source):
                raise ValueError("`timestamps` = wallclock needs `mode` = transcode")
            if self.audio_codec == "copy" and source.kind in {*DEVICES, SourceKind.TEST}:
                raise ValueError(f"`audio_codec` cannot be copy for {source.shown}")
        if self.timestamps == "wallclock" and self.container != "matroska":
            raise ValueError("`timestamps` = wallclock needs `container` = matroska")
        if self.container == "mpegts" and self.audio_codec == "opus":
            raise ValueError("`audio_codec` = opus does not go with `container` = mpegts")
        return self

    def _check_sound(self) -> None:
        picture = self.sources[0]
        if self.source is None or picture.kind is not SourceKind.V4L2:
            raise ValueError("`audio_source` goes with a `v4l2:` `source` only")
        if self.sound is None or self.sound.kind is not SourceKind.ALSA:
            raise ValueError("`audio_source` must be an `alsa:` source")
