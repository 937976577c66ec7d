"""The dirty bitmaps of a VM's nodes, each with what its node lets be done with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tui.qmp.models import BlockDirtyInfo
from tui.vm.snapshot import BACKUP_FILTER_DRIVERS, VmSnapshot

_FILTERS_OF_JOBS = BACKUP_FILTER_DRIVERS | {"mirror_top", "commit_top"}


@dataclass(frozen=True, slots=True)
class BitmapNode:
    """A node that can have bitmaps.

    Attributes:
        name: its node-name, also one that QEMU gave.
        disk: what to call it: the disk whose root it is, else its name.
        driver: its block driver.
        size: of what it stands for, in bytes.
        read_only: whether nothing can be written to it, nor into its image.
        current: whether its bitmaps are those of the last look; QEMU 5 cannot be asked for those of
            a disk that a job works on (danger X2).
        of_job: whether a job put it there; it goes with the job, and its bitmaps, too (X14).
        bitmaps: as QEMU lists them, the newest first.
    """

    name: str
    disk: str
    driver: str
    size: int
    read_only: bool
    current: bool
    of_job: bool
    bitmaps: tuple[BlockDirtyInfo, ...]

    def bitmap(self, name: str) -> BlockDirtyInfo | None:
        """Its bitmap of that name."""
        return next((bitmap for bitmap in self.bitmaps if name and bitmap.name == name), None)


@dataclass(frozen=True, slots=True)
class Bitmap:
    """A dirty bitmap on its node; `number` tells those without a name apart."""

    node: BitmapNode
    info: BlockDirtyInfo
    number: int = 0

    @property
    def key(self) -> str:
        """Names it among all bitmaps of the VM."""
        return f"{self.node.name}/{self.number}/{self.info.name}"

    @property
    def name(self) -> str:
        """Its name; "" for one of QEMU's own."""
        return self.info.name

    @property
    def title(self) -> str:
        """What to call it."""
        return self.info.name or "(without a name)"

    @property
    def state(self) -> str:
        """How it stands, in words: recording or not, used by a job or not, or lost."""
        if self.info.inconsistent:
            return "INCONSISTENT"
        recording = "recording" if self.info.recording else "disabled"
        busy = ", busy" if self.info.busy else ""
        return f"{recording}{busy}" if self.node.current else f"{recording}?"

    @property
    def memory(self) -> int:
        """Bytes of QEMU's memory it takes at the most, about."""
        return bitmap_bytes(self.node.size, self.info.granularity)


def bitmap_bytes(disk_size: int, granularity: int) -> int:
    """Bytes that a bitmap takes: a bit for each piece of the disk."""
    return -(-disk_size // (granularity * 8)) if granularity > 0 else 0


def bitmap_nodes(vm: VmSnapshot) -> tuple[BitmapNode, ...]:
    """Every node of the VM, those of its disks first."""
    nodes = dict(_of_disks(vm))
    blind = vm.traps.listing_nodes_kills and bool(vm.job_ids)
    for node in vm.nodes:
        known = nodes.get(node.name)
        if known is not None and blind:
            continue
        nodes[node.name] = BitmapNode(
            name=node.name,
            disk=known.disk if known is not None else node.name,
            driver=node.driver,
            size=node.virtual_size,
            read_only=node.read_only,
            current=not blind,
            of_job=node.driver in _FILTERS_OF_JOBS and _is_of_job(vm, node.name),
            bitmaps=node.bitmaps,
        )
    return tuple(nodes.values())


def _of_disks(vm: VmSnapshot) -> Iterator[tuple[str, BitmapNode]]:
    blind = vm.traps.listing_nodes_kills and bool(vm.job_ids)
    for device in vm.devices:
        medium = device.medium
        if medium is None or not medium.node_name:
            continue
        hidden = blind and (device.busy_with is not None or bool(device.jobs))
        yield (
            medium.node_name,
            BitmapNode(
                name=medium.node_name,
                disk=device.title,
                driver=medium.driver,
                size=medium.virtual_size,
                read_only=medium.read_only,
                current=not hidden,
                of_job=False,
                bitmaps=medium.bitmaps,
            ),
        )


def _is_of_job(vm: VmSnapshot, name: str) -> bool:
    """Whether a job put a filter there; an operator may have put one for fleecing."""
    return any(name in vm.graph.nodes_of_job(job) for job in vm.graph.jobs)


def bitmaps_of(nodes: Sequence[BitmapNode]) -> tuple[Bitmap, ...]:
    """All bitmaps, node by node, the ones with a name first."""
    found: list[Bitmap] = []
    for node in nodes:
        ordered = sorted(node.bitmaps, key=lambda info: (not info.name, info.name))
        found.extend(Bitmap(node, info, number) for number, info in enumerate(ordered))
    # A name stays what it is when another bitmap comes before it.
    return tuple(Bitmap(b.node, b.info, 0 if b.name else b.number) for b in found)


def unseen(nodes: Sequence[BitmapNode]) -> str:
    """That the bitmaps of some disks cannot be asked for now, in a sentence; "" where they can."""
    disks = [node.disk for node in nodes if not node.current and node.disk != node.name]
    others = any(not node.current and node.disk == node.name for node in nodes)
    if not disks and not others:
        return ""
    of = ", ".join(disks) if disks else "other nodes"
    return (
        f"While a job runs QEMU 5 cannot be asked for the bitmaps of {of}: shown is what was seen "
        "before, if anything."
    )


def node_named(nodes: Sequence[BitmapNode], name: str) -> BitmapNode | None:
    """The node of that name, else the one of the disk that is called so."""
    by_name = next((node for node in nodes if node.name == name), None)
    return by_name or next((node for node in nodes if name and node.disk == name), None)
