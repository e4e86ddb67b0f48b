"""Publications go on where time stamps begin anew: after 26.5 hours on air, through real ffmpegs.

A day is gone through in steps of some seconds, then the slots around the wrap one by one.
"""

import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.marks_rig import FFMPEG, RATE, TICKS_PER_S, decoded

from media import BUNDLED
from tallyd.drivers.playout.encoding import make_slate, publish_openly
from tallyd.drivers.playout.mixing import Loop, Mixer
from tallyd.drivers.playout.options import PlayoutOptions, parse_output
from tallyd.drivers.playout.sources import StandingSource
from tallyd.drivers.playout.transport import WRAP, Demuxer

STEP_S = 9
"""ffmpeg takes a larger one for another stream."""

AROUND_S = 6
SLOT_TICKS = TICKS_PER_S // RATE
WRAP_SLOT = WRAP // SLOT_TICKS


def slate(options: PlayoutOptions) -> Loop:
    """Make a slate."""
    command = make_slate(FFMPEG, options, None)
    data = subprocess.run(command.argv, capture_output=True, check=True).stdout
    demuxer = Demuxer()
    return Loop.of([*demuxer.feed(data), *demuxer.finish()], demuxer.tables)


def stream(loop: Loop) -> Iterator[bytes]:
    """Give what a channel puts out in a day and more, most of it left out."""
    mixer, begun, last = Mixer(RATE, loop), WRAP_SLOT - AROUND_S * RATE, AROUND_S * RATE
    mixer._gap_slots = STEP_S * RATE // 2  # else silence would fill what is left out
    source = StandingSource(loop)
    slots = [
        *range(last),
        *range(last, begun, STEP_S * RATE),
        *range(begun, WRAP_SLOT + AROUND_S * RATE),
    ]
    for earlier, slot in pairwise([-1, *slots]):
        if slot - earlier > 1:
            source.join(0)
        frame = source.next()
        assert frame is not None
        yield mixer.write(slot, frame)


@pytest.mark.parametrize("binary", [FFMPEG, BUNDLED], ids=["system", "bundled"])
@pytest.mark.parametrize("kind", ["flv", "mpegts", "hls"])
def test_a_publication_goes_on_beyond_the_wrap(binary: str, kind: str, tmp_path: Path):
    """What servers and viewers get rises on by even steps, and decodes."""
    options = PlayoutOptions(outputs=("udp://127.0.0.1:9",), size="160x90", video_bitrate_kbps=100)
    (into := tmp_path / "air").mkdir()
    argv = list(publish_openly(binary, output_of(kind, into)).argv)
    path = into / "whole"
    if kind != "hls":
        argv[-1] = str(path)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as sink:
        assert sink.stdin is not None
        assert sink.stderr is not None
        for data in stream(slate(options)):
            sink.stdin.write(data)
        sink.stdin.close()
        said = sink.stderr.read().decode()
        assert sink.wait() == 0, said
    if kind == "hls":
        segments = sorted(into.glob("*.ts"), key=lambda each: int(each.stem.rpartition("-")[2]))
        path.write_bytes(b"".join(each.read_bytes() for each in segments))
    found = decoded(path)
    assert not found.complaints, found.complaints[-5:]
    steps = [b - a for (a, _), (b, _) in pairwise(found.pictures)]
    around = steps[-(2 * AROUND_S - 1) * RATE :]
    assert all(abs(step % WRAP - SLOT_TICKS) <= TICKS_PER_S // 1_000 for step in around)
    assert all(step % WRAP <= (STEP_S + 1) * TICKS_PER_S for step in steps)


def output_of(kind: str, into: Path):
    """Give a publication that is written the way of `kind`."""
    address = {"flv": "rtmp://h/live/key", "mpegts": "srt://h:1", "hls": f"hls:{into}/air.m3u8"}
    return parse_output(address[kind])
