"""What QEMU finds by a device or node name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tui.qmp.models import BlockDirtyInfo
from tui.vm.snapshot import BACKUP_FILTER_DRIVERS, Device, Medium, Node, VmSnapshot

# These show their child's data; what is backed by what is told of the child alone.
FILTER_DRIVERS = frozenset({"throttle", "copy-on-read", "preallocate", "compress", "blkreplay"})


@dataclass(frozen=True, slots=True)
class Source:
    """A block node by its name, with what the rules ask of it.

    `by_backend`: the name is that of a backend, not of a node. `is_root`: it is a disk's topmost
    node. `busy` is the type of the job that keeps others off, `maybe_busy` that this cannot be
    told. `has_backing` is None where it cannot be told. `default_job_id` is the id a job gets when
    none is given; "" is none, and QEMU then refuses. `listed` is False of a node that is there and
    of which no more is known.
    """

    state: Literal["no name", "no such node", "no medium", "found"]
    name: str = ""
    by_backend: bool = False
    is_root: bool = False
    device: Device | None = None
    medium: Medium | None = None
    node_name: str = ""
    driver: str | None = None
    filename: str = ""
    virtual_size: int | None = None
    actual_size: int | None = None
    read_only: bool = False
    bitmaps: Sequence[BlockDirtyInfo] = ()
    has_backing: bool | None = None
    busy: str | None = None
    maybe_busy: bool = False
    listed: bool = True
    default_job_id: str = ""

    @property
    def found(self) -> bool:
        """Whether there is such a node."""
        return self.state == "found"

    def bitmap(self, name: str | None) -> BlockDirtyInfo | None:
        """The bitmap of that name on this very node."""
        if not name:
            return None
        return next((bitmap for bitmap in self.bitmaps if bitmap.name == name), None)


def find_source(vm: VmSnapshot, name: str | None) -> Source:
    """Look a name up as QEMU does: backends first, then nodes."""
    if name is None:
        return Source("no name")
    for device in vm.devices:
        if name and device.device == name:
            if device.medium is None:
                return Source("no medium", name=name, by_backend=True, device=device)
            return _of_device(vm, device, device.medium, name, by_backend=True)
    for device in vm.devices:
        if name and device.medium is not None and device.medium.node_name == name:
            return _of_device(vm, device, device.medium, name, by_backend=False)
    # The list of nodes may be older than the graph, which has their names alone.
    there = not vm.graph or name in vm.graph.names
    for node in vm.nodes:
        if name and there and node.name == name:
            return _of_node(vm, node)
    if name in vm.graph.names:
        return _unlisted(vm, name)
    return Source("no such node", name=name)


def _unlisted(vm: VmSnapshot, name: str) -> Source:
    """A node of which nothing is known but that it is there."""
    return Source(
        "found",
        name=name,
        node_name=name,
        listed=False,
        busy=_job_on(vm, name),
        default_job_id=_backend_on(vm, name),
    )


def _job_on(vm: VmSnapshot, node: str | None) -> str | None:
    """The type of the job that holds a node."""
    users = vm.graph.users(node or "")
    job = vm.job(users[0]) if users else None
    return (job.type if job else "") or "backup" if users else None


def _backend_on(vm: VmSnapshot, node: str) -> str:
    """The named backend right on top of a node, whose name a job takes that is given none."""
    names = {device.device for device in vm.devices if device.device}
    return next((name for name in vm.graph.backends(node) if name in names), "")


def _of_device(
    vm: VmSnapshot, device: Device, medium: Medium, name: str, *, by_backend: bool
) -> Source:
    filtered = device.busy_with is not None
    node = vm.graph.top(device.device) if by_backend else medium.node_name
    known = bool(vm.graph) and node is not None
    return Source(
        "found",
        name=name,
        by_backend=by_backend,
        is_root=True,
        device=device,
        medium=medium,
        node_name=medium.node_name,
        driver=device.busy_with if filtered and by_backend else medium.driver,
        filename=medium.filename,
        virtual_size=medium.virtual_size,
        actual_size=medium.actual_size,
        read_only=medium.read_only,
        bitmaps=medium.bitmaps,
        has_backing=_device_has_backing(medium),
        busy=_job_on(vm, node) if known else _busy(vm, device, by_backend=by_backend),
        default_job_id=_default_job_id(vm, device, medium, by_backend=by_backend),
    )


def _default_job_id(vm: VmSnapshot, device: Device, medium: Medium, *, by_backend: bool) -> str:
    if vm.graph and not by_backend:
        return _backend_on(vm, medium.node_name)
    return "" if device.busy_with is not None and not by_backend else device.device


def _device_has_backing(medium: Medium) -> bool | None:
    if medium.backing_file is not None or medium.backing_depth > 0 or len(medium.chain) > 1:
        return True
    return None if medium.driver in FILTER_DRIVERS else False


def _busy(vm: VmSnapshot, device: Device, *, by_backend: bool) -> str | None:
    """The type of the job whose blocker QEMU meets under this name."""
    if by_backend and device.busy_with is not None:
        return "backup"
    types = [job.type for job in vm.live_jobs if job.id in device.jobs]
    # A backup's filter and a mirror's stand above the node, which itself stays free.
    kinds = ("commit", "stream", "mirror") if by_backend else ("commit", "stream")
    return next((kind for kind in types if kind in kinds), None)


def _of_node(vm: VmSnapshot, node: Node) -> Source:
    is_filter = node.driver in BACKUP_FILTER_DRIVERS
    jobs = vm.live_jobs
    guess = "backup" if is_filter and any(job.type == "backup" for job in jobs) else None
    return Source(
        "found",
        name=node.name,
        node_name=node.name,
        driver=node.driver,
        filename=node.filename,
        virtual_size=node.virtual_size,
        read_only=node.read_only,
        bitmaps=tuple(bitmap for bitmap in node.bitmaps if bitmap.name),
        has_backing=_node_has_backing(vm, node),
        busy=_job_on(vm, node.name) if vm.graph else guess,
        maybe_busy=not vm.graph and not is_filter and bool(jobs),
        default_job_id=_backend_on(vm, node.name),
    )


def _node_has_backing(vm: VmSnapshot, node: Node) -> bool | None:
    if node.driver in ("file", "host_device", "raw", "null-co", "nbd"):
        return False
    for device in vm.devices:
        chain = device.medium.chain if device.medium else ()
        for place, image in enumerate(chain):
            if image.filename == node.filename and image.format == node.driver:
                return place < len(chain) - 1
    return None
