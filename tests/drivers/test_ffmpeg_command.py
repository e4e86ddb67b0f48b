"""What an ffmpeg is told, and what its words mean: options, sources, arguments, reports, errors."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tallyd.domain.model import Reason
from tallyd.domain.secrecy import mask_urls
from tallyd.drivers.ffmpeg.command import Job, build_command
from tallyd.drivers.ffmpeg.diagnosis import diagnose, last_words
from tallyd.drivers.ffmpeg.options import FfmpegOptions
from tallyd.drivers.ffmpeg.playlist import playlist
from tallyd.drivers.ffmpeg.progress import Progress
from tallyd.drivers.ffmpeg.sources import parse_source
from tallyd.drivers.marks import Mark
from tallyd.ports.drivers import DeviceBlockedError, GiveUpError, TryAgainError

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
MARK = str(Mark("rooms.aula", 0, "tok", NOW, NOW + timedelta(hours=3)))


def command(**options) -> list[str]:
    """Build the command of the first input."""
    checked = FfmpegOptions(**options)
    output = Path("/srv/aula/x.mkv.part")
    job = Job(checked.sources[0], checked.sound, output, MARK, 9000.0)
    return build_command("/usr/bin/ffmpeg", checked, job)


def follows(argv: list[str], *sequence: str) -> bool:
    """Tell whether `sequence` stands in `argv` without a gap."""
    return any(tuple(argv[i : i + len(sequence)]) == sequence for i in range(len(argv)))


SOURCES = [
    "rtsp://h/x",
    "rtmp://h/x",
    "srt://h:9000",
    "https://h/x",
    "v4l2:/dev/video0",
    "alsa:hw:1,0",
    "test",
]


@pytest.mark.parametrize("source", SOURCES)
def test_every_command_is_bounded_quiet_and_ends_in_a_file(source: str):
    """Whatever the source: no stdin, an upper bound, reports on stdout, and a `file:` to write."""
    argv = command(source=source)
    assert argv[-1] == "file:/srv/aula/x.mkv.part"
    assert {"-nostdin", "-nostats", "-y"} <= set(argv)
    assert follows(argv, "-progress", "pipe:1")
    assert follows(argv, "-flush_packets", "1")
    assert follows(argv, "-t", "9000.000")
    assert follows(argv, "-metadata", f"comment={MARK}")
    assert "-re" not in argv


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("rtsp://h/x", ("rtsp_transport 'tcp'", "timeout '5000000'")),
        ("rtmp://h/x", ("rw_timeout '5000000'",)),
        ("https://h/x", ("rw_timeout '5000000'",)),
        ("srt://h:9", ("timeout '5000000'", "connect_timeout '5000'")),
    ],
)
def test_network_sources_have_a_timeout_and_a_white_list(source: str, expected: tuple[str, ...]):
    """Each protocol gets the timeout that it understands, and may use no file of ours."""
    argv = command(source=source)
    assert follows(argv, "-protocol_whitelist", "pipe", "-f", "concat", "-safe", "0")
    assert argv.index("-protocol_whitelist") < argv.index("-i")
    checked = FfmpegOptions(source=source)
    head, entry, *options = playlist(checked, checked.sources[0]).splitlines()
    assert (head, entry) == ("ffconcat version 1.0", f"file '{source}'")
    assert {f"option {each}" for each in expected} <= set(options)
    (white,) = (line for line in options if line.startswith("option protocol_whitelist "))
    allowed = white.partition("'")[2].rstrip("'").split(",")
    assert not {"file", "pipe", "fd", "concat", "subfile", "data", "unix"} & set(allowed)
    assert follows(argv, "-c:v", "copy")
    assert "libx264" not in argv


@pytest.mark.parametrize("source", ["v4l2:/dev/video0", "alsa:hw:1,0", "test"])
def test_what_is_no_network_source_may_use_no_protocol(source: str):
    """Before every input stands a white list that has nothing in it."""
    argv = command(source=source)
    limits = [i for i, each in enumerate(argv) if each == "-protocol_whitelist"]
    assert len(limits) == argv.count("-i")
    assert {argv[i + 1] for i in limits} == {"none"}


@pytest.mark.parametrize("secret", ["it's", "a'b'c", "back\\slash", "#hash", "%27", "$(id)"])
def test_an_address_cannot_break_out_of_its_playlist(secret: str):
    """Quotes and the like in a password stay within the one text that they are a part of."""
    checked = FfmpegOptions(source=f"http://h/x?p={secret}")
    _, entry, *_ = playlist(checked, checked.sources[0]).splitlines()
    assert entry.replace(r"'\''", "").count("'") == 2
    assert entry.replace(r"'\''", "'") == f"file 'http://h/x?p={secret}'"


def test_devices_are_opened_as_configured():
    """Picture and sound devices get their size and rate at the input, and are encoded."""
    argv = command(source="v4l2:/dev/video0", audio_source="alsa:hw:1", size="1280x720", rate=30)
    assert follows(argv, "-framerate", "30", "-video_size", "1280x720", "-i", "/dev/video0")
    assert follows(argv, "-thread_queue_size", "1024", "-i", "hw:1")
    assert follows(argv, "-map", "1:a", "-c:a", "aac")
    assert follows(argv, "-g", "30")
    assert not any(argument.startswith("scale=") for argument in argv)
    assert "-vn" in command(source="alsa:hw:1")


def test_transcoding_follows_the_options():
    """Codec, size, rate, bit rates and key frames are what was asked for."""
    argv = command(source="rtsp://h/x", mode="transcode", size="640x360", rate=20, preset="fast",
                   video_codec="h265", video_bitrate_kbps=900, keyframe_interval_s=2.0,
                   audio_codec="opus", audio_bitrate_kbps=64)  # fmt: skip
    assert follows(argv, "-vf", "scale=640:360", "-r", "20", "-c:v", "libx265", "-preset", "fast")
    assert follows(argv, "-g", "40")
    assert follows(argv, "-b:v", "900k", "-maxrate", "900k", "-bufsize", "1800k")
    assert follows(argv, "-c:a", "libopus", "-b:a", "64k")
    silent = command(source="test", audio_codec="none")
    assert "-an" in silent
    assert silent.count("-i") == 1


def test_wall_clock_stamps_need_their_whole_set():
    """Frames keep their capture time: no rounding, no dropping, the bound at the input."""
    argv = command(source="test", timestamps="wallclock")
    assert follows(argv, "-vf", "settb=1/1000000,setpts=RTCTIME", "-copyts")
    assert follows(argv, "-fps_mode", "passthrough", "-enc_time_base:v", "1:90000")
    assert max(i for i, a in enumerate(argv) if a == "-t") < max(
        i for i, a in enumerate(argv) if a == "-i"
    )


BAD_OPTIONS = [
    ({}, "either `source` or `inputs`"),
    ({"source": "test", "inputs": ["test"]}, "either `source` or `inputs`"),
    ({"source": "test", "mode": "copy"}, "`mode` must be transcode for test"),
    ({"source": "rtsp://h/x", "timestamps": "wallclock"}, "needs `mode` = transcode"),
    ({"source": "test", "timestamps": "wallclock", "container": "mp4"}, "`container` = matroska"),
    ({"source": "test", "audio_codec": "copy"}, "cannot be copy for test"),
    ({"source": "test", "audio_codec": "opus", "container": "mpegts"}, "opus does not go"),
    ({"source": "rtsp://h/x", "audio_source": "alsa:hw:1"}, "goes with a `v4l2:`"),
    ({"source": "v4l2:/dev/video0", "audio_source": "test"}, "must be an `alsa:` source"),
    ({"source": "test", "size": "0x0"}, "pattern"),
    ({"source": "test", "rate": 0}, "greater than"),
    ({"source": "test", "binary": "ffmpeg; rm -rf /"}, "pattern"),
    ({"source": "test", "container": "avi"}, "matroska"),
    ({"source": "test", "extra_args": "-x"}, "Extra inputs"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_wrong_options_are_refused(options: dict, message: str):
    """What cannot work is refused before anything runs."""
    with pytest.raises(ValidationError, match=message):
        FfmpegOptions(**options)


@pytest.mark.parametrize(
    "text",
    ["", "file:///etc/passwd", "/etc/passwd", "concat:a|b", "subfile,,:/etc/passwd", "-i",
     "rtsp:/h", "rtsp://", "rtsp://h:0/", "rtsp://h:99999/", "rtsp://[::1/", "rtsp://h/a b",
     "rtsp://h/a\nb", "v4l2:video0", "v4l2:/dev/../etc/passwd", "alsa:", "alsa:-x", "TEST",
     "tcp://h:1", "udp://@239.0.0.1:1"],
)  # fmt: skip
def test_only_known_kinds_of_source_are_taken(text: str):
    """Files, pipes, filters and other tricks are no sources."""
    with pytest.raises(ValueError, match=r"is no source|URL"):
        parse_source(text)


SECRET_SOURCES = [
    "rtsp://bob:s3cr3t-pw@h/x",
    "rtsp://bob:p%40ss%2Fs3cr3t-pw@h:8554/x",
    "srt://h:9000?passphrase=s3cr3t-pw&mode=caller",
    "https://h/live?token=s3cr3t-pw",
    "rtmp://h/live/s3cr3t-pw",
    "rtmp://h/s3cr3t-pw/aula?user=bob",
    "srt://h:9000?streamid=#!::r=s3cr3t-pw,u=bob-s3cr3t",
    "rtsp://h/s3cr3t-pw/profile1/media.smp",
]


@pytest.mark.parametrize("text", SECRET_SOURCES)
def test_passwords_are_never_shown(text: str):
    """Neither the source as it is shown nor ffmpeg's words about it hold its secrets."""
    source = parse_source(text)
    said = f"[in#0 @ 0x5] {text}: 401 Unauthorized, {' and '.join(source.secrets)} is wrong"
    shown = diagnose(source.shown, [said], 1, source.clean).sentence
    for words in (source.shown, shown):
        assert "s3cr3t-pw" not in words
        assert "bob" not in words
    assert source.address == text


