"""From the replies of `query-block` and its kin to the disks of a VM.

While a backup runs its filter node stands on the disk and hides the disk's node, its backing file
and its bitmaps from `query-block`. The block graph and what was seen before tell what is below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tui.qmp.models import (
    BlockDeviceInfo,
    BlockDirtyInfo,
    BlockInfo,
    ImageInfo,
    XDbgBlockGraph,
)
from tui.vm.graph import TARGET, Graph
from tui.vm.snapshot import BACKUP_FILTER_DRIVERS, DRY_RUN_PREFIX, Device, Limits, Medium, Node
from tui.vm.target_nodes import TARGET_PREFIX, is_filter

_FILTER_DRIVERS = BACKUP_FILTER_DRIVERS | {"mirror_top", "commit_top"}
"""Nodes that jobs put on a disk; the latter two show only where an operator named them."""


_FLEECING = "copy-before-write"

_NOT_A_DISK = ("#", DRY_RUN_PREFIX, TARGET_PREFIX)
"""How the names begin of nodes that QEMU named itself, or that are made for a backup."""


class Replies(NamedTuple):
    """One round of questions. `named` is None where asking would have been unsafe or failed."""

    blocks: tuple[BlockInfo, ...] = ()
    named: tuple[BlockDeviceInfo, ...] | None = None
    graph: XDbgBlockGraph | None = None


@dataclass(frozen=True, slots=True)
class Inventory:
    """The disks, all named nodes, and for each job id the key of its disk and its target's file.

    `graph` tells how the nodes hang together.
    """

    devices: tuple[Device, ...] = ()
    nodes: tuple[Node, ...] = ()
    job_devices: Mapping[str, str] = field(default_factory=dict)
    job_targets: Mapping[str, str] = field(default_factory=dict)
    graph: Graph = field(default_factory=lambda: Graph(None), compare=False)


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
    if replies.named is None:
        unattached = _roots_not_asked_for(before, tops)
    else:
        unattached = _unattached_roots(named, graph, tops)
    devices.extend(unattached)
    tops.update({device.key: device.key for device in unattached})
    job_devices = _jobs_by_device(graph, tops)
    jobs_of = {key: tuple(j for j, k in job_devices.items() if k == key) for key in tops.values()}
    return Inventory(
        devices=tuple(d._replace(jobs=jobs_of.get(d.key, ())) for d in devices),
        nodes=_nodes(replies, before),
        job_devices=job_devices,
        job_targets=_job_targets(graph, named),
        graph=graph,
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
    named: Mapping[str, BlockDeviceInfo],
    remembered: Mapping[str, Medium],
) -> Device:
    inserted = block.inserted
    key = block.device or block.qdev or (inserted and inserted.node_name) or ""
    medium: Medium | None = None
    busy_with: str | None = None
    if inserted is not None:
        if _is_filter_of_job(inserted, graph):
            busy_with = inserted.drv
            medium = _hidden_medium(inserted, graph, named, remembered.get(key))
        elif (below := _below_ours(inserted.node_name or "", graph, named)) is not None:
            busy_with = _FLEECING
            medium = _medium(below, _chain(below, named, graph))
        else:
            medium = _medium(inserted, inserted.image.chain(), block.dirty_bitmaps)
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


def _is_filter_of_job(info: BlockDeviceInfo, graph: Graph) -> bool:
    """Whether a job put this node there; an operator may have put such a filter for fleecing."""
    if info.drv not in _FILTER_DRIVERS:
        return False
    known = graph.parents(info.node_name or "") or graph.below_filter(info.node_name or "")
    return not known or any(info.node_name in graph.nodes_of_job(job) for job in graph.jobs)


def _below_ours(
    node: str, graph: Graph, named: Mapping[str, BlockDeviceInfo]
) -> BlockDeviceInfo | None:
    """The disk's own node where ours are on top of it for fleecing; None where they are not."""
    below: str | None = node
    while below is not None and is_filter(below):
        below = graph.below_filter(below)
    return named.get(below) if below is not None and below != node else None


