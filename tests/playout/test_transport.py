"""Units are cut out of streams whole, and moved in time without being changed otherwise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.playout_rig import counters, packets, pes, picture, sound, source, tables, units

from tallyd.drivers.playout.transport import (
    PACKET_BYTES,
    WRAP,
    DamagedStreamError,
    Demuxer,
    Pid,
    Restamper,
    read_pcr,
    read_stamp,
    ticks_between,
    write_pcr,
    write_stamp,
)

TICKS = st.integers(0, WRAP - 1)


@given(TICKS)
def test_a_time_stamp_is_read_as_it_was_written(ticks: int):
    """No picture is shown at another time than was meant."""
    data = bytearray(b"\x21\0\1\0\1")
    write_stamp(data, 0, ticks)
    assert read_stamp(data, 0) == ticks
    assert data[0] & 0xF1 == 0x21
    assert (data[2] & 1, data[4] & 1) == (1, 1)


@given(TICKS)
def test_a_clock_is_read_as_it_was_written(ticks: int):
    """The clock that viewers follow keeps its fraction."""
    data = bytearray(b"\0\0\0\0\x7e\x55")
    write_pcr(data, 0, ticks)
    assert read_pcr(data, 0) == ticks
    assert (data[4] & 0x7F, data[5]) == (0x7E, 0x55)


@given(st.integers(1, 700), st.integers(1, 12))
def test_units_are_found_however_the_stream_arrives(chunk: int, count: int):
    """A pipe that gives a few bytes at a time loses nothing."""
    data = source(count)
    demuxer = Demuxer()
    found = []
    for at in range(0, len(data), chunk):
        found += demuxer.feed(data[at : at + chunk])
    found += demuxer.finish()
    assert sorted(u.at for u in found if u.pid is Pid.PICTURE) == [n * 3_600 for n in range(count)]
    assert sorted(map(repr, found)) == sorted(map(repr, units(data)))
    assert demuxer.tables.keys() == {Pid.PAT, Pid.PMT}


def test_what_a_decoder_can_begin_with_is_known():
    """A take never begins in the middle of a group of pictures."""
    found = [unit for unit in units(source(11, every=5)) if unit.pid is Pid.PICTURE]
    assert [n for n, unit in enumerate(found) if unit.entry] == [0, 5, 10]


def test_the_middle_of_a_unit_alone_is_left_out():
    """Joining a stream anywhere gives whole pictures only."""
    data = picture(0, size=1_000)[PACKET_BYTES:] + picture(3_600)
    assert [unit.at for unit in units(data)] == [3_600]


@pytest.mark.parametrize(
    "data",
    [
        b"\x00" * PACKET_BYTES,
        packets(Pid.PICTURE, b"no picture at all"),
        packets(Pid.PICTURE, b"\0\0\1\xe0\0\0\x80\0\0" + b"x" * 100),
    ],
    ids=["no packet", "no unit", "no stamp"],
)
def test_what_is_no_stream_is_refused(data: bytes):
    """A source that writes nonsense is a source that failed."""
    with pytest.raises(DamagedStreamError):
        units(data)


@given(TICKS, st.integers(-WRAP, WRAP))
def test_a_moved_unit_keeps_its_content(at: int, shift: int):
    """Only time stamps and counters change, whatever the distance, around the wrap too."""
    unit = units(picture(at, entry=True, size=500, mark=7))[0]
    moved = units(Restamper().moved(unit, shift))[0]
    assert (moved.at, moved.entry) == ((at + shift) % WRAP, True)
    assert read_pcr(moved.packets, 6) == (at + shift) % WRAP
    assert moved.packets[-150:] == unit.packets[-150:]
    assert len(moved.packets) == len(unit.packets)


@given(TICKS, TICKS, st.integers(-WRAP, WRAP))
def test_both_stamps_of_a_unit_move(pts: int, dts: int, shift: int):
    """A picture that is decoded earlier than it is shown stays so."""
    unit = units(packets(Pid.PICTURE, pes(0xE0, pts, dts, b"x" * 50)))[0]
    moved = units(Restamper().moved(unit, shift))[0]
    assert (moved.pts, moved.at) == ((pts + shift) % WRAP, (dts + shift) % WRAP)


@given(st.lists(st.sampled_from([Pid.PICTURE, Pid.SOUND]), max_size=60))
def test_counters_count_on_whatever_comes_after_what(order: list[Pid]):
    """A viewer's decoder never believes that packets were lost."""
    restamper = Restamper()
    data = bytearray()
    for pid in order:
        made = picture(0, size=700) if pid is Pid.PICTURE else sound(0)
        data += restamper.moved(units(made)[0], 0)
        data += restamper.table(Pid.PAT, tables()[:PACKET_BYTES])
    for seen in counters(data).values():
        assert seen == [n % 16 for n in range(len(seen))]


@given(TICKS, st.integers(-(WRAP // 2), WRAP // 2 - 1))
def test_distances_are_measured_across_the_wrap(at: int, distance: int):
    """After 26.5 hours nothing jumps."""
    assert ticks_between(at, (at + distance) % WRAP) == distance
