"""From options and an order to the argument list of an ffmpeg; nothing is run here."""

from dataclasses import dataclass
from pathlib import Path

from tallyd.drivers.ffmpeg.options import FfmpegOptions
from tallyd.drivers.ffmpeg.playlist import READ_FROM_STDIN
from tallyd.drivers.ffmpeg.progress import STATS_PERIOD_S
from tallyd.drivers.ffmpeg.sources import DEVICES, Source, SourceKind

MARKED = "comment="
"""How the argument begins in which the mark stands."""

ENDINGS = {"matroska": ".mkv", "mpegts": ".ts", "mp4": ".mp4"}

_NO_PROTOCOL = ("-protocol_whitelist", "none")
"""What reads a device, or makes a picture itself, has no business with files or hosts."""

_LOCAL_RATE = 25.0
_TEST_SIZE = "640x360"
_ENCODERS = {"h264": "libx264", "h265": "libx265", "aac": "aac", "opus": "libopus"}
CONTAINERS = {
    # Clusters and fragments are what a killed ffmpeg leaves behind whole: keep them short.
    "matroska": ["-f", "matroska", "-cluster_time_limit", "500"],
    "mpegts": ["-f", "mpegts"],
    "mp4": [
        *("-f", "mp4", "-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
        *("-frag_duration", "2000000"),
    ],
}


@dataclass(frozen=True, slots=True)
class Job:
    """One recording: from `source` (and `sound`) into the file `output`, for `limit_s` at most.

    `mark` is the line by which the process and its file are known again; players show it.
    """

    source: Source
    sound: Source | None
    output: Path
    mark: str
    limit_s: float


def frame_rate(options: FfmpegOptions, source: Source) -> float | None:
    """Give the pictures per second that the file will have, where that is known beforehand."""
    if not options.transcodes(source) or source.kind is SourceKind.ALSA:
        return None
    if options.rate is None and source.kind in {SourceKind.TEST, SourceKind.V4L2}:
        return _LOCAL_RATE
    return options.rate


def build_command(binary: str, options: FfmpegOptions, job: Job) -> list[str]:
    """Give the argument list that does `job`; progress goes to standard output."""
    return [
        *(binary, "-hide_banner", "-nostdin", "-nostats", "-loglevel", "warning", "-y"),
        *("-progress", "pipe:1", "-stats_period", str(STATS_PERIOD_S)),
        *_input(options, job),
        *(_transcoding(options, job) if options.transcodes(job.source) else _copying(options)),
        *_marked(options, job),
        *([] if options.timestamps == "wallclock" else _limit(job)),
        *CONTAINERS[options.container],
        *("-flush_packets", "1", f"file:{job.output}"),
    ]


def _marked(options: FfmpegOptions, job: Job) -> list[str]:
    marked = ["-metadata", f"{MARKED}{job.mark}"]
    # MPEG-TS keeps no comment; of what it keeps this is shown least.
    in_a_stream = ["-metadata", f"service_provider={job.mark}"]
    return [*marked, *in_a_stream] if options.container == "mpegts" else marked


def _limit(job: Job) -> list[str]:
    """End the recording even if nobody is left to do so."""
    return ["-t", f"{job.limit_s:.3f}"]


def _input(options: FfmpegOptions, job: Job) -> list[str]:
    # With wall-clock stamps an output's limit would be taken for an instant; an input's is not.
    limit = _limit(job) if options.timestamps == "wallclock" else []
    match job.source.kind:
        case SourceKind.TEST:
            return _test_input(options, limit)
        case SourceKind.V4L2:
            video = [*limit, *_NO_PROTOCOL, "-f", "v4l2", "-thread_queue_size", "512"]
            video += ["-framerate", f"{options.rate or _LOCAL_RATE:g}"]
            video += ["-video_size", options.size] if options.size else []
            video += ["-i", job.source.address]
            return [*video, *(_alsa_input(job.sound, limit) if job.sound else [])]
        case SourceKind.ALSA:
            return _alsa_input(job.source, limit)
        case _:
            return [*limit, *READ_FROM_STDIN]


def _test_input(options: FfmpegOptions, limit: list[str]) -> list[str]:
    # Paced by filters: newer versions begin `-re` and `-readrate` with a burst of half a second.
    size, rate = options.size or _TEST_SIZE, options.rate or _LOCAL_RATE
    made = [*limit, *_NO_PROTOCOL, "-f", "lavfi", "-i"]
    picture = [*made, f"testsrc2=size={size}:rate={rate:g},realtime"]
    tone = [*made, "sine=frequency=440:sample_rate=48000,arealtime"]
    return picture if options.audio_codec == "none" else [*picture, *tone]


def _alsa_input(source: Source, limit: list[str]) -> list[str]:
    sound = [*limit, *_NO_PROTOCOL, "-f", "alsa", "-thread_queue_size", "1024"]
    return [*sound, "-i", source.address]


def _copying(options: FfmpegOptions) -> list[str]:
    return ["-map", "0:v?", *_audio(options, "0:a?", "copy"), "-c:v", "copy"]


def _transcoding(options: FfmpegOptions, job: Job) -> list[str]:
    second = job.source.kind is SourceKind.TEST or job.sound is not None
    audio = _audio(options, "1:a" if second else "0:a?", "aac")
    if options.timestamps == "wallclock" and audio[0] == "-map":
        # Its samples, not the clock, place the sound after its first: a clock would make it jump.
        stamp = "asetpts=RTCSTART+1000000*NB_CONSUMED_SAMPLES/SR"
        audio += ["-af", f"asettb=1/1000000,{stamp}"]
    if job.source.kind is SourceKind.ALSA:
        return ["-vn", *audio]
    return [*_video(options, job.source), *audio]


def _video(options: FfmpegOptions, source: Source) -> list[str]:
    rate = frame_rate(options, source)
    local = source.kind in {SourceKind.TEST, *DEVICES}
    filters = [f"scale={options.size.replace('x', ':')}"] if options.size and not local else []
    timing = ["-r", f"{rate:g}"] if rate else []
    if options.timestamps == "wallclock":
        filters += ["settb=1/1000000", "setpts=RTCTIME"]
        # A coarser time base would move every frame to the nearest frame period.
        timing = ["-copyts", "-fps_mode", "passthrough", "-enc_time_base:v", "1:90000"]
    keyframes = str(max(1, round((rate or _LOCAL_RATE) * options.keyframe_interval_s)))
    return [
        *("-map", "0:v"),
        *(["-vf", ",".join(filters)] if filters else []),
        *timing,
        *("-c:v", _ENCODERS[options.video_codec], "-preset", options.preset),
        *("-tune", "zerolatency", "-g", keyframes, "-pix_fmt", "yuv420p"),
        *_bitrate(options.video_bitrate_kbps),
    ]


def _bitrate(kbps: int | None) -> list[str]:
    if kbps is None:
        return []
    return ["-b:v", f"{kbps}k", "-maxrate", f"{kbps}k", "-bufsize", f"{2 * kbps}k"]


def _audio(options: FfmpegOptions, streams: str, default: str) -> list[str]:
    codec = default if options.audio_codec == "auto" else options.audio_codec
    if codec == "none":
        return ["-an"]
    if codec == "copy":
        return ["-map", streams, "-c:a", "copy"]
    return ["-map", streams, "-c:a", _ENCODERS[codec], "-b:a", f"{options.audio_bitrate_kbps}k"]
