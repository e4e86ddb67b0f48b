"""Calls that a disk may hang: a bounded number of threads, and whoever waits may give up."""

import threading
from collections.abc import Callable

import anyio
import pytest

from tallyd.drivers import threads
from tallyd.drivers.threads import Threads


class Hung:
    """A call that hangs until it is let go."""

    def __init__(self) -> None:
        self.calls = 0
        self.let_go = threading.Event()

    def __call__(self) -> int:
        """Hang, and give how many calls there were."""
        self.calls += 1
        assert self.let_go.wait(20)
        return self.calls


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon."""
    monkeypatch.setattr(threads, "GRACE_S", 0.05)


async def seen(look: Callable[[], object]) -> None:
    """Wait until there is something to see."""
    with anyio.fail_after(10):
        while not look():  # noqa: ASYNC110 - what a thread does sets no event
            await anyio.sleep(0.01)


async def test_a_call_gives_what_it_gives(tasks):
    """Its result, or what it raises."""
    some = Threads(1, tasks.start_soon)
    assert await some.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await some.run(lambda: 1 // 0)


async def test_what_hangs_takes_no_more_threads_than_there_are(tasks):
    """Those who come later wait and give up too; when it answers it serves again."""
    some, hung = Threads(2, tasks.start_soon), Hung()
    for _ in range(5):
        with anyio.move_on_after(0.05) as scope:
            await some.run(hung)
        assert scope.cancelled_caught
    assert hung.calls == 2
    hung.let_go.set()
    with anyio.fail_after(10):
        assert await some.run(lambda: "served") == "served"
    assert hung.calls == 2


async def test_what_comes_of_a_call_that_was_given_up_is_undone(tasks):
    """Later, when it comes, or at once."""
    some, hung, undone = Threads(1, tasks.start_soon), Hung(), []

    async def undo(result: int) -> None:
        undone.append(result)

    with anyio.move_on_after(0.05):
        await some.run(hung, undo)
    assert undone == []
    hung.let_go.set()
    await seen(lambda: undone == [1])
    hung.let_go.clear()
    with anyio.CancelScope() as scope:
        tasks.start_soon(_cancel_and_let_go, scope, hung)
        await some.run(hung, undo)
    assert scope.cancelled_caught
    await seen(lambda: undone == [1, 2])


async def _cancel_and_let_go(scope: anyio.CancelScope, hung: Hung) -> None:
    await seen(lambda: hung.calls == 2)
    scope.cancel()
    hung.let_go.set()


async def test_a_call_is_made_once_however_often_it_is_waited_for(tasks):
    """Who gave up waiting may come again for the result."""
    hung = Hung()
    call = Threads(1, tasks.start_soon).begin(hung)
    for _ in range(3):
        with anyio.move_on_after(0.02):
            await call.result()
    hung.let_go.set()
    with anyio.fail_after(10):
        assert await call.result() == 1
    assert hung.calls == 1
