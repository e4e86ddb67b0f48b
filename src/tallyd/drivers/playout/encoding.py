"""From clips and options to the arguments of an ffmpeg; nothing is run here.

Whatever a source is, it is made to write the same kind of stream: size, rate, codecs, identifiers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from tallyd.drivers.ffmpeg.options import FfmpegOptions
from tallyd.drivers.ffmpeg.playlist import READ_FROM_STDIN, playlist
from tallyd.drivers.ffmpeg.sources import SourceKind, parse_source
from tallyd.drivers.playout.options import Output, OutputKind, PlayoutOptions
from tallyd.drivers.playout.transport import Pid

HLS_SEGMENT_S = 2
HLS_SEGMENTS = 6
SLATE_S = 2
"""How long the loop of a slate is."""

HIDDEN = "{hidden}"
"""Stands in arguments for the file of hidden options."""

_SECRET_OF_SRT = frozenset({"passphrase", "streamid"})

_QUIETLY = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning")
_COLOURS = (
    "format=yuv420p,setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
)
"""Said of every source, whatever it says: the head of the stream must not change at a take."""

_FLV = ("-bsf:a", "aac_adtstoasc", "-f", "flv", "-flvflags", "no_duration_filesize")
HEEDED_BYTES = 50_000
_PASSED_ON = (
    # What it looks at first is passed on as well: it holds the picture that viewers begin with.
    *("-analyzeduration", "500000", "-f", "mpegts", "-i", "pipe:0"),
    *("-map", "0:v:0", "-map", "0:a:0", "-c", "copy"),
)
_FILES_BEGIN_WITHIN = timedelta(milliseconds=1)
"""A file is named by the millisecond in which its first picture was on air."""

_NOTHING = timedelta(0)
_PACED = frozenset({SourceKind.HTTP, SourceKind.HTTPS})
"""What comes in bursts, as HLS does, is read as fast as it is played."""


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, and what it reads on its standard input: addresses may be secret.

    `hidden` are options that stand in no argument: ffmpeg reads them from a file that has no name,
    where an argument is `HIDDEN`. `secrets` are what nobody may read in what it says. `rest` is
    what is told after `told`, piece by piece: to get the next one may block.
    """

    argv: tuple[str, ...]
    told: str = field(default="", repr=False)
    hidden: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    rest: Iterator[bytes] | None = field(default=None, repr=False)


def play_file(
    binary: str, options: PlayoutOptions, path: Path, position: timedelta, *, loops: int = 0
) -> Command:
    """Play a file from a position on; `loops` times more, -1 for ever."""
    skipped = ("-ss", f"{position.total_seconds():.6f}") if position else ()
    over = ("-stream_loop", str(loops)) if loops else ()
    source = ("-protocol_whitelist", "file", *over, *skipped, "-i", f"file:{path}")
    return Command((binary, *_QUIETLY, *source, *_normalised(options), "pipe:1"))


def play_live(binary: str, options: PlayoutOptions, address: str) -> Command:
    """Play an input as it comes."""
    source = parse_source(address)
    if source.kind is SourceKind.TEST:
        made = ("-protocol_whitelist", "none", "-f", "lavfi", "-i")
        picture = (*made, f"testsrc2=size={options.size}:rate={options.rate},realtime")
        tone = (*made, "sine=frequency=440:sample_rate=48000,arealtime")
        argv = (binary, *_QUIETLY, *picture, *tone, *_normalised(options, "1:a:0"), "pipe:1")
        return Command(argv)
    opened = FfmpegOptions(source=address, transport=options.transport, timeout_s=options.timeout_s)
    paced = ("-re",) if source.kind in _PACED else ()
    argv = (binary, *_QUIETLY, *paced, *READ_FROM_STDIN, *_normalised(options), "pipe:1")
    return Command(argv, playlist(opened, source), secrets=source.secrets)


def play_kept(
    binary: str,
    options: PlayoutOptions,
    pieces: Iterator[bytes],
    *,
    skipped: timedelta,
    sound: timedelta,
) -> Command:
    """Play pieces that are one stream when put together, from `skipped` after its first picture on.

    `sound` is how much of it comes before the first picture.
    """
    read = ("-protocol_whitelist", "pipe", "-f", "mpegts", "-i", "pipe:0")
    # On this side of the decoder it is exact; a file of the archive is too short to take long.
    cut = _before_picture(skipped, sound, options.rate)
    after = ("-ss", f"{cut.total_seconds():.6f}") if cut > _NOTHING else ()
    argv = (binary, *_QUIETLY, *read, *_normalised(options), *after, "pipe:1")
    return Command(argv, rest=pieces)


