"""Work done aside holds up neither the program nor other work, and threads are used again."""

import asyncio
import threading

import pytest

from tests.waiting import until
from tui.qmp.aside import aside


async def test_threads_that_are_done_are_used_again() -> None:
    by = set()
    for _ in range(20):
        by.add(await aside(threading.get_ident, "one of many"))
        await until(lambda: "idle" in {thread.name for thread in threading.enumerate()})
    # A few may have been left idle by what was done before.
    assert len(by) <= 5


async def test_none_waits_for_one_that_hangs() -> None:
    go_on = threading.Event()
    try:
        hanging = [aside(go_on.wait, "hangs") for _ in range(8)]
        assert await asyncio.wait_for(aside(lambda: "done", "quick"), 10) == "done"
        assert not any(one.done() for one in hanging)
        assert "hangs" in {thread.name for thread in threading.enumerate()}
    finally:
        go_on.set()
    assert all(await asyncio.gather(*hanging))


async def test_what_fails_is_raised_where_it_is_awaited_and_ends_no_thread() -> None:
    def fail() -> None:
        raise OSError("no such disk")

    for _ in range(3):
        with pytest.raises(OSError, match="no such disk"):
            await aside(fail, "fails")
    assert await aside(lambda: 1, "goes on") == 1


async def test_who_stops_waiting_stops_nothing() -> None:
    go_on, done = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait()
        done.set()

    abandoned = aside(work, "abandoned")
    abandoned.cancel()
    go_on.set()
    await aside(done.wait, "waits for it")
    assert await aside(lambda: 2, "goes on") == 2
