"""Who is on air: takes on time, falls back in time, tells what really went out."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.playout_rig import loop, source, units

from tallyd.domain.window import EPOCH, Window, from_ms
from tallyd.drivers.playout.asrun import Change
from tallyd.drivers.playout.director import PREPARED_AHEAD, Desk, Director
from tallyd.drivers.playout.mixing import Mixer
from tallyd.drivers.playout.reel import Frame
from tallyd.drivers.playout.rundown import Clip, Entry, LiveTake, SlateTake
from tallyd.drivers.playout.sources import Source, StandingSource
from tallyd.drivers.playout.transport import Pid
from tallyd.ports.as_run import Kind
from tallyd.ports.programme import AdBreak, AssetProgramme, LiveProgramme, Programme

RATE = 25
SLOT = timedelta(seconds=1) / RATE
AHEAD_S = PREPARED_AHEAD.total_seconds()
BETWEEN = Clip(Kind.DEFAULT, SlateTake())


@dataclass
class Fake:
    """A source that is played by the test: `stock` is how many pictures it has left."""

    clip: Clip
    late: timedelta
    mark: int
    stock: float = float("inf")
    ended: str | None = None
    closed: bool = False
    joined: int | None = None

    def __post_init__(self) -> None:
        """Have a picture ready."""
        self._picture = next(u for u in units(source(1, mark=self.mark)) if u.pid is Pid.PICTURE)

    def ready(self) -> bool:
        """Tell whether a picture is left."""
        return self.stock > 0

    def can_begin(self) -> bool:
        """Tell whether a picture is left: each can be begun with."""
        return self.ready()

    def join(self, ticks: int) -> None:
        """Note where it is joined."""
        self.joined = ticks

    def keep_up(self, ticks: int) -> None:
        """Do nothing: one picture is like the other."""

    def next(self) -> Frame | None:
        """Give a picture."""
        if self.stock <= 0:
            return None
        self.stock -= 1
        return Frame(self._picture)

    def close(self) -> None:
        """Note that nobody wants it."""
        self.closed = True


@dataclass
class Channel:
    """A director, its sources, and its time."""

    stocks: deque[float] = field(default_factory=deque)
    refused: str | None = None
    made: list[Fake] = field(default_factory=list)
    log: list[Change] = field(default_factory=list)
    slot: int = 0
    default: Clip = BETWEEN
    played: list[int | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Go on air."""
        slate = loop(mark=1)
        self.director = Director(
            Desk(
                mixer=Mixer(RATE, slate),
                make_source=self.make,
                slate=lambda take: StandingSource(loop(mark=2) if take.ad else slate),
                log=self.log.append,
                default=self.default,
            )
        )

    def make(self, clip: Clip, late: timedelta) -> Source:
        """Make the next source, with the next stock."""
        stock = self.stocks.popleft() if self.stocks else float("inf")
        ended = None if stock else self.refused
        self.made.append(Fake(clip, late, 10 + len(self.made), stock, ended))
        return self.made[-1]

    @property
    def now(self) -> datetime:
        """When the next slot is."""
        return EPOCH + self.slot * SLOT

    def run(self, seconds: float) -> list[int | None]:
        """Let so much time pass; gives the marks of what went out, None where nothing did."""
        begun = len(self.played)
        for _ in range(round(seconds * RATE)):
            out = self.director.slot(self.slot, self.now, self.slot / RATE)
            pictures = [u for u in units(out.data) if u.pid is Pid.PICTURE] if out else []
            self.played.append(pictures[0].packets[-20] if pictures else None)
            self.slot += 1
        return self.played[begun:]

    def aired(self) -> list[tuple[float, str | None, str | None]]:
        """Give the as-run log in short."""
        return [
            ((from_ms(each.at_ms) - EPOCH).total_seconds(), each.kind, each.token)
            for each in self.log
        ]


