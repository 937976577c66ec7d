"""Terminals and VMs for journeys."""

from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from tests.journeys.tmux import Tmux
from tests.qemu import QemuStarter, Vm

MIB = 1 << 20
DATA = 16 * MIB


class TerminalOpener(Protocol):
    """Opens a terminal of a size."""

    def __call__(self, width: int = 80, height: int = 24, **options: Any) -> Tmux:
        """See `Tmux`."""


@pytest.fixture
def terminal() -> Iterator[TerminalOpener]:
    """`terminal(80, 24)`; all are closed when the test ends."""
    opened: list[Tmux] = []

    def opener(width: int = 80, height: int = 24, **options: Any) -> Tmux:
        opened.append(Tmux(width, height, **options))
        return opened[-1]

    yield opener
    for one in opened:
        one.close()


@pytest.fixture
async def vm(qemu: QemuStarter) -> Vm:
    """A VM with one disk, `drive0`, that has `DATA` bytes of data on it."""
    machine = await qemu.with_data(DATA)
    # The image is compared while QEMU has it open.
    await machine.qmp("human-monitor-command", command_line='qemu-io drive0 "flush"')
    return machine
