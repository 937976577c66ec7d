"""BlockDeck is stopped and goes on, by the shell or by somebody else."""

import signal

import psutil
import pytest

from tests.line.conftest import LineOpener
from tests.line.terminal import Line
from tests.line.test_leaving import left_behind
from tests.qemu import Vm
from tests.waiting import until


async def is_stopped(there: Line) -> None:
    """Wait until the process stands still."""
    process = psutil.Process(there.process.pid)
    await until(lambda: process.status() == psutil.STATUS_STOPPED)


async def sends_more(there: Line, mark: int) -> None:
    """Wait until more has come than so many bytes."""
    await until(lambda: len(there.sent) > mark)


async def test_the_shell_has_the_terminal_meanwhile(vm: Vm, line: LineOpener) -> None:
    there = line(vm.monitor)
    await there.shows("drive0", "ready")
    there.signal(signal.SIGTSTP)
    await is_stopped(there)
    assert there.attributes == there.attributes_before
    await until(lambda: left_behind(there.sent) == [])

    there.signal(signal.SIGCONT)
    await until(lambda: there.attributes != there.attributes_before)
    await there.shows("drive0", "ready")
    there.press(b"2")
    await there.shows("No job")
    there.press(b"q")
    assert await there.ended(within=5) == 0
    assert there.attributes == there.attributes_before


@pytest.mark.parametrize("stopped", [True, False], ids=["stopped", "not stopped"])
async def test_who_goes_on_reads_keys_once_and_gives_the_terminal_back(
    vm: Vm, line: LineOpener, *, stopped: bool
) -> None:
    there = line(vm.monitor)
    await there.shows("drive0", "ready")
    await there.quiet()
    threads = psutil.Process(there.process.pid).num_threads()
    for _ in range(3):
        if stopped:
            there.signal(signal.SIGSTOP)
            await is_stopped(there)
        mark = len(there.sent)
        there.signal(signal.SIGCONT)
        await sends_more(there, mark)
        await there.quiet()
    assert psutil.Process(there.process.pid).num_threads() == threads
    there.press(b"2")
    await there.shows("No job")
    there.press(b"q")
    assert await there.ended(within=5) == 0
    assert there.attributes == there.attributes_before


async def test_it_ends_when_its_terminal_is_lost_though_it_is_told_to_go_on(
    vm: Vm, line: LineOpener
) -> None:
    there = line(vm.monitor)
    await there.shows("drive0", "ready")
    # As the kernel does with those whose session has lost its terminal.
    there.signal(signal.SIGCONT)
    there.signal(signal.SIGHUP)
    there.signal(signal.SIGCONT)
    assert await there.ended(within=5) == 128 + signal.SIGHUP
    assert there.attributes == there.attributes_before
