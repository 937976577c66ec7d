"""A real QEMU for one test: no guest, no devices but those asked for, two monitors."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from tests.said import said
from tui.demo.qemu import Qemu, running_qemu
from tui.demo.qemu_binary import find_qemu

MACHINE = ("-machine", "none")
"""Starts fastest, has block nodes and jobs, but no bus to attach a device to."""

PC = ("-machine", "q35,accel=tcg", "-m", "16")
"""For disks attached to devices."""

_COMMAND_SECONDS = 20.0
_LONGEST_LINE = 16 << 20


class Refused(Exception):
    """QEMU answered with an error; the text is its `desc`."""


class Vm:
    """A running QEMU.

    Attributes:
        monitor: the QMP socket that the test gives to BlockDeck.
        second: the QMP socket that `qmp` speaks through.
        events: the events that came between the replies of `qmp`.
    """

    def __init__(self, directory: Path, qemu: Qemu) -> None:
        self.directory = directory
        self.monitor = directory / "monitor.sock"
        self.second = directory / "second.sock"
        self.pid = qemu.pid
        self.events: list[dict[str, Any]] = []
        self._qemu = qemu
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def qmp(
        self, command: str, arguments: Mapping[str, Any] | None = None, **more: Any
    ) -> Any:
        """Run a command on the second monitor; `job_id=` is sent as `job-id`.

        Raises:
            Refused: QEMU answered with an error.
        """
        spelled = {name.replace("_", "-"): value for name, value in more.items()}
        async with self._turn, asyncio.timeout(_COMMAND_SECONDS):
            if self._line is None:
                self._line = await asyncio.open_unix_connection(self.second, limit=_LONGEST_LINE)
                await self._line[0].readline()
                await self._ask("qmp_capabilities", {})
            return await self._ask(command, {**(arguments or {}), **spelled})

    async def _ask(self, command: str, arguments: Mapping[str, Any]) -> Any:
        assert self._line is not None
        reader, writer = self._line
        writer.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        await writer.drain()
        while line := await reader.readline():
            said = json.loads(line)
            if "event" in said:
                self.events.append(said)
            elif "error" in said:
                raise Refused(said["error"]["desc"])
            # A QEMU that finds its client waiting when it starts may greet twice.
            elif "QMP" not in said:
                assert "return" in said, said
                return said["return"]
        raise ConnectionError("QEMU hung up")

    async def write(self, device: str, offset: int, length: int, byte: int) -> None:
        """Write to a disk as its guest would, and wait until it is done."""
        command = f'qemu-io {device} "write -q -P {byte} {offset} {length}"'
        said = await self.qmp("human-monitor-command", command_line=command)
        assert said == "", said

    async def kill(self) -> None:
        """Kill QEMU, as a crash would."""
        await self._qemu.kill()

    async def ended(self) -> str:
        """Wait until QEMU has ended; tells how."""
        return await self._qemu.ended()

    async def hang_up(self) -> None:
        """Leave the second monitor to another client."""
        if self._line is not None:
            self._line[1].close()
            with contextlib.suppress(ConnectionError):
                await self._line[1].wait_closed()
            self._line = None


@contextlib.asynccontextmanager
async def qemu(directory: Path, *options: str) -> AsyncIterator[Vm]:
    """Run QEMU, stopped, with `MACHINE` unless the options name one; it is killed at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    machine = () if "-machine" in options else MACHINE
    bare = ("-S", "-no-user-config", "-nodefaults", "-display", "none")
    monitors = [directory / "monitor.sock", directory / "second.sock"]
    log = directory / "qemu.log"
    found = find_qemu()
    command = [*found.options, *bare, *machine, *options]
    async with running_qemu(found.system, command, monitors, log) as running:
        vm = Vm(directory, running)
        try:
            # The first reply comes when QEMU has read all its options.
            await vm.qmp("query-status")
            yield vm
        except ConnectionError as error:
            raise AssertionError(f"{await vm.ended()}\n{command}") from error
        finally:
            await vm.hang_up()


def qemu_img(*arguments: str | Path) -> str:
    """Run qemu-img and return what it prints."""
    return said(find_qemu().img, *arguments)


class QemuStarter:
    """Starts QEMUs that live as long as the test."""

    def __init__(self, directory: Path, owner: contextlib.AsyncExitStack) -> None:
        self._directory = directory
        self._owner = owner
        self._numbers = itertools.count()

    async def __call__(self, *options: str) -> Vm:
        """One more QEMU, in a directory of its own."""
        directory = self._directory / f"vm{next(self._numbers)}"
        return await self._owner.enter_async_context(qemu(directory, *options))

    async def with_data(self, size: int) -> Vm:
        """One with a disk, `drive0` on `disk.qcow2`, that has so many bytes of data on it."""
        disk = self._directory / "disk.qcow2"
        qemu_img("create", "-q", "-f", "qcow2", disk, "64M")
        vm = await self("-drive", f"if=none,id=drive0,format=qcow2,file={disk}")
        await vm.write("drive0", 0, size, 0xA5)
        return vm
