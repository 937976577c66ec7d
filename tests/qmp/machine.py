"""A bare QEMU with monitors of every kind, for what only a real one does."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path


class Machine:
    """A running QEMU; `monitor` and `second` are its QMP sockets, `human` its HMP one."""

    def __init__(self, directory: Path, process: asyncio.subprocess.Process) -> None:
        self.monitor = directory / "qmp.sock"
        self.second = directory / "second.sock"
        self.human = directory / "hmp.sock"
        self.pid = process.pid
        self._process = process

    def signal(self, number: signal.Signals) -> None:
        """Stop, continue or kill it."""
        os.kill(self.pid, number)

    async def end(self) -> None:
        """Kill it, stopped or not, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        # communicate() drains and closes the pipes, wait() would leave them to the collector.
        await asyncio.wait_for(self._process.communicate(), 10)


@contextlib.asynccontextmanager
async def machine(directory: Path, *options: str) -> AsyncIterator[Machine]:
    """Run a QEMU without any device. It listens on all its sockets when this is entered."""
    sockets = (("-qmp", "qmp"), ("-qmp", "second"), ("-monitor", "hmp"))
    monitors = [
        word
        for option, name in sockets
        for word in (option, f"unix:{directory}/{name}.sock,server=on,wait=off")
    ]
    process = await asyncio.create_subprocess_exec(
        *("qemu-system-x86_64", "-machine", "none", "-nodefaults", "-display", "none", "-S"),
        *monitors,
        *options,
        *("-qmp", "stdio"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    vm = Machine(directory, process)
    try:
        # QEMU opens all sockets before any monitor greets, and this one is the last.
        assert process.stdout is not None
        greeting = await asyncio.wait_for(process.stdout.readline(), 10)
        assert greeting.startswith(b'{"QMP"')
        yield vm
    finally:
        await vm.end()
