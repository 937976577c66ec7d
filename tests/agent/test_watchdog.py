"""The watchdog thaws the guest when the process that froze it cannot."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from tests.agent.fake import FREEZE, THAW, FakeAgent
from tests.waiting import until
from tui.agent import AgentError, FreezeLapsed, Freezer, frozen
from tui.agent.guard import Guard

ROOT = Path(__file__).resolve().parents[2]
LONG = 60.0


def watchdogs(path: Path) -> list[psutil.Process]:
    """Those that stand by for this agent."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = process.cmdline()
            if any(w.endswith("watchdog.py") for w in words) and str(path) in words:
                found.append(process)
    return found


@contextlib.asynccontextmanager
async def freezer(agent: FakeAgent, limit: float = LONG) -> AsyncIterator[Process]:
    """A process, in a session of its own, that has the guest frozen."""
    command = [sys.executable, "-m", "tests.agent.freezing", str(agent.path), str(limit)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=PIPE, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"frozen\n"
        assert agent.frozen
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
async def test_whatever_ends_the_process_the_guest_is_thawed(
    agent: FakeAgent, number: signal.Signals
) -> None:
    async with freezer(agent) as process:
        # Everything of the session gets it, as when a terminal hangs up.
        os.killpg(process.pid, number)
        await until(lambda: not agent.frozen)
        await process.wait()
    await until(lambda: watchdogs(agent.path) == [])
    assert THAW in agent.calls


async def test_a_process_that_hangs_does_not_keep_the_guest_frozen(agent: FakeAgent) -> None:
    async with freezer(agent, limit=0.5) as process:
        process.send_signal(signal.SIGSTOP)
        await until(lambda: not agent.frozen)
        assert psutil.Process(process.pid).status() == psutil.STATUS_STOPPED


async def test_it_waits_for_a_guest_that_does_not_answer_yet(agent: FakeAgent) -> None:
    async with freezer(agent) as process:
        agent.answers.clear()
        process.kill()
        await process.wait()
        (standing,) = watchdogs(agent.path)
        assert agent.frozen
        agent.answers.set()
        await until(lambda: not agent.frozen)
    await until(lambda: not standing.is_running())


async def test_killed_while_it_freezes(agent: FakeAgent) -> None:
    agent.takes = {FREEZE: 0.5}
    command = [sys.executable, "-m", "tests.agent.freezing", str(agent.path), str(LONG)]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE)
    await until(lambda: FREEZE in agent.begun)
    assert not agent.frozen
    process.kill()
    await process.communicate()
    await until(lambda: THAW in agent.calls)
    assert not agent.frozen


async def test_none_is_left_when_all_went_well(agent: FakeAgent) -> None:
    async with frozen(agent.path, limit=LONG):
        (standing,) = watchdogs(agent.path)
        assert os.getsid(standing.pid) != os.getsid(0)
    await until(lambda: not standing.is_running())
    assert agent.calls.count(THAW) == 1


async def test_without_a_watchdog_the_guest_is_not_kept_frozen(agent: FakeAgent) -> None:
    async def lose_it() -> None:
        async with frozen(agent.path, limit=LONG):
            (standing,) = watchdogs(agent.path)
            standing.kill()
            await until(lambda: not agent.frozen)

    with pytest.raises(FreezeLapsed, match="its watchdog has ended"):
        await lose_it()


async def test_a_watchdog_that_is_told_to_end_thaws_first(agent: FakeAgent) -> None:
    async with freezer(agent) as process:
        process.send_signal(signal.SIGSTOP)
        (standing,) = watchdogs(agent.path)
        standing.terminate()
        await until(lambda: not agent.frozen)


async def test_without_a_watchdog_nothing_is_frozen(
    agent: FakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(AgentError, match="the watchdog that would thaw"):
        await Freezer(agent.path, limit=LONG).begin()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(AgentError, match="the watchdog that would thaw"):
        await Freezer(agent.path, limit=LONG).begin()
    assert FREEZE not in agent.calls


async def test_one_that_was_not_armed_does_nothing(agent: FakeAgent) -> None:
    agent.frozen = True
    reader, writer = await asyncio.open_unix_connection(agent.path)
    line = writer.get_extra_info("socket").fileno()
    guard = await Guard.start(line, agent.path, LONG)
    (standing,) = watchdogs(agent.path)
    guard.leave()
    await until(lambda: not standing.is_running())
    writer.close()
    await reader.read()
    assert agent.calls == []
