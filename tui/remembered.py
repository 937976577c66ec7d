"""What is remembered from one session to the next, kept where it is while this one runs."""

import asyncio
from pathlib import Path

from tui.memory import Memory
from tui.qmp.address import UnixAddress, parse_address
from tui.vm.snapshot import VmSnapshot

FILE_NAME = "memory.json"


class Remembered:
    """The memory and its file, which is written as soon as there is something new in it.

    Args:
        state: the directory that the file is in.

    Attributes:
        memory: empty until it has been loaded.
    """

    def __init__(self, state: Path) -> None:
        self.memory = Memory()
        self._file = state / FILE_NAME

    async def load(self) -> None:
        """Read what earlier sessions have left."""
        self.memory = await asyncio.to_thread(Memory.load, self._file)

    async def monitor(self, address: str) -> None:
        """Offer this monitor the next time, first of all."""
        self.memory.used(_lasting(address))
        await self._save()

    async def theme(self, name: str) -> None:
        """Begin with this theme the next time, unless the settings name one."""
        if name != self.memory.theme:
            self.memory.theme = name
            await self._save()

    async def directory(self, vm: VmSnapshot, directory: str) -> None:
        """Suggest this directory for the VM's next backup."""
        self.memory.directories[vm.uuid or vm.name] = directory
        await self._save()

    async def fleece(self, vm: VmSnapshot, directory: str) -> None:
        """Suggest this directory for the fleecing of the VM's next chain; "" is none."""
        if self.memory.fleeces.get(vm.uuid or vm.name, "") != directory:
            self.memory.fleeces[vm.uuid or vm.name] = directory
            await self._save()

    async def _save(self) -> None:
        await asyncio.to_thread(self.memory.save, self._file)


def _lasting(monitor: str) -> str:
    """The monitor's address as it will be good in another working directory."""
    address = parse_address(monitor)
    return str(address.path.absolute()) if isinstance(address, UnixAddress) else monitor
