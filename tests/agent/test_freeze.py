"""A guest that was frozen is thawed, whatever happens meanwhile."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.agent.fake import FREEZE, STATUS, SYNC, THAW, FakeAgent
from tests.waiting import until
from tui.agent import (
    AgentGarbage,
    AgentRefused,
    AgentSilent,
    Freeze,
    FreezeLapsed,
    Freezer,
    FrozenAlready,
    NoAgent,
    NotThawed,
    frozen,
)

LONG = 30.0


async def test_frozen_for_the_length_of_the_block(agent: FakeAgent) -> None:
    async with frozen(agent.path, limit=LONG) as freeze:
        assert agent.frozen
        assert (freeze.filesystems, freeze.until) == (2, None)
        first = freeze.seconds
        await asyncio.sleep(0.05)
        assert freeze.seconds > first
    assert not agent.frozen
    assert freeze.until is not None
    assert 0.05 < freeze.seconds < LONG
    assert agent.calls == [SYNC, STATUS, FREEZE, SYNC, STATUS, THAW, STATUS]


async def test_an_error_in_the_block_stays_what_it_was(agent: FakeAgent) -> None:
    with pytest.raises(ZeroDivisionError):
        async with frozen(agent.path, limit=LONG):
            raise ZeroDivisionError
    assert not agent.frozen


@pytest.mark.parametrize("slow", ["", FREEZE, THAW], ids=["in", "freezing", "thawing"])
async def test_a_cancelled_one_is_thawed(agent: FakeAgent, slow: str) -> None:
    agent.takes = {slow: 0.5}
    inside = asyncio.Event()

    async def freeze() -> None:
        async with frozen(agent.path, limit=LONG):
            inside.set()
            if slow != THAW:
                await asyncio.Event().wait()

    task = asyncio.create_task(freeze())
    if slow == FREEZE:
        await until(lambda: agent.begun[-1:] == [FREEZE])
    else:
        await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not agent.frozen
    assert agent.calls[-2:] == [THAW, STATUS]


async def test_the_limit_ends_it(agent: FakeAgent) -> None:
    seen: list[Freeze] = []

    async def stay_too_long() -> None:
        async with frozen(agent.path, limit=0.2) as freeze:
            seen.append(freeze)
            await until(lambda: not agent.frozen)
            await until(lambda: freeze.until is not None)

    with pytest.raises(FreezeLapsed, match=r"its limit of 0\.2 s has passed"):
        await stay_too_long()
    assert 0.2 <= seen[0].seconds < LONG
    assert agent.calls.count(THAW) == 1


async def test_thawed_by_somebody_else_is_told(agent: FakeAgent) -> None:
    with pytest.raises(FreezeLapsed, match="not by us"):
        async with frozen(agent.path, limit=LONG):
            agent.frozen = False


async def test_what_somebody_else_froze_is_left_alone(agent: FakeAgent) -> None:
    agent.frozen = True
    with pytest.raises(FrozenAlready):
        async with frozen(agent.path, limit=LONG):
            raise AssertionError
    assert agent.frozen
    assert agent.calls == [SYNC, STATUS]


async def test_where_no_agent_answers_nothing_is_frozen(agent: FakeAgent) -> None:
    agent.answers.clear()
    began = time.monotonic()
    with pytest.raises(AgentSilent, match=r"no answer to guest-sync-delimited within 0\.2 s"):
        async with frozen(agent.path, limit=LONG, answer=0.2):
            raise AssertionError
    assert time.monotonic() - began < 5
    # What was asked comes to it later, and does no harm.
    agent.answers.set()
    async with frozen(agent.path, limit=LONG):
        assert agent.frozen
    assert agent.calls.count(FREEZE) == 1


async def test_no_socket_or_no_agent_behind_it(agent: FakeAgent, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("none", "file", "x" * 200):
        with pytest.raises(NoAgent):
            await Freezer(tmp_path / name, limit=LONG).begin()
    for garbage in (b"\xffnonsense\n", b"\xff[]\n", b"x" * (1 << 17)):
        agent.garbage = garbage
        with pytest.raises(AgentGarbage):
            await Freezer(agent.path, limit=LONG, answer=5.0).begin()
    assert FREEZE not in agent.calls


@pytest.mark.parametrize("command", [FREEZE, STATUS])
async def test_a_refusal_is_told(agent: FakeAgent, command: str) -> None:
    agent.refuses = {command}
    with pytest.raises((AgentRefused, NotThawed), match="has been disabled"):
        async with frozen(agent.path, limit=LONG):
            raise AssertionError
    assert not agent.frozen


async def test_a_guest_that_freezes_too_late_is_thawed(agent: FakeAgent) -> None:
    agent.takes = {FREEZE: 0.6}
    with pytest.raises(AgentSilent, match=r"no answer to guest-fsfreeze-freeze within 0\.2 s"):
        async with frozen(agent.path, limit=LONG, deadline=0.2):
            raise AssertionError
    assert agent.calls[-4:] == [SYNC, STATUS, THAW, STATUS]
    assert not agent.frozen


async def test_it_asks_again_on_a_new_line_when_the_old_one_is_cut(agent: FakeAgent) -> None:
    agent.hangs_up_at = THAW
    with pytest.raises(NotThawed, match="MAY STILL BE FROZEN"):
        async with frozen(agent.path, limit=LONG):
            pass
    # The watchdog goes on.
    await until(lambda: not agent.frozen)
    assert agent.clients == 2
