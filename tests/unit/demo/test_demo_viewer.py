"""The demo's viewer: it keeps each piece of a publication once, and sees where some are missing."""

from datetime import timedelta
from pathlib import Path

import pytest

from tallyd.demo.errors import DemoError
from tallyd.demo.viewer import Segment, Viewer, breaks_in, length_of, segments_of

HEAD = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n"


def playlist(first: int, *numbers: int) -> str:
    """Give a playlist as ffmpeg writes it."""
    pieces = "".join(f"#EXTINF:2.000000,\ncampus-{number}.ts\n" for number in numbers)
    return f"{HEAD}#EXT-X-MEDIA-SEQUENCE:{first}\n{pieces}"


@pytest.fixture
def viewer(tmp_path: Path) -> Viewer:
    """Give a viewer of nothing yet."""
    for name in ("hls", "viewed"):
        (tmp_path / name).mkdir()
    return Viewer(tmp_path / "hls/campus.m3u8", tmp_path / "viewed/campus.m3u8")


def publish(viewer: Viewer, *numbers: int) -> None:
    """Have these pieces published, and no others any more."""
    folder = viewer.published.parent
    for old in folder.iterdir():
        old.unlink()
    for number in numbers:
        (folder / f"campus-{number}.ts").write_text(f"piece {number}")
    viewer.published.write_text(playlist(numbers[0], *numbers))


def test_what_a_playlist_says_is_read_as_it_stands():
    """Numbers count from the first, lengths and new beginnings belong to what follows them."""
    text = (
        f"{HEAD}#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-DISCONTINUITY\n"
        "#EXTINF:2.000000,\n#EXT-X-PROGRAM-DATE-TIME:2026-11-20T18:00:00.000+0000\na.ts\n"
        "#EXTINF:1.640000,\nb.ts\n#EXT-X-ENDLIST\n"
    )
    segments = segments_of(text)
    assert segments == (Segment(7, "a.ts", "2.000000", anew=True), Segment(8, "b.ts", "1.640000"))
    assert length_of(segments) == timedelta(seconds=3.64)
    assert segments_of("") == ()


@pytest.mark.parametrize(
    ("segments", "breaks"),
    [
        ((), 0),
        ((Segment(7, "a", "2", anew=True), Segment(8, "b", "2")), 0),
        ((Segment(7, "a", "2"), Segment(8, "b", "2", anew=True)), 1),
        ((Segment(7, "a", "2"), Segment(9, "b", "2"), Segment(10, "c", "2", anew=True)), 2),
    ],
)
def test_a_gap_and_a_new_beginning_are_seen(segments: tuple[Segment, ...], breaks: int):
    """One stream is one beginning, the first, and every number after it."""
    assert breaks_in(segments) == breaks


def test_what_is_forgotten_by_the_publication_stays_with_the_viewer(viewer: Viewer):
    """The playlist moves on; all that was in it while somebody looked can be played."""
    viewer.look()
    for numbers in ((5, 6), (6, 7), (7, 8)):
        publish(viewer, *numbers)
        viewer.look()
    viewer.finish()
    kept = segments_of(viewer.seen.read_text())
    assert kept == viewer.segments
    assert [each.number for each in kept] == [5, 6, 7, 8]
    for each in kept:
        assert viewer.seen.with_name(each.name).read_text() == f"piece {each.number}"


def test_a_piece_that_was_gone_too_soon_is_missed_and_nothing_else(viewer: Viewer):
    """Between the look at the playlist and that at the piece it may have been removed."""
    publish(viewer, 5, 6, 7)
    viewer.published.with_name("campus-6.ts").unlink()
    viewer.finish()
    assert [each.number for each in viewer.segments] == [5, 7]
    assert breaks_in(viewer.segments) == 1


def test_a_viewer_of_nothing_leaves_nothing(viewer: Viewer):
    """Where nothing was published there is no playlist that cannot be played."""
    viewer.finish()
    assert viewer.segments == ()
    assert not viewer.seen.exists()


def test_a_new_beginning_stays_one_in_what_was_kept(viewer: Viewer):
    """A player of what was kept is told of it, as viewers were."""
    publish(viewer, 5, 6)
    text = viewer.published.read_text()
    marked = text.replace("campus-5.ts\n", "campus-5.ts\n#EXT-X-DISCONTINUITY\n")
    viewer.published.write_text(marked)
    viewer.finish()
    assert [each.anew for each in segments_of(viewer.seen.read_text())] == [False, True]


def test_a_disk_that_takes_nothing_ends_the_demo_with_a_sentence(viewer: Viewer):
    """No traceback: what could not be kept is named."""
    publish(viewer, 5)
    viewer.seen.parent.joinpath("campus-5.ts").mkdir()
    with pytest.raises(DemoError, match="cannot be kept"):
        viewer.look()


def test_a_playlist_that_cannot_be_written_ends_the_demo_with_a_sentence(viewer: Viewer):
    """The same holds at the end."""
    publish(viewer, 5)
    viewer.seen.mkdir()
    with pytest.raises(DemoError, match="cannot be written"):
        viewer.finish()
