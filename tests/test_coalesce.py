"""Many changes, few repaints, and none without a change."""

import asyncio
from itertools import pairwise

from tests.waiting import until
from tui.coalesce import Coalescer


async def test_the_first_change_acts_at_once_and_a_burst_acts_twice() -> None:
    acts: list[float] = []
    loop = asyncio.get_running_loop()
    coalescer = Coalescer(0.1, lambda: acts.append(loop.time()))
    coalescer.changed()
    await until(lambda: len(acts) == 1, within=0.09)
    for _ in range(1000):
        coalescer.changed()
    await until(lambda: len(acts) == 2)
    assert acts[1] - acts[0] >= 0.09
    coalescer.changed()
    await until(lambda: len(acts) == 3)
    assert acts[2] - acts[1] >= 0.09


async def test_news_acts_at_once_also_after_a_mere_change() -> None:
    acts: list[None] = []
    coalescer = Coalescer(60, lambda: acts.append(None))
    coalescer.changed()
    await until(lambda: len(acts) == 1)
    coalescer.changed()
    coalescer.changed(news=True)
    await until(lambda: len(acts) == 2, within=5)


async def test_a_flood_of_news_acts_ever_less_often() -> None:
    acts: list[float] = []
    loop = asyncio.get_running_loop()
    coalescer = Coalescer(0.2, lambda: acts.append(loop.time()))
    while len(acts) < 6:
        coalescer.changed(news=True)
        await asyncio.sleep(0)
    gaps = [after - before for before, after in pairwise(acts)]
    for gap, least in zip(gaps, (0.04, 0.08, 0.16, 0.2, 0.2), strict=True):
        assert gap >= least - 0.01


async def test_nothing_is_scheduled_while_nothing_changes() -> None:
    acts: list[None] = []
    coalescer = Coalescer(0.0, lambda: acts.append(None))
    await asyncio.sleep(0)
    assert acts == []
    coalescer.changed()
    coalescer.stop()
    await asyncio.sleep(0.01)
    assert acts == []


async def test_after_a_stop_it_may_change_again() -> None:
    acts: list[None] = []
    coalescer = Coalescer(0.0, lambda: acts.append(None))
    coalescer.changed()
    coalescer.stop()
    coalescer.changed()
    await until(lambda: acts)
    assert len(acts) == 1


async def test_a_change_made_by_the_action_is_not_lost() -> None:
    acts: list[None] = []

    def act() -> None:
        acts.append(None)
        if len(acts) < 3:
            coalescer.changed()

    coalescer = Coalescer(0.01, act)
    coalescer.changed()
    await until(lambda: len(acts) == 3)
