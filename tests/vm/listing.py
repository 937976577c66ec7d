"""What a real QEMU answers, put together as the worker does."""

import json
from pathlib import Path
from typing import Any

from tests.qemu import Vm, qemu_img
from tui.qmp.models import BlockDeviceInfo, BlockInfo, BlockStats, XDbgBlockGraph, each
from tui.vm.inventory import Inventory, Replies, build_inventory
from tui.vm.snapshot import Device, Medium

KIB, MIB = 1 << 10, 1 << 20


async def replies(vm: Vm, *, named: bool = True) -> Replies:
    """One round of questions to a VM; without `named`, as to a QEMU that must not be asked."""
    nodes = await vm.qmp("query-named-block-nodes", flat=True) if named else None
    return Replies(
        blocks=each(BlockInfo, await vm.qmp("query-block")),
        named=None if nodes is None else each(BlockDeviceInfo, nodes),
        graph=XDbgBlockGraph.model_validate(await vm.qmp("x-debug-query-block-graph")),
    )


async def listing(vm: Vm, before: Inventory | None = None, *, named: bool = True) -> Inventory:
    """The inventory of a VM as it is now."""
    return build_inventory(await replies(vm, named=named), before or Inventory())


async def stats(vm: Vm) -> tuple[BlockStats, ...]:
    """I/O totals of the disks."""
    return each(BlockStats, await vm.qmp("query-blockstats"))


def device(inventory: Inventory, key: str) -> Device:
    """The disk with that key."""
    (found,) = (d for d in inventory.devices if d.key == key)
    return found


def medium(inventory: Inventory, key: str) -> Medium:
    """What is in the disk with that key."""
    found = device(inventory, key).medium
    assert found is not None
    return found


def image(path: Path, size: int = MIB, *, fmt: str = "qcow2", backing: Path | None = None) -> Path:
    """A new image file."""
    options = ("-b", backing, "-F", "qcow2") if backing else ()
    qemu_img("create", "-q", "-f", fmt, *options, path, str(size))
    return path


def drive(path: Path, name: str, fmt: str = "qcow2", more: str = "") -> tuple[str, str]:
    """A disk the `-drive` way, attached to nothing."""
    return "-drive", f"if=none,id={name},file={path},format={fmt}{more}"


def blockdev(path: Path, name: str, **more: Any) -> tuple[str, str]:
    """A qcow2 disk the `-blockdev` way, attached to nothing."""
    file = {"driver": "file", "filename": str(path), "node-name": f"{name}-file"}
    return "-blockdev", json.dumps({"driver": "qcow2", "node-name": name, "file": file, **more})
