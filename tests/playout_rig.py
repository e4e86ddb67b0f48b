"""Small transport streams, made by hand: for tests that need no ffmpeg."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tallyd.drivers.playout.mixing import Loop
from tallyd.drivers.playout.transport import (
    PACKET_BYTES,
    Demuxer,
    Pid,
    Unit,
    write_pcr,
    write_stamp,
)

T = TypeVar("T")

PAYLOAD_BYTES = 184
SLOT_TICKS = 3_600
SOUND_TICKS = 1_920


def pes(stream_id: int, pts: int, dts: int | None, body: bytes) -> bytes:
    """Make a PES packet."""
    stamps = bytearray(b"\x31\0\1\0\1" if dts is not None else b"\x21\0\1\0\1")
    write_stamp(stamps, 0, pts)
    if dts is not None:
        second = bytearray(b"\x11\0\1\0\1")
        write_stamp(second, 0, dts)
        stamps += second
    flags = 0xC0 if dts is not None else 0x80
    return b"\0\0\1" + bytes([stream_id, 0, 0, 0x80, flags, len(stamps)]) + bytes(stamps) + body


def packets(pid: int, payload: bytes, *, entry: bool = False, pcr: int | None = None) -> bytes:
    """Cut a payload into transport packets; the first may hold a clock and an entry mark."""
    out = bytearray()
    first = True
    while payload or first:
        adaptation = b""
        if first and (entry or pcr is not None):
            flags = (0x40 if entry else 0) | (0x10 if pcr is not None else 0)
            clock = bytearray(b"\0\0\0\0\x7e\0") if pcr is not None else bytearray()
            if pcr is not None:
                write_pcr(clock, 0, pcr)
            adaptation = bytes([1 + len(clock), flags]) + bytes(clock)
        room = PAYLOAD_BYTES - len(adaptation)
        body, payload = payload[:room], payload[room:]
        missing = room - len(body)
        if missing:
            if not adaptation:
                adaptation = b"\0" if missing == 1 else bytes([missing - 1, 0])
                adaptation += b"\xff" * (missing - len(adaptation))
            else:
                adaptation = bytes([adaptation[0] + missing]) + adaptation[1:] + b"\xff" * missing
        control = 0x10 | (0x20 if adaptation else 0)
        starts = 0x40 if first else 0
        out += bytes([0x47, starts | pid >> 8, pid & 0xFF, control]) + adaptation + body
        first = False
    return bytes(out)


def picture(at: int, *, entry: bool = False, size: int = 300, mark: int = 0) -> bytes:
    """Make a picture whose content is its `mark`."""
    body = bytes([mark]) * size
    return packets(Pid.PICTURE, pes(0xE0, at, None, body), entry=entry, pcr=at)


def sound(at: int, *, mark: int = 0) -> bytes:
    """Make a frame of sound."""
    return packets(Pid.SOUND, pes(0xC0, at, None, bytes([mark]) * 120))


def tables() -> bytes:
    """Make packets that stand for the tables."""
    return packets(Pid.PAT, b"\0pat") + packets(Pid.PMT, b"\0pmt")


def source(count: int, *, first: int = 0, every: int = 5, mark: int = 0) -> bytes:
    """Make what a source writes: pictures with an entry every so many, and the sound with them."""
    out = bytearray(tables())
    sounds = 0
    for number in range(count):
        at = number * SLOT_TICKS
        out += picture(first + at, entry=number % every == 0, mark=mark)
        while sounds * SOUND_TICKS < at + SLOT_TICKS:
            out += sound(first + sounds * SOUND_TICKS, mark=mark)
            sounds += 1
    return bytes(out)


def units(data: bytes) -> list[Unit]:
    """Give all units of a stream."""
    demuxer = Demuxer()
    return [*demuxer.feed(data), *demuxer.finish()]


def loop(mark: int = 0) -> Loop:
    """Make the loop of a slate."""
    demuxer = Demuxer()
    found = demuxer.feed(source(10, mark=mark))
    return Loop.of([*found, *demuxer.finish()], demuxer.tables)


def counters(data: bytes) -> dict[int, list[int]]:
    """Give the continuity counters of each stream, in order."""
    found: dict[int, list[int]] = {}
    for at in range(0, len(data), PACKET_BYTES):
        pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
        found.setdefault(pid, []).append(data[at + 3] & 15)
    return found


def off_loop(look: Callable[[], T]) -> T:
    """Call what blocks where it may; a test has the time to wait for it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(look).result()
