"""One stream leaves a channel: even slots, sound without a hole, whatever is taken when."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.playout_rig import SLOT_TICKS, SOUND_TICKS, counters, loop, source, units

from tallyd.drivers.playout.mixing import Loop, Mixer
from tallyd.drivers.playout.reel import Frame, Reel
from tallyd.drivers.playout.transport import WRAP, Demuxer, Pid, ticks_between

RATE = 25
FIRST = 90_000


def play(mixer: Mixer, slot: int, reel: Reel, count: int) -> tuple[bytes, int]:
    """Write so many slots of a source."""
    out = b""
    for _ in range(count):
        frame = reel.next()
        if frame is not None:
            out += mixer.write(slot, frame)
        slot += 1
    return out, slot


def reel_of(data: bytes) -> Reel:
    """Wind a source up."""
    reel = Reel(SLOT_TICKS)
    reel.add(units(data))
    return reel


TAKE = st.tuples(st.integers(0, WRAP - 1), st.integers(1, 30), st.integers(0, 3))


@given(st.lists(TAKE, min_size=1, max_size=8), st.sampled_from([FIRST, WRAP - 5 * SLOT_TICKS]))
def test_whatever_is_taken_leaves_as_one_stream(takes: list[tuple[int, int, int]], first: int):
    """Pictures come in even slots, sound frame after frame, and no packet seems to be missing."""
    mixer, slot, out = Mixer(RATE, loop(), first), 0, b""
    slots = []
    for source_first, count, frozen in takes:
        slots += range(slot, slot + count)
        written, slot = play(mixer, slot, reel_of(source(count, first=source_first)), count)
        out += written
        slot += frozen
    found = units(out)
    pictures = [unit.at for unit in found if unit.pid is Pid.PICTURE]
    assert pictures == [(first + n * SLOT_TICKS) % WRAP for n in slots]
    sounds = [unit.at for unit in found if unit.pid is Pid.SOUND]
    steps = {ticks_between(a, b) for a, b in pairwise(sounds)}
    assert steps <= {SOUND_TICKS}
    for pid, seen in counters(out).items():
        assert seen == [n % 16 for n in range(len(seen))], pid


def test_sound_stays_with_its_picture():
    """Lips and words are never more than half a frame of sound apart."""
    mixer = Mixer(RATE, loop())
    _, slot = play(mixer, 0, reel_of(source(13, first=5_000)), 13)
    out, _ = play(mixer, slot, reel_of(source(10, first=777, mark=9)), 10)
    found = [unit for unit in units(out) if unit.packets[-20] == 9]
    first_picture = next(unit.at for unit in found if unit.pid is Pid.PICTURE)
    first_sound = next(unit.at for unit in found if unit.pid is Pid.SOUND)
    assert abs(first_sound - first_picture) <= SOUND_TICKS


def test_a_source_without_sound_is_silent_and_not_less():
    """A mute film does not take the sound track out of the publication."""
    mixer = Mixer(RATE, loop(mark=3))
    mute = [unit for unit in units(source(50)) if unit.pid is Pid.PICTURE]
    out = b"".join(mixer.write(slot, Frame(unit)) for slot, unit in enumerate(mute))
    sounds = [unit for unit in units(out) if unit.pid is Pid.SOUND]
    assert len(sounds) > (50 * SLOT_TICKS - 0.4 * FIRST) / SOUND_TICKS
    assert {unit.packets[-20] for unit in sounds} == {3}


def test_a_slate_is_silent_at_once():
    """A publication that waits for sound does not fall behind while the slate is shown."""
    mixer = Mixer(RATE, loop())
    mute = [unit for unit in units(source(50)) if unit.pid is Pid.PICTURE]
    out = b"".join(mixer.write(n, Frame(unit, mute=True)) for n, unit in enumerate(mute))
    sounds = [unit for unit in units(out) if unit.pid is Pid.SOUND]
    assert len(sounds) == 50 * SLOT_TICKS // SOUND_TICKS


def test_tables_come_with_every_picture_to_begin_with():
    """A viewer who joins waits for one group of pictures, and no longer."""
    out, _ = play(Mixer(RATE, loop()), 0, reel_of(source(50, every=25)), 50)
    assert len(counters(out)[Pid.PAT]) >= 4
    assert units(out)[0].at == FIRST
    assert out[1] & 0x1F == 0
    assert out[2] == 0


def test_after_a_long_sleep_there_is_no_flood_of_silence():
    """A machine that slept for hours goes on at once."""
    mixer = Mixer(RATE, loop())
    reel = reel_of(source(10))
    play(mixer, 0, reel, 5)
    out, _ = play(mixer, 5 * 3_600 * RATE, reel, 5)
    assert len(out) < 100 * 188


def test_a_slot_is_written_once():
    """Time never goes back."""
    mixer = Mixer(RATE, loop())
    reel = reel_of(source(10))
    play(mixer, 3, reel, 1)
    with pytest.raises(ValueError, match="slot 3 is over"):
        play(mixer, 3, reel, 1)


@pytest.mark.parametrize("count", [0, 1])
def test_a_slate_needs_picture_sound_and_tables(count: int):
    """A channel that has no slate to fall back on does not come on."""
    data = source(1)
    demuxer = Demuxer()
    found = [*demuxer.feed(data), *demuxer.finish()]
    with pytest.raises(ValueError, match="slate"):
        Loop.of(found[:count], demuxer.tables)