def test_what_is_hidden_does_not_hide_the_reason():
    """A stream key that is a word of ffmpeg's own messages changes nothing about what they mean."""
    source = parse_source("rtmp://h/refused/Connection")
    found = diagnose(source.shown, ["tcp: Connection refused"], 1, source.clean)
    assert found.reason is Reason.DEVICE_REFUSED
    assert found.sentence == "rtmp://h/*** refused the connection: tcp: *** ***"


@pytest.mark.parametrize(
    ("line", "error", "reason"),
    [
        ("[tcp @ 0x1] tcp://h failed: Connection refused", TryAgainError, Reason.DEVICE_REFUSED),
        ("[rtsp @ 0x1] DESCRIBE failed: 401 Unauthorized", GiveUpError, Reason.DEVICE_REFUSED),
        ("Server returned 404 Not Found", TryAgainError, Reason.DEVICE_REFUSED),
        ("/dev/video0: Device or resource busy", DeviceBlockedError, Reason.DEVICE_REFUSED),
        ("/dev/video9: No such file or directory", TryAgainError, Reason.DEVICE_REFUSED),
        ("/dev/video0: Permission denied", GiveUpError, Reason.DEVICE_REFUSED),
        ("Failed to resolve hostname cam: Name not known", TryAgainError, Reason.DEVICE_TIMEOUT),
        ("rtsp://h/x: Connection timed out", TryAgainError, Reason.DEVICE_TIMEOUT),
        ("av_interleaved_write_frame(): No space left on device", TryAgainError, Reason.DISK_FULL),
        ("x: Read-only file system", TryAgainError, Reason.DISK),
        ("Unknown encoder 'libx264'", GiveUpError, Reason.DRIVER_UNAVAILABLE),
        ("x: Invalid data found when processing input", TryAgainError, Reason.DEVICE_SILENT),
        ("x: Input/output error", TryAgainError, Reason.DEVICE_ENDED),
        ("something new", TryAgainError, Reason.DEVICE_ENDED),
    ],
)  # fmt: skip
def test_last_words_are_understood(line: str, error: type, reason: Reason):
    """What ffmpeg says is told apart by what can be done about it, and is quoted."""
    found = diagnose("the camera", ["a warning", line, "   Last message repeated 3 times"], 1)
    assert (type(found), found.reason) == (error, reason)
    assert found.sentence.startswith(("the camera", "the recording of the camera"))
    assert found.sentence.endswith(last_words([mask_urls(line)]))


