"""`tallyd assets` in this process: what it prints is what programs rely on."""

from datetime import timedelta

import pytest

from tallyd.domain.errors import InvalidBooking, Problem

LENGTH = timedelta(milliseconds=2_343_598)


@pytest.fixture
def probed(monkeypatch):
    """Have every file hold a film, without looking into it."""
    monkeypatch.setattr("tallyd.app.library.probe", lambda _file: (LENGTH, ("video h264 64x48",)))


@pytest.fixture
def film(tallyd, probed, tmp_path):  # noqa: ARG001 - the file is not looked into
    """Have a film in the library; gives what was printed."""
    added = tallyd("assets", "add", str(tmp_path / "film.mp4"), "--json")
    assert added.code == 0, added.err
    return added.json


def test_add(tallyd, film, tmp_path):
    """Its id and its length are told; it has the name of its file."""
    assert (len(film["id"]), film["dur_ms"], film["name"]) == (32, 2_343_598, "film")
    (listed,) = tallyd("assets", "list", "--json").json
    assert listed == film
    assert (listed["path"], listed["streams"]) == (str(tmp_path / "film.mp4"), ["video h264 64x48"])


@pytest.mark.usefixtures("probed")
def test_add_with_everything(tallyd):
    """A name of its own, and where ads may interrupt it."""
    added = tallyd(
        "assets", "add", "f.mp4", "--name", "Evening film", "--ad-breaks", "30s,1m35s", "--json"
    )
    assert (added.json["name"], added.json["ad_breaks_ms"]) == ("Evening film", [30_000, 95_000])


@pytest.mark.usefixtures("probed")
def test_add_an_advertisement(tallyd, film):
    """It is marked as one, where it is added and in the list; a film is none."""
    added = tallyd("assets", "add", "spot.mp4", "--ad", "--json")
    assert (added.json["ad"], film["ad"]) == (True, False)
    listed = tallyd("assets", "list", "--json").json
    assert {each["name"]: each["ad"] for each in listed} == {"film": False, "spot": True}


@pytest.mark.usefixtures("probed")
@pytest.mark.parametrize(
    "options",
    [
        ("--ad-breaks", "90"),
        ("--ad-breaks", "95s,30s"),
        ("--ad-breaks", "30s,30s"),
        ("--ad-breaks", "1h"),
        ("--ad-breaks", ""),
        ("--name", " "),
        ("--name", "a\nb"),
    ],
)
def test_add_refused(tallyd, options):
    """What makes no sense is refused, and nothing is taken in."""
    assert tallyd("assets", "add", "f.mp4", *options).code == 2
    assert tallyd("assets", "list", "--json").json == []


def test_what_is_no_medium(tallyd, monkeypatch):
    """A file that cannot be played is refused with the reason."""

    def refuse(file):
        raise InvalidBooking(Problem("file", str(file), "it cannot be played"))

    monkeypatch.setattr("tallyd.app.library.probe", refuse)
    added = tallyd("assets", "add", "f.mp4")
    assert (added.code, "it cannot be played" in added.err) == (2, True)


def test_remove(tallyd, film):
    """It is gone from the library; a second time there is nothing."""
    assert tallyd("assets", "remove", film["id"], "--json").json["id"] == film["id"]
    assert tallyd("assets", "list", "--json").json == []
    assert tallyd("assets", "remove", film["id"]).code == 3


def test_an_empty_library(tallyd):
    """It says so."""
    assert "empty" in tallyd("assets", "list").err
