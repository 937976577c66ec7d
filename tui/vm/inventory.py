"""From the replies of `query-block` and its kin to the disks of a VM.

While a backup runs its filter node stands on the disk and hides the disk's node, its backing file and
its bitmaps from `query-block`. The block graph and what was seen before tell what is below.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tui.qmp.models import (
    BlockDeviceInfo,
    BlockInfo,
    BlockStats,
    ImageInfo,
    XDbgBlockGraph,
)
from tui.vm.snapshot import (
    BACKUP_FILTER_DRIVERS,
    Device,
    Limits,
    Medium,
    Node,
    Throughput,
)


@dataclass(frozen=True, slots=True)
class Replies:
    """One round of questions. `named` is None where asking would have been unsafe or failed."""

    blocks: tuple[BlockInfo, ...] = ()
    named: tuple[BlockDeviceInfo, ...] | None = None
    graph: XDbgBlockGraph | None = None


class Graph:
    """Who stands on whom, by node-name, read from `x-debug-query-block-graph`."""

    def __init__(self, graph: XDbgBlockGraph | None) -> None:
        graph = graph or XDbgBlockGraph()
        names = {node.id: node.name for node in graph.nodes}
        drivers = {node.id for node in graph.nodes if node.type == "block-driver"}
        self.jobs = frozenset(node.name for node in graph.nodes if node.type == "block-job")
        self._children: dict[str, dict[str, str]] = {}
        self._job_nodes: dict[str, list[str]] = {}
        self.below_a_node: set[str] = set()
        self.below_a_backend: set[str] = set()
        types = {node.id: node.type for node in graph.nodes}
        for edge in graph.edges:
            parent, child = names.get(edge.parent, ""), names.get(edge.child, "")
            if edge.parent in drivers:
                self._children.setdefault(parent, {})[edge.name] = child
                self.below_a_node.add(child)
            elif types.get(edge.parent) == "block-job":
                self._job_nodes.setdefault(parent, []).append(child)
            elif types.get(edge.parent) == "block-backend":
                self.below_a_backend.add(child)

    def child(self, node: str, *roles: str) -> str | None:
        """The first child of a node that has one of these roles."""
        children = self._children.get(node, {})
        return next((children[role] for role in roles if role in children), None)

    def below_filter(self, node: str) -> str | None:
        """The node a backup's filter stands on: `file` since QEMU 6, `backing` in 5.2."""
        return self.child(node, "file", "backing")

    def nodes_of_job(self, job_id: str) -> tuple[str, ...]:
        """The nodes a job works on, its main node first."""
        return tuple(self._job_nodes.get(job_id, ()))


@dataclass(frozen=True, slots=True)
class Inventory:
    """The disks, all named nodes, and which job works on which disk (job id to device key)."""

    devices: tuple[Device, ...] = ()
    nodes: tuple[Node, ...] = ()
    job_devices: Mapping[str, str] | None = None


def build_inventory(replies: Replies, before: Inventory) -> Inventory:
    """Put the replies together; `before` is the last inventory, the memory of hidden nodes."""
    graph = Graph(replies.graph)
    named = {info.node_name: info for info in replies.named or () if info.node_name}
    remembered = {device.key: device.medium for device in before.devices if device.medium}
    tops: dict[str, str] = {}
    devices = []
    for block in replies.blocks:
        device = _device(block, graph, named, remembered)
        devices.append(device)
        if block.inserted is not None and block.inserted.node_name:
            tops[block.inserted.node_name] = device.key
        if device.medium is not None:
            tops[device.medium.node_name] = device.key
    for info in _unattached_roots(named.values(), graph, tops):
        medium = _medium(info, named, graph)
        devices.append(Device(key=medium.node_name, attached=False, medium=medium))
        tops[medium.node_name] = medium.node_name
    job_devices = _jobs_by_device(graph, tops, devices)
    jobs_of = {key: tuple(j for j, k in job_devices.items() if k == key) for key in tops.values()}
    return Inventory(
        devices=tuple(replace(d, jobs=jobs_of.get(d.key, ())) for d in devices),
        nodes=_nodes(replies, before),
        job_devices=job_devices,
    )


def _nodes(replies: Replies, before: Inventory) -> tuple[Node, ...]:
    if replies.named is None:
        return before.nodes
    return tuple(
        Node(
            name=info.node_name,
            driver=info.drv,
            filename=info.file,
            virtual_size=info.image.virtual_size,
            read_only=info.ro,
            bitmaps=info.dirty_bitmaps,
        )
        for info in replies.named
        if info.node_name
    )


def _device(
    block: BlockInfo,
    graph: Graph,
    named: Mapping[str | None, BlockDeviceInfo],
    remembered: Mapping[str, Medium],
) -> Device:
    inserted = block.inserted
    node_name = inserted.node_name if inserted else None
    key = block.device or block.qdev or node_name or ""
    medium: Medium | None = None
    busy_with: str | None = None
    if inserted is not None:
        if inserted.drv in BACKUP_FILTER_DRIVERS:
            busy_with = inserted.drv
            medium = _hidden_medium(inserted, graph, named, remembered.get(key))
        else:
            medium = _medium(inserted, named, graph, bitmaps_of=block)
    return Device(
        key=key,
        device=block.device,
        qdev=block.qdev,
        attached=block.qdev is not None,
        removable=block.removable,
        tray_open=bool(block.tray_open),
        io_status=block.io_status,
        medium=medium,
        busy_with=busy_with,
    )