def entry(token: str, start: float, stop: float, programme: Programme | None = None) -> Entry:
    """Make an entry."""
    window = Window(EPOCH + timedelta(seconds=start), EPOCH + timedelta(seconds=stop))
    made = programme or LiveProgramme(f"rtsp://192.0.2.1/{token}")
    return Entry(token, token, window, window.start, timedelta(0), made)


def test_entries_are_taken_in_the_slot_of_their_start():
    """Back to back, each picture belongs to the entry whose time it is, to a slot."""
    channel = Channel()
    channel.director.play(entry("a", 4, 8))
    channel.director.play(entry("b", 8, 12))
    played = channel.run(14)
    assert played == [1] * 100 + [10] * 100 + [11] * 100 + [1] * 50
    assert channel.aired() == [
        (0, "default", None),
        (4, "live", "a"),
        (8, "live", "b"),
        (12, "default", None),
    ]


def test_an_input_is_opened_once():
    """What many show, one after the other, is one stream: it may be there for one reader only."""
    camera = "srt://192.0.2.1:7000"
    channel = Channel(default=Clip(Kind.DEFAULT, LiveTake(camera)))
    for token, start, stop in (("a", 4, 8), ("b", 8, 12)):
        channel.director.play(entry(token, start, stop, LiveProgramme(camera)))
    assert channel.run(14) == [10] * 350
    assert [each.closed for each in channel.made] == [False]
    assert channel.aired() == [
        (0, "default", None),
        (4, "live", "a"),
        (8, "live", "b"),
        (12, "default", None),
    ]
    assert channel.director.told["b"].bytes > 0


def test_an_input_that_fails_is_opened_anew_once():
    """Whoever it was opened for, it is there for whoever is on air."""
    camera = "srt://192.0.2.1:7000"
    channel = Channel(stocks=deque([75, 0]), default=Clip(Kind.DEFAULT, LiveTake(camera)))
    channel.director.play(entry("a", 4, 8, LiveProgramme(camera)))
    channel.run(3)
    channel.made[0].ended = "gone"
    channel.run(2)
    channel.made[1].ended = "still gone"
    channel.run(5)
    assert len(channel.made) == 3
    assert [each.kind for each in channel.log] == ["default", "slate", "slate", "live", "default"]
    assert [each.closed for each in channel.made] == [True, True, False]


def test_a_source_is_started_before_its_time_and_let_go_after_it():
    """No entry begins with a black picture, and no process is left behind."""
    channel = Channel()
    channel.director.play(entry("a", AHEAD_S + 1, AHEAD_S + 3))
    channel.run(0.8)
    assert not channel.made
    channel.run(0.4)
    assert [each.clip.token for each in channel.made] == ["a"]
    channel.run(AHEAD_S + 3)
    assert [each.closed for each in channel.made] == [True]


def test_a_break_has_its_place_and_length():
    """Both edges of an ad break fall into their slots."""
    programme = AssetProgramme(
        Path("/film"), timedelta(seconds=4), (AdBreak(timedelta(seconds=2), timedelta(seconds=3)),)
    )
    channel = Channel()
    channel.director.play(entry("a", 1, 8, programme))
    assert channel.run(9) == [1] * 25 + [10] * 50 + [2] * 75 + [11] * 50 + [1] * 25
    assert [kind for _, kind, _ in channel.aired()] == [
        "default",
        "asset",
        "ad_slate",
        "asset",
        "default",
    ]


@pytest.mark.parametrize("stock", [0, 30], ids=["missing", "dies"])
def test_the_slate_stands_in_within_two_seconds(stock: float):
    """A source that is missing or dies costs two seconds at most, and is told of once."""
    channel = Channel(stocks=deque([stock, *[0] * 50]))
    channel.director.play(entry("a", 1, 20))
    channel.run(1 + stock / RATE)
    channel.made[0].ended = channel.refused = "connection refused"
    after = channel.run(10)
    frozen = after.index(1)
    assert frozen <= 2 * RATE
    assert set(after[frozen:]) == {1}
    slates = [each for each in channel.log if each.kind == "slate"]
    assert [(each.token, each.detail) for each in slates] == [("a", "connection refused")]
    assert channel.director.told["a"].trouble == "connection refused"
    assert len(channel.made) > 3


