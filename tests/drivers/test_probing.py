"""What is in a media file, as ffprobe tells it: of real files, and of what is none."""

import subprocess
from datetime import timedelta
from pathlib import Path
from shutil import which

import pytest

from tallyd.domain.errors import InvalidBooking
from tallyd.drivers.ffmpeg.probing import probe

pytestmark = pytest.mark.skipif(
    which("ffprobe") is None or which("ffmpeg") is None, reason="needs ffmpeg"
)


def made(path: Path, *options: str) -> Path:
    """Make a file of colour bars and a tone, of two and a half seconds."""
    bars = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=2.5")
    tone = ("-f", "lavfi", "-i", "sine=duration=2.5")
    argv = ["ffmpeg", "-v", "error", *bars, *tone, *options, str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    return path


def test_length_and_streams(tmp_path):
    """Length to the millisecond, and picture and sound in words."""
    length, streams = probe(made(tmp_path / "clip.mkv", "-c:v", "mpeg4", "-c:a", "flac"))
    assert abs(length - timedelta(seconds=2.5)) < timedelta(milliseconds=60)
    assert length.microseconds % 1000 == 0
    assert streams == ("video mpeg4 64x48", "audio flac")


def test_names_that_look_like_something_else(tmp_path, monkeypatch):
    """A file is a file, whatever it is called."""
    monkeypatch.chdir(tmp_path)
    clip = made(tmp_path / "clip.wav", "-map", "1")
    for name in ("-version.wav", "http:clip.wav", "concat:a|b.wav", "a b.wav"):
        (tmp_path / name).write_bytes(clip.read_bytes())
        length, streams = probe(Path(name))
        assert (length, streams) == (timedelta(seconds=2.5), ("audio pcm_s16le",))


def test_a_playlist_leads_nowhere(tmp_path):
    """What names other files or addresses is no medium."""
    secret = made(tmp_path / "secret.wav", "-map", "1")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXTINF:2.5,\nhttp://127.0.0.1:9/x.ts\n{secret}\n")
    with pytest.raises(InvalidBooking):
        probe(playlist)


@pytest.mark.parametrize("content", [b"", b"no film at all", b"\x00" * 4096])
def test_what_is_no_medium(tmp_path, content):
    """What cannot be played is refused, with what ffprobe says of it."""
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(InvalidBooking, match=r"film\.mp4"):
        probe(path)


def test_what_is_not_there(tmp_path):
    """A directory, or nothing, is no file."""
    for path in (tmp_path, tmp_path / "gone.mp4"):
        with pytest.raises(InvalidBooking, match="no such file"):
            probe(path)


def test_what_has_no_length(tmp_path):
    """A picture has no length."""
    picture = made(tmp_path / "still.png", "-map", "0", "-frames:v", "1")
    with pytest.raises(InvalidBooking, match="known length"):
        probe(picture)


def test_without_ffprobe(tmp_path, monkeypatch):
    """Whoever has none is told what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InvalidBooking, match="install"):
        probe(tmp_path / "film.mp4")
