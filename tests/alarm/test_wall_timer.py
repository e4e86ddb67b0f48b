"""The kernel's timer: readable when its instant comes, and what its error codes mean."""

import ctypes
import errno
import os
import select
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tallyd.engine.alarm import WallTimer


@pytest.fixture
def timer() -> Iterator[WallTimer]:
    """Give a timer that nobody waits for."""
    timer = WallTimer()
    yield timer
    timer.close()


def rings(timer: WallTimer, within_s: float) -> bool:
    """Tell whether the timer becomes readable in time."""
    return bool(select.select([timer.fd], [], [], within_s)[0])


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(datetime.now(UTC) - timedelta(hours=1), id="an hour ago"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), id="the beginning of time"),
        pytest.param(datetime(1601, 1, 1, tzinfo=UTC), id="before it"),
    ],
)
def test_an_instant_that_has_passed_rings_at_once(timer, at):
    """No instant, however long ago, disarms the timer."""
    assert timer.arm(at) is False
    assert rings(timer, within_s=1)
    assert timer.clock_was_set() is False


def test_an_instant_far_ahead_does_not_ring(timer):
    """The end of the calendar can be waited for."""
    timer.arm(datetime.max.replace(tzinfo=UTC))
    assert not rings(timer, within_s=0)


def test_arming_anew_replaces_what_was_armed(timer):
    """One timer stands for the nearest instant alone."""
    timer.arm(datetime.now(UTC) - timedelta(seconds=1))
    timer.arm(datetime.now(UTC) + timedelta(hours=1))
    assert not rings(timer, within_s=0)


def test_looking_too_early_finds_nothing(timer):
    """A wake-up that was taken already, or never came, is no clock set."""
    timer.arm(datetime.now(UTC) + timedelta(hours=1))
    assert timer.clock_was_set() is False


def test_the_kernel_says_by_an_error_that_the_clock_was_set(timer, monkeypatch):
    """ECANCELED on reading means a clock set, and nothing else does."""
    monkeypatch.setattr(os, "read", _failing(errno.ECANCELED))
    assert timer.clock_was_set() is True
    monkeypatch.setattr(os, "read", _failing(errno.EIO))
    with pytest.raises(OSError, match="EIO"):
        timer.clock_was_set()


def test_arming_tells_of_a_clock_set_that_nobody_has_read(timer, monkeypatch):
    """ECANCELED on arming means a clock set too: the kernel then keeps it from the next read."""
    monkeypatch.setattr(timer, "_libc", _Libc(errno.ECANCELED))
    assert timer.arm(datetime.now(UTC)) is True
    monkeypatch.setattr(timer, "_libc", _Libc(errno.EINVAL))
    with pytest.raises(OSError, match="timerfd_settime"):
        timer.arm(datetime.now(UTC))


def test_a_system_without_timers_says_what_is_missing(monkeypatch):
    """Where the kernel gives no timer, the daemon ends with its reason."""
    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_options: _Libc(errno.EMFILE))
    with pytest.raises(OSError, match="timerfd_create") as raised:
        WallTimer()
    assert raised.value.errno == errno.EMFILE


def _failing(code: int):
    def read(*_args):
        raise OSError(code, errno.errorcode[code])

    return read


class _Libc:
    """A C library whose timer calls fail with one code."""

    def __init__(self, code: int) -> None:
        self._code = code

    def timerfd_create(self, *_args) -> int:
        """Fail."""
        ctypes.set_errno(self._code)
        return -1

    timerfd_settime = timerfd_create