def test_what_comes_back_is_taken_back():
    """After a trouble the entry goes on by itself, and is no longer in trouble."""
    channel = Channel(stocks=deque([30, 0]))
    channel.director.play(entry("a", 1, 20))
    channel.run(3)
    channel.made[0].ended = "gone"
    channel.run(3)
    channel.made[1].ended = "still gone"
    after = channel.run(5)
    assert after[-1] == 12
    assert [kind for _, kind, _ in channel.aired()] == ["default", "live", "slate", "live"]
    assert [each.live for each in channel.log] == [False, True, False, True]
    assert channel.director.told["a"].trouble is None


def test_a_moment_without_pictures_is_no_fall_back():
    """A hiccup of the network is a picture that stands, not a slate."""
    channel = Channel(stocks=deque([50]))
    channel.director.play(entry("a", 1, 20))
    channel.run(3.5)
    channel.made[0].stock = 1_000
    channel.run(2)
    assert [kind for _, kind, _ in channel.aired()] == ["default", "live"]


def test_what_was_on_air_goes_on_for_a_moment_where_the_next_is_not_ready():
    """A slow source costs the end of nothing: no black between two entries."""
    channel = Channel(stocks=deque([float("inf"), 0]))
    channel.director.play(entry("a", 1, 5))
    channel.director.play(entry("b", 5, 10))
    channel.run(5)
    held = channel.run(0.5)
    channel.made[1].stock = 1_000
    assert set(held) == {10}
    assert channel.run(0.1)[0] == 11
    assert channel.aired()[-1][1:] == ("live", "b")


def test_a_file_that_is_late_is_joined_in_progress():
    """An asset whose source came late goes on where it would be by now."""
    channel = Channel(stocks=deque([0]))
    programme = AssetProgramme(Path("/film"), timedelta(seconds=30))
    channel.director.play(entry("a", 1, 20, programme))
    channel.run(2)
    channel.made[0].stock = 1_000
    channel.run(1)
    assert channel.made[0].joined == 90_000


def test_an_entry_that_is_dropped_gives_way_to_the_default():
    """A stop takes an entry off the air, and says what it was."""
    channel = Channel()
    channel.director.play(entry("a", 1, 20))
    channel.run(3)
    told = channel.director.drop("a")
    assert told is not None
    assert told.first_at == EPOCH + timedelta(seconds=1)
    assert told.last_at == EPOCH + timedelta(seconds=3) - SLOT
    assert channel.run(1)[0] == 1
    assert channel.director.drop("a") is None


def test_a_source_that_hangs_is_started_anew():
    """What is neither dead nor alive is not waited for without end."""
    channel = Channel(stocks=deque([30, 1_000]))
    channel.director.play(entry("a", 1, 60))
    channel.run(20)
    assert [each.closed for each in channel.made] == [True, False]
    assert channel.played[-1] == 11


@pytest.mark.parametrize(("stock", "patience"), [(30, 2), (0, 10)], ids=["silent", "slow"])
def test_what_was_on_air_is_waited_for_less(stock: float, patience: float):
    """A camera that fell silent is opened anew soon; one that is being opened has its time."""
    channel = Channel(stocks=deque([stock, 1_000]))
    channel.director.play(entry("a", AHEAD_S + 1, 60))
    channel.run((AHEAD_S + 1 if stock else 1) + stock / RATE + patience - 0.5)
    assert len(channel.made) == 1
    channel.run(1)
    assert len(channel.made) == 2


def test_closing_lets_go_of_every_source():
    """A channel that goes off the air leaves no process."""
    channel = Channel()
    channel.director.play(entry("a", 0, 9))
    channel.run(2)
    channel.director.close()
    assert channel.made[0].closed
