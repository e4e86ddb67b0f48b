"""What an ffmpeg is told on its standard input: a network source, whose address may be secret.

Arguments are open to every process of the machine for as long as a recorder runs. What it reads
from a pipe is gone once it was read. Nothing is run here.
"""

from tallyd.drivers.ffmpeg.options import FfmpegOptions
from tallyd.drivers.ffmpeg.sources import RTSP_KINDS, Source, SourceKind

LOOKED_AT_US = 1_000_000
"""Nothing is lost while ffmpeg looks at the streams, but nothing is written either."""

_MICROSECONDS = 1_000_000

READ_FROM_STDIN = (
    # For the playlist itself: what the source may use is said in there, and does not include it.
    *("-protocol_whitelist", "pipe", "-f", "concat", "-safe", "0", "-auto_convert", "0"),
    *("-fflags", "+genpts", "-analyzeduration", str(LOOKED_AT_US), "-i", "pipe:0"),
)
"""The arguments that make ffmpeg take its source from `playlist`."""


def playlist(options: FfmpegOptions, source: Source) -> str:
    """Give the list of one entry that names a network source, and how it is to be opened."""
    chosen = {
        "protocol_whitelist": source.protocols,
        "fflags": "+genpts",
        "analyzeduration": str(LOOKED_AT_US),
        **_patience(options, source),
    }
    lines = [f"option {name} {_quoted(value)}" for name, value in chosen.items()]
    return "\n".join(("ffconcat version 1.0", f"file {_quoted(source.address)}", *lines, ""))


def _patience(options: FfmpegOptions, source: Source) -> dict[str, str]:
    """Give the options that make a source that is silent for too long an error."""
    timeout_us = str(round(options.timeout_s * _MICROSECONDS))
    if source.kind in RTSP_KINDS:
        # For RTSP this is a limit on silence; for RTMP the same option would mean "listen".
        return {"rtsp_transport": options.transport, "timeout": timeout_us}
    if source.kind is SourceKind.SRT:
        return {"timeout": timeout_us, "connect_timeout": str(round(options.timeout_s * 1_000))}
    return {"rw_timeout": timeout_us}


def _quoted(text: str) -> str:
    """Quote a text as playlists want it; an address has no line breaks."""
    return "'" + text.replace("'", r"'\''") + "'"