def test_silence_is_told_by_its_status():
    """Without a word the status or the signal is what is known."""
    assert "exit status 0" in diagnose("x", [], 0).sentence
    assert "signal 9" in diagnose("x", [], -9).sentence
    assert last_words(["a\x1b[31m\u202eb" + "c" * 999])[:8] == "a [31m b"


def report(progress: Progress, after_s: float, **fields: object) -> bool:
    """Let a report arrive some seconds after the spawn."""
    now = NOW + timedelta(seconds=after_s)
    lines = [f"{key}={value}" for key, value in fields.items()]
    return [progress.read(line, now) for line in [*lines, "progress=continue"]][-1]


def test_first_data_is_found_by_counting_frames():
    """Reports between frames narrow down when the first one came, never later than was known."""
    progress = Progress(NOW, rate=25)
    assert not report(progress, 0.1, frame=0, out_time_us="N/A", total_size="N/A")
    assert progress.first_data_at is None
    assert report(progress, 0.235, frame=4, out_time_us=120_000, total_size=723)
    assert progress.first_data_at == NOW + timedelta(seconds=0.095)  # 0.115, or a frame earlier
    assert report(progress, 0.465, frame=10, out_time_us=360_000, total_size=999)
    assert progress.first_data_at == NOW + timedelta(seconds=0.105)
    for n in range(3, 10):
        report(progress, 0.24 * n, frame=6 * n - 2, out_time_us=240_000 * n, total_size=999 * n)
    assert progress.first_data_at == NOW + timedelta(seconds=0.105)
    report(progress, 2.4, frame=1_000, out_time_us=40_000_000, total_size=9_999)
    assert progress.first_data_at == NOW + timedelta(seconds=0.105)
    assert progress.bytes == 9_999


def test_media_older_than_the_process_counts_from_its_spawn():
    """A server that sends what it had buffered does not make the recording begin before us."""
    progress = Progress(NOW, rate=None)
    report(progress, 0.3, frame=40, out_time_us=1_600_000, total_size=1)
    assert progress.first_data_at == NOW


def test_reports_that_show_nothing_new_are_no_data():
    """A clock that goes on while the media stands still is silence."""
    progress = Progress(NOW, rate=25)
    assert report(progress, 1, frame=5, out_time_us=200_000, total_size=10)
    assert not report(progress, 2, frame=5, out_time_us=200_000, total_size=10)
    assert progress.last_data_at == NOW + timedelta(seconds=1)
    assert not report(progress, 3, frame="x", out_time_us=-5)
