"""The smallest honest program on the same packages: `python -m tests.bench.least SOCKET`.

Textual, qemu.qmp and pydantic used the straightforward way: connect, ask for the disks, validate
what QEMU says, show it in a table. What it takes until then is what those packages take.
"""

import sys
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter
from qemu.qmp import QMPClient
from textual.app import App, ComposeResult
from textual.widgets import DataTable


class Image(BaseModel):
    """`ImageInfo`."""

    format: str
    virtual_size: int = Field(alias="virtual-size")


class Inserted(BaseModel):
    """`BlockDeviceInfo`."""

    file: str
    drv: str
    image: Image


class Disk(BaseModel):
    """`BlockInfo`."""

    device: str
    qdev: str | None = None
    inserted: Inserted | None = None


class Least(App[None]):
    """The disks of a VM.

    Args:
        monitor: its QMP socket.
    """

    def __init__(self, monitor: str) -> None:
        super().__init__()
        self._monitor = monitor
        self._client = QMPClient("least")

    def compose(self) -> ComposeResult:
        """A table."""
        yield DataTable[str]()

    async def on_mount(self) -> None:
        """Ask, and show the answer."""
        await self._client.connect(self._monitor)
        said: Any = await self._client.execute("query-block")
        table = self.query_one(DataTable)
        table.add_columns("Disk", "Format", "Size", "File")
        for disk in TypeAdapter(list[Disk]).validate_python(said):
            held = disk.inserted
            table.add_row(
                disk.device,
                *(held.drv, str(held.image.virtual_size), held.file) if held else ("", "", ""),
            )

    async def on_unmount(self) -> None:
        """Hang up."""
        await self._client.disconnect()


if __name__ == "__main__":
    Least(*sys.argv[1:]).run()
