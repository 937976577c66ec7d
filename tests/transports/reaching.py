"""A real monitor behind each transport, all of them alike to a test."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from tests.qmp.machine import Machine, machine
from tests.transports.ports import free_port
from tui.qmp.address import MonitorAddress, TcpAddress, UnixAddress
from tui.qmp.models import QmpEvent
from tui.qmp.session import QmpSession

MONITOR = ("-qmp", "tcp:127.0.0.1:{port},server=on,wait=off")
"""The option for a monitor on a port of the loopback."""


@dataclass(frozen=True)
class Reached:
    """A QEMU, and the address that leads to a monitor of it.

    Attributes:
        nul: whether texts may have NUL characters in them.
    """

    address: MonitorAddress
    pid: int
    nul: bool = True

    def signal(self, number: signal.Signals) -> None:
        """Stop, continue or kill the QEMU."""
        os.kill(self.pid, number)

    async def connect(
        self, on_event: Callable[[QmpEvent], None] = lambda _: None, timeout: float = 10.0
    ) -> QmpSession:
        """A session."""
        return await QmpSession.connect(self.address, on_event=on_event, timeout=timeout)


@contextlib.asynccontextmanager
async def over_unix(place: Path) -> AsyncIterator[Reached]:
    """`-qmp unix:…`."""
    async with machine(place) as vm:
        yield Reached(UnixAddress(path=vm.monitor), vm.pid)


@contextlib.asynccontextmanager
async def over_tcp(place: Path) -> AsyncIterator[Reached]:
    """`-qmp tcp:…`."""
    async with on_a_port(place, *MONITOR) as (vm, port):
        yield Reached(TcpAddress(host="127.0.0.1", port=port), vm.pid)


@contextlib.asynccontextmanager
async def on_a_port(place: Path, *options: str) -> AsyncIterator[tuple[Machine, int]]:
    """A QEMU one of whose options names a free port."""
    port = free_port()
    async with machine(place, *(option.format(port=port) for option in options)) as vm:
        yield vm, port
