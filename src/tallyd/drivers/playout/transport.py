"""MPEG-TS as the playout needs it: packets into units, units onto another time. Pure, no I/O.

A unit is what one PES packet holds, still in its transport packets: one picture, or one frame of
sound. It is never taken apart: only its time stamps and continuity counters are written anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

PACKET_BYTES = 188
TICKS_PER_S = 90_000
WRAP = 1 << 33
"""Time stamps count modulo this many ticks: 26.5 hours."""

_SYNC = 0x47
_STARTS = 0x40
_HAS_ADAPTATION = 0x20
_HAS_PAYLOAD = 0x10
_RANDOM_ACCESS = 0x40
_HAS_PCR = 0x10
_HAS_PTS = 0x80
_HAS_DTS = 0x40
_HEADER_BYTES = 4
_PES_FIXED_BYTES = 9
_STAMP_BYTES = 5


class Pid(IntEnum):
    """The streams that a source is made to write, by their packet identifiers."""

    PAT = 0x0000
    PICTURE = 0x0100
    SOUND = 0x0101
    PMT = 0x1000


TABLES = frozenset({Pid.PAT, Pid.PMT})
_KNOWN = frozenset(Pid)


class DamagedStreamError(Exception):
    """What came is no transport stream, or not one that a source was told to write."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One picture or frame of sound. `at` is its decoding time in ticks; so is `pts`, for showing.

    `entry` tells whether a decoder can begin with it.
    """

    pid: Pid
    at: int
    pts: int
    entry: bool
    packets: bytes


class Demuxer:
    """Cuts the bytes of a source into units, as soon as each is known to be whole."""

    def __init__(self) -> None:
        self._rest = b""
        self._open: dict[Pid, bytearray] = {}
        self.tables: dict[Pid, bytes] = {}

    def feed(self, data: bytes) -> list[Unit]:
        """Give the units that `data` completes.

        Raises:
            DamagedStreamError: packets do not begin where they should, or hold no time stamps.
        """
        data = self._rest + data
        whole = len(data) - len(data) % PACKET_BYTES
        self._rest = data[whole:]
        found: list[Unit] = []
        for at in range(0, whole, PACKET_BYTES):
            if data[at] != _SYNC:
                raise DamagedStreamError("a packet does not begin where it should")
            number = (data[at + 1] & 0x1F) << 8 | data[at + 2]
            if number in _KNOWN:
                self._take(Pid(number), data[at : at + PACKET_BYTES], found)
        return found

    def finish(self) -> list[Unit]:
        """Give what was begun, once nothing more comes."""
        found = [_unit(pid, bytes(packets)) for pid, packets in sorted(self._open.items())]
        self._open.clear()
        return found

    def _take(self, pid: Pid, packet: bytes, found: list[Unit]) -> None:
        if pid in TABLES:
            self.tables.setdefault(pid, packet)
            return
        begun = self._open.get(pid)
        if packet[1] & _STARTS:
            if begun is not None:
                found.append(_unit(pid, bytes(begun)))
            self._open[pid] = bytearray(packet)
        elif begun is not None:  # else: the middle of a unit whose beginning was not seen
            begun += packet


def _unit(pid: Pid, packets: bytes) -> Unit:
    begins = _payload_of(packets)
    flags = packets[begins + 7 : begins + 8]
    if packets[begins : begins + 3] != b"\0\0\1" or not flags or not flags[0] & _HAS_PTS:
        raise DamagedStreamError("a unit has no time stamp")
    pts = read_stamp(packets, begins + _PES_FIXED_BYTES)
    has_dts = bool(flags[0] & _HAS_DTS)
    dts = read_stamp(packets, begins + _PES_FIXED_BYTES + _STAMP_BYTES) if has_dts else pts
    adapted = packets[3] & _HAS_ADAPTATION and packets[4]
    entry = bool(adapted and packets[5] & _RANDOM_ACCESS)
    return Unit(pid, dts, pts, entry, packets)


def ticks_between(earlier: int, later: int) -> int:
    """Give how many ticks `later` is after `earlier`, the nearer way round; may be negative."""
    return (later - earlier + WRAP // 2) % WRAP - WRAP // 2


def read_stamp(data: bytes | bytearray, at: int) -> int:
    """Read a PTS or DTS."""
    a, b, c, d, e = data[at : at + _STAMP_BYTES]
    return (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1


def write_stamp(data: bytearray, at: int, ticks: int) -> None:
    """Write a PTS or DTS over another."""
    ticks %= WRAP
    data[at] = data[at] & 0xF0 | (ticks >> 30) << 1 | 1
    data[at + 1] = ticks >> 22 & 0xFF
    data[at + 2] = (ticks >> 15 & 0x7F) << 1 | 1
    data[at + 3] = ticks >> 7 & 0xFF
    data[at + 4] = (ticks & 0x7F) << 1 | 1


def read_pcr(data: bytes | bytearray, at: int) -> int:
    """Read the ticks of a PCR; its fraction of a tick stays as it is."""
    return int.from_bytes(data[at : at + 4], "big") << 1 | data[at + 4] >> 7


def write_pcr(data: bytearray, at: int, ticks: int) -> None:
    """Write the ticks of a PCR over others."""
    ticks %= WRAP
    data[at : at + 4] = (ticks >> 1).to_bytes(4, "big")
    data[at + 4] = (ticks & 1) << 7 | data[at + 4] & 0x7F


class Restamper:
    """Moves units in time, and counts their packets on: what it writes is one stream."""

    def __init__(self) -> None:
        self._counters: dict[Pid, int] = {}

    def moved(self, unit: Unit, shift: int) -> bytes:
        """Give the packets of a unit, `shift` ticks later."""
        packets = bytearray(unit.packets)
        begins = _payload_of(packets) + _PES_FIXED_BYTES
        write_stamp(packets, begins, unit.pts + shift)
        if packets[begins - 2] & _HAS_DTS:
            write_stamp(packets, begins + _STAMP_BYTES, unit.at + shift)
        for at in _clocks(packets):
            write_pcr(packets, at, read_pcr(packets, at) + shift)
        self._count(unit.pid, packets)
        return bytes(packets)

    def table(self, pid: Pid, packet: bytes) -> bytes:
        """Give a packet of a table."""
        packets = bytearray(packet)
        self._count(pid, packets)
        return bytes(packets)

    def _count(self, pid: Pid, packets: bytearray) -> None:
        counter = self._counters.get(pid, 15)
        for at in range(3, len(packets), PACKET_BYTES):
            if packets[at] & _HAS_PAYLOAD:
                counter = counter + 1 & 15
            packets[at] = packets[at] & 0xF0 | counter
        self._counters[pid] = counter


def _clocks(packets: bytes | bytearray) -> Iterator[int]:
    """Give where the PCRs of a unit stand."""
    for at in range(0, len(packets), PACKET_BYTES):
        if packets[at + 3] & _HAS_ADAPTATION and packets[at + 4] and packets[at + 5] & _HAS_PCR:
            yield at + 6


def _payload_of(packet: bytes | bytearray) -> int:
    """Give where the payload of a packet begins."""
    return _HEADER_BYTES + (1 + packet[4] if packet[3] & _HAS_ADAPTATION else 0)
