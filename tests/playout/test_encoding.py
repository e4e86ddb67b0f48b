"""What is told to ffmpeg: everything alike, and nothing secret where others can read it."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from tallyd.drivers.playout.encoding import HIDDEN, play_file, play_live, publish
from tallyd.drivers.playout.options import PlayoutOptions, parse_output

OPTIONS = PlayoutOptions(outputs=("udp://127.0.0.1:9",))


@pytest.mark.parametrize(
    ("address", "shown", "hidden"),
    [
        ("rtmp://h/live/KEY", "rtmp://h/", "rtmp_app=live\nrtmp_playpath=KEY\n"),
        ("rtmp://h:1/a/b/KEY?t=S", "rtmp://h:1/", "rtmp_app=a/b\nrtmp_playpath=KEY?t=S\n"),
        (
            "srt://h:1?mode=caller&passphrase=SECRETSECRET&streamid=%23x",
            "srt://h:1?mode=caller",
            "passphrase=SECRETSECRET\nstreamid=#x\n",
        ),
        ("srt://h:1", "srt://h:1", ""),
        ("udp://h:1?ttl=2", "udp://h:1?ttl=2&pkt_size=1316", ""),
        ("hls:/srv/a.m3u8", "/srv/a.m3u8", ""),
    ],
)
def test_what_is_secret_is_no_argument(address: str, shown: str, hidden: str):
    """Nobody who lists the processes of the machine can publish in our place."""
    command = publish("ffmpeg", parse_output(address))
    assert (command.argv[-1], command.hidden) == (shown, hidden)
    assert (HIDDEN in command.argv) == bool(hidden)
    assert "KEY" not in " ".join(command.argv)
    assert "SECRET" not in repr(command)


@pytest.mark.parametrize(
    "address",
    [
        "rtmp://h/live",
        "rtmp://u:p@h/live/key",
        "srt://h",
        "udp:///x",
        "hls:relative.m3u8",
        "hls:/srv/../a.m3u8",
        "hls:/srv/a%d.m3u8",
        "file:/etc/passwd",
        "tee:x",
        "srt://h:99999",
        "srt://h:1 -y",
    ],
)
def test_what_is_no_output_is_refused(address: str):
    """A mistake is found when the configuration is read, and not repeated: it may be secret."""
    with pytest.raises(ValidationError) as refused:
        PlayoutOptions(outputs=(address,))
    assert address not in str(refused.value)


def test_every_source_is_brought_to_one_shape():
    """Whatever plays, size, rate, codecs and the head of the stream stay the same."""
    film = play_file("ffmpeg", OPTIONS, Path("/a.mp4"), timedelta(seconds=3)).argv
    live = play_live("ffmpeg", OPTIONS, "srt://h:1?passphrase=SECRETSECRET")
    test = play_live("ffmpeg", OPTIONS, "test").argv
    assert film[film.index("-vf") :] == live.argv[live.argv.index("-vf") :]
    assert film[film.index("-vf") :] == test[test.index("-vf") :]
    assert "SECRET" not in repr(live)
    assert "SECRETSECRET" in live.told
    assert "SECRETSECRET" in live.secrets
    assert film[film.index("-ss") + 1] == "3.000000"


def test_what_comes_in_bursts_is_read_at_its_pace():
    """A live input by HLS does not run ahead of itself and then dry."""
    assert "-re" in play_live("ffmpeg", OPTIONS, "https://h/x.m3u8").argv
    assert "-re" not in play_live("ffmpeg", OPTIONS, "rtmp://h/live/x").argv


@pytest.mark.parametrize(
    "wrong",
    [
        {"default": "film.mp4"},
        {"default": "live"},
        {"live": "test"},
        {"slicers": {"x": "test"}},
        {"ad_slate": "/ads.png"},
        {"assets": "/films"},
        {"size": "641x360"},
        {"rate": 23},
        {"slate": "slate.png"},
        {"outputs": ()},
    ],
)
def test_options_that_cannot_work_are_refused(wrong: dict[str, object]):
    """`tallyd check` finds them before anything is due."""
    with pytest.raises(ValidationError):
        PlayoutOptions.model_validate({"outputs": ["udp://127.0.0.1:9"], **wrong})