def _before_picture(skipped: timedelta, sound: timedelta, rate: int) -> timedelta:
    """Give a time between the picture that is wanted and the one before, as far from both.

    ffmpeg counts from what comes first, be it sound, and moves each picture to the nearest slot.
    """
    slot = timedelta(seconds=1) / rate
    number = -((_FILES_BEGIN_WITHIN - skipped) // slot)
    first = (sound + slot / 2) // slot
    return (first + number) * slot - slot / 2


def make_slate(binary: str, options: PlayoutOptions, picture: Path | None) -> Command:
    """Make the loop of a slate: a picture, or black, with silence."""
    size, rate = options.size, options.rate
    if picture is None:
        shown: tuple[str, ...] = ("-f", "lavfi", "-i", f"color=black:size={size}:rate={rate}")
    else:
        loop = ("-f", "image2", "-pattern_type", "none", "-loop", "1", "-framerate", str(rate))
        shown = ("-protocol_whitelist", "file", *loop, "-i", f"file:{picture}")
    silence = ("-f", "lavfi", "-i", "anullsrc=sample_rate=48000:channel_layout=stereo")
    length = ("-t", str(SLATE_S))
    argv = (*_QUIETLY, *shown, *silence, *_normalised(options, "1:a:0"), *length, "pipe:1")
    return Command((binary, *argv))


def publish(binary: str, output: Output) -> Command:
    """Publish what comes on the standard input, with nothing secret in the arguments."""
    address, hidden = _without_secrets(output)
    preset = ("-fpre", HIDDEN) if hidden else ()
    argv = (binary, *_QUIETLY, *_PASSED_ON, *_published(output, address, preset))
    return Command(argv, hidden=hidden, secrets=output.secrets)


def publish_openly(binary: str, output: Output) -> Command:
    """Publish what comes on the standard input, by an ffmpeg that takes no hidden options."""
    argv = (binary, *_QUIETLY, *_PASSED_ON, *_published(output, output.address, ()))
    return Command(argv, secrets=output.secrets)


def try_hidden_options(binary: str) -> Command:
    """Write at least `HEEDED_BYTES` if hidden options are heeded: some versions ignore them."""
    made = ("-f", "lavfi", "-i", "anullsrc=sample_rate=48000", "-t", "0.2", "-c:a", "mp2")
    argv = (binary, *_QUIETLY, *made, "-f", "mpegts", "-fpre", HIDDEN, "pipe:1")
    return Command(argv, hidden="muxrate=8000000\n")


def _without_secrets(output: Output) -> tuple[str, str]:
    """Part an address from what may be secret in it, as options of ffmpeg, a line each."""
    url = urlsplit(output.address)
    match output.kind:
        case OutputKind.RTMP | OutputKind.RTMPS:
            # Of three names and more the first two are the application's, as ffmpeg has it.
            names = url.path.lstrip("/").split("/")
            count = min(len(names) - 1, 2)
            playpath = "/".join(names[count:]) + (f"?{url.query}" if url.query else "")
            hidden = f"rtmp_app={'/'.join(names[:count])}\nrtmp_playpath={playpath}\n"
            return urlunsplit((url.scheme, url.netloc, "/", "", "")), hidden
        case OutputKind.SRT:
            pairs = parse_qsl(url.query, keep_blank_values=True)
            open_ = urlencode([pair for pair in pairs if pair[0] not in _SECRET_OF_SRT])
            hidden = "".join(f"{name}={value}\n" for name, value in pairs if name in _SECRET_OF_SRT)
            return urlunsplit((url.scheme, url.netloc, url.path, open_, "")), hidden
        case OutputKind.UDP | OutputKind.HLS:
            return output.address, ""


def _published(output: Output, address: str, preset: tuple[str, ...]) -> tuple[str, ...]:
    match output.kind:
        case OutputKind.HLS:
            segments = output.address.removesuffix(".m3u8") + "-%d.ts"
            flags = "delete_segments+append_list+omit_endlist+program_date_time+temp_file"
            return (
                *("-f", "hls", "-hls_time", str(HLS_SEGMENT_S), "-hls_flags", flags),
                *("-hls_list_size", str(HLS_SEGMENTS), "-hls_start_number_source", "epoch"),
                *("-hls_segment_filename", segments, output.address),
            )
        case OutputKind.RTMP | OutputKind.RTMPS:
            return (*_FLV, *preset, address)
        case OutputKind.UDP:
            return ("-f", "mpegts", _datagrams(output))
        case OutputKind.SRT:
            return ("-f", "mpegts", *preset, address)


def _datagrams(output: Output) -> str:
    """Send seven packets at a time, unless the address says otherwise: they fit into a frame."""
    url = urlsplit(output.address)
    if "pkt_size" in url.query:
        return output.address
    return f"{output.address}{'&' if url.query else '?'}pkt_size=1316"


def _normalised(options: PlayoutOptions, sound: str = "0:a:0?") -> tuple[str, ...]:
    width, height = options.picture_size
    inside = f"scale={width}:{height}:force_original_aspect_ratio=decrease"
    bars = f"pad={width}:{height}:(ow-iw)/2:(oh-ih)/2,setsar=1"
    every, kbps = str(options.keyframe_slots), options.video_bitrate_kbps
    return (
        *("-map", "0:v:0", "-map", sound, "-sn", "-dn"),
        *("-vf", f"{inside},{bars},fps={options.rate},{_COLOURS}"),
        *("-c:v", "libx264", "-preset", options.preset, "-tune", "zerolatency"),
        *("-g", every, "-keyint_min", every, "-sc_threshold", "0"),
        *("-b:v", f"{kbps}k", "-maxrate", f"{kbps}k", "-bufsize", f"{kbps}k"),
        *("-c:a", "aac", "-b:a", f"{options.audio_bitrate_kbps}k", "-ar", "48000", "-ac", "2"),
        *("-af", "aresample=async=1000"),
        *("-f", "mpegts", "-muxdelay", "0", "-muxpreload", "0", "-pes_payload_size", "0"),
        *("-mpegts_start_pid", str(int(Pid.PICTURE)), "-flush_packets", "1"),
    )