def _hidden_medium(
    filtered: BlockDeviceInfo,
    graph: Graph,
    named: Mapping[str, BlockDeviceInfo],
    remembered: Medium | None,
) -> Medium:
    """The disk's own node below a job's filter, as fresh as can be had."""
    image: ImageInfo | None = filtered.image
    while image is not None and image.format in _FILTER_DRIVERS:
        image = image.backing_image
    node = graph.below_filter(filtered.node_name or "")
    below = named.get(node or "")
    while node is not None and below is not None and below.drv in _FILTER_DRIVERS:
        node = graph.below_filter(node)
        below = named.get(node or "")
    if below is not None:
        return _medium(below, image.chain() if image else _chain(below, named, graph))
    if remembered is not None:
        return remembered
    medium = _medium(filtered, (image or filtered.image).chain())
    return medium._replace(
        node_name=node or medium.node_name,
        driver=image.format if image else medium.driver,
        backing_file=image.backing_filename if image else None,
        backing_depth=len(medium.chain) - 1,
        bitmaps=(),
    )


def _medium(
    info: BlockDeviceInfo,
    chain: tuple[ImageInfo, ...],
    more_bitmaps: tuple[BlockDirtyInfo, ...] = (),
) -> Medium:
    return Medium(
        node_name=info.node_name or "",
        driver=info.drv,
        filename=info.file,
        virtual_size=info.image.virtual_size,
        actual_size=info.image.actual_size,
        cluster_size=info.image.cluster_size,
        backing_file=info.backing_file,
        # A flat list of named nodes has no depths.
        backing_depth=info.backing_file_depth or len(chain) - 1,
        chain=chain,
        read_only=info.ro,
        encrypted=info.encrypted or info.image.encrypted,
        detect_zeroes=info.detect_zeroes,
        cache=info.cache,
        limits=Limits(
            info.bps, info.bps_rd, info.bps_wr, info.iops, info.iops_rd, info.iops_wr, info.group
        ),
        # Those without a name are QEMU's own, of a job.
        bitmaps=tuple(bitmap for bitmap in info.dirty_bitmaps or more_bitmaps if bitmap.name),
        write_threshold=info.write_threshold,
    )


def _chain(
    info: BlockDeviceInfo, named: Mapping[str, BlockDeviceInfo], graph: Graph
) -> tuple[ImageInfo, ...]:
    """The images from the top down; a flat list of nodes comes without, the graph has them."""
    chain = [info.image]
    node = graph.child(info.node_name or "", "backing")
    while node is not None and node in named:
        chain.append(named[node].image)
        node = graph.child(node, "backing")
    return tuple(chain)


def _unattached_roots(
    named: Mapping[str, BlockDeviceInfo], graph: Graph, tops: Mapping[str, str]
) -> list[Device]:
    """Nodes that an operator named, and on which nothing stands but what belongs to a job."""
    roots = []
    for name, info in named.items():
        if name.startswith(_NOT_A_DISK) or name in tops or _is_filter_of_job(info, graph):
            continue
        filters = []
        for parent, role in graph.parents(name):
            if parent in named and _is_filter_of_job(named[parent], graph):
                filters.append((named[parent].drv, role))
            elif parent not in graph.targets:
                # Part of another node's image; a target may be backed by what it is a backup of.
                break
        else:
            busy_with = next((driver for driver, role in filters if role != TARGET), None)
            medium = _medium(info, _chain(info, named, graph))
            roots.append(Device(key=name, attached=False, medium=medium, busy_with=busy_with))
    return roots


def _roots_not_asked_for(before: Inventory, tops: Mapping[str, str]) -> list[Device]:
    """The unattached nodes of before, where asking for them would have been unsafe."""
    return [d for d in before.devices if not d.device and d.qdev is None and d.key not in tops]


def _jobs_by_device(graph: Graph, tops: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for job in sorted(graph.jobs):
        for node in graph.nodes_of_job(job):
            below = graph.below_filter(node) or ""
            while below.startswith(TARGET_PREFIX) and below not in tops:
                # With fleecing it reads the disk through nodes of ours.
                below = graph.child(below, "file", "image") or ""
            key = tops.get(node) or tops.get(below)
            if key is not None:
                found[job] = key
                break
    return found


def _job_targets(graph: Graph, named: Mapping[str, BlockDeviceInfo]) -> dict[str, str]:
    found = {job: named.get(graph.target_of_job(job) or "") for job in graph.jobs}
    return {job: node.file for job, node in found.items() if node is not None}
