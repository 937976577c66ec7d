"""A server of a backup's target: a QEMU of its own, with an NBD export that can be taken away."""

from dataclasses import dataclass
from pathlib import Path

from tests.qemu import QemuStarter, Vm

EXPORT = "target"


@dataclass(frozen=True)
class TargetServer:
    """A running server and where it listens."""

    vm: Vm
    socket: Path

    @property
    def target(self) -> str:
        """What to give to `drive-backup` as a target that exists."""
        return f"nbd:unix:{self.socket}:exportname={EXPORT}"


async def target_server(qemu: QemuStarter, size: int) -> TargetServer:
    """Serve an empty disk of so many bytes."""
    node = f"null-co,node-name=store,size={size},read-zeroes=on"
    vm = await qemu("-blockdev", node)
    socket = vm.directory / "nbd.sock"
    await vm.qmp("nbd-server-start", addr={"type": "unix", "data": {"path": str(socket)}})
    await vm.qmp(
        "block-export-add", type="nbd", id="e", node_name="store", name=EXPORT, writable=True
    )
    return TargetServer(vm, socket)


async def add_target_nodes(vm: Vm, server: TargetServer, top: str, bottom: str) -> None:
    """Open the served disk as a target, by nodes of these names."""
    place = {"type": "unix", "path": str(server.socket)}
    await vm.qmp("blockdev-add", driver="nbd", node_name=bottom, server=place, export=EXPORT)
    await vm.qmp("blockdev-add", driver="raw", node_name=top, file=bottom)