def _hidden_medium(
    filtered: BlockDeviceInfo,
    graph: Graph,
    named: Mapping[str | None, BlockDeviceInfo],
    remembered: Medium | None,
) -> Medium:
    """The disk's own node below a backup's filter, as fresh as can be had."""
    node: str | None = filtered.node_name
    below: BlockDeviceInfo | None = None
    while node is not None and (node := graph.below_filter(node)) is not None:
        below = named.get(node)
        if below is None or below.drv not in BACKUP_FILTER_DRIVERS:
            break
    if below is not None:
        fresh = _medium(below, named, graph)
        if remembered is not None and remembered.node_name == fresh.node_name and remembered.chain:
            return replace(fresh, chain=(fresh.chain[0], *remembered.chain[1:]))
        return fresh
    if remembered is not None:
        return remembered
    return _medium(filtered, named, graph)


def _medium(
    info: BlockDeviceInfo,
    named: Mapping[str | None, BlockDeviceInfo],
    graph: Graph,
    *,
    bitmaps_of: BlockInfo | None = None,
) -> Medium:
    bitmaps = info.dirty_bitmaps or (bitmaps_of.dirty_bitmaps if bitmaps_of else ())
    return Medium(
        node_name=info.node_name or "",
        driver=info.drv,
        filename=info.file,
        virtual_size=info.image.virtual_size,
        actual_size=info.image.actual_size,
        cluster_size=info.image.cluster_size,
        backing_file=info.backing_file,
        backing_depth=info.backing_file_depth,
        chain=_chain(info, named, graph),
        read_only=info.ro,
        encrypted=info.encrypted or info.image.encrypted,
        detect_zeroes=info.detect_zeroes,
        cache=info.cache,
        limits=Limits(
            info.bps, info.bps_rd, info.bps_wr, info.iops, info.iops_rd, info.iops_wr, info.group
        ),
        bitmaps=tuple(bitmap for bitmap in bitmaps if bitmap.name),
        write_threshold=info.write_threshold,
    )


def _chain(
    info: BlockDeviceInfo, named: Mapping[str | None, BlockDeviceInfo], graph: Graph
) -> tuple[ImageInfo, ...]:
    """The images from the top down; named nodes come without theirs, the graph has them."""
    if info.image.backing_image is not None:
        return info.image.chain()
    chain = [info.image]
    node: str | None = info.node_name
    while node is not None and (node := graph.child(node, "backing")) is not None:
        below = named.get(node)
        if below is None:
            break
        chain.append(below.image)
    return tuple(chain)


def _unattached_roots(
    named: Iterable[BlockDeviceInfo], graph: Graph, tops: Mapping[str, str]
) -> list[BlockDeviceInfo]:
    """Nodes that an operator named, and that nothing but a backup's filter stands on."""
    known = set(tops)
    for top in tops:
        below = graph.below_filter(top)
        if below is not None:
            known.add(below)
    roots = []
    for info in named:
        name = info.node_name or ""
        if not name or name.startswith("#") or name in known or name in graph.below_a_backend:
            continue
        if info.drv in BACKUP_FILTER_DRIVERS or name in graph.below_a_node:
            continue
        roots.append(info)
    return roots


def _jobs_by_device(
    graph: Graph, tops: Mapping[str, str], devices: Iterable[Device]
) -> dict[str, str]:
    roots = {device.medium.node_name: device.key for device in devices if device.medium}
    found: dict[str, str] = {}
    for job in sorted(graph.jobs):
        for node in graph.nodes_of_job(job):
            below = graph.below_filter(node)
            key = tops.get(node) or roots.get(node) or (roots.get(below) if below else None)
            if key is not None:
                found[job] = key
                break
    return found


@dataclass(frozen=True, slots=True)
class StatsSample:
    """Byte totals by device key at a moment of the monotonic clock."""

    taken: float
    totals: Mapping[str, tuple[int, int]]


def sample_stats(stats: Iterable[BlockStats], taken: float) -> StatsSample:
    """Reduce `query-blockstats` to what throughput needs."""
    totals = {}
    for entry in stats:
        key = entry.device or entry.qdev or entry.node_name
        if key:
            totals[key] = (entry.stats.rd_bytes, entry.stats.wr_bytes)
    return StatsSample(taken, totals)


def throughput(
    device: Device, before: StatsSample | None, after: StatsSample | None
) -> Throughput | None:
    """Rates between two samples; None until there are two, or where QEMU counts nothing."""
    if before is None or after is None or after.taken <= before.taken:
        return None
    if device.key not in before.totals or device.key not in after.totals:
        return None
    seconds = after.taken - before.taken
    (read_0, write_0), (read_1, write_1) = before.totals[device.key], after.totals[device.key]
    return Throughput(
        read=max(0.0, (read_1 - read_0) / seconds), write=max(0.0, (write_1 - write_0) / seconds)
    )
