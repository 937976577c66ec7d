"""Fleecing: what the guest overwrites during a backup is saved on fast storage first.

A filter (`copy-before-write`) on the disk saves old data to an image of QEMU's own; the backup
reads the disk as it was through `snapshot-access`. So the guest waits for that image alone, however
slow the target is. QEMU 7.1 and later.
"""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from tui.backup.arguments import Json, command
from tui.vm.snapshot import VmSnapshot
from tui.vm.target_nodes import (
    access_node,
    fleece_nodes,
    is_fleece_file,
    stem_of,
    switch_node,
)

SINCE = (7, 1)
"""The QEMU whose filter gives the backup up rather than the guest's write."""

_TELLS_SINCE = (10, 0)
"""The first QEMU that was seen to tell rightly where the past of a disk is zeroes."""

_SUFFIX = ".fleece"
_EIO = 5

SAVING_SECONDS = 20
"""How long a write of the guest waits for the fast storage; then the backup is given up."""


def why_not(vm: VmSnapshot) -> str | None:
    """Why this QEMU cannot fleece, in a sentence; None where it can."""
    if not vm.major or vm.version_number >= SINCE:
        return None
    return "Fleecing needs QEMU 7.1: before, its failure fails the guest's write."


def tells_zeroes(vm: VmSnapshot) -> bool:
    """Whether QEMU may be asked where a disk was zeroes at the point in time.

    7.2 answers as the disk is now. What the guest zeroes during the backup is copied as zeroes
    then, though what was there before has been saved, and reads rightly.
    """
    return vm.version_number >= _TELLS_SINCE


def fleece_path(directory: str, job_id: str) -> str:
    """The image of a job in a directory. BlockDeck deletes it as soon as QEMU has it open."""
    return str(PurePosixPath(directory) / f"{stem_of(fleece_nodes(job_id)[0])}{_SUFFIX}")


def is_fleece(node: str, path: str) -> bool:
    """Whether a node of ours has the image of a fleece open that `fleece_path` named."""
    return is_fleece_file(node) and path.endswith(f"/{stem_of(node)}{_SUFFIX}")


def saving_steps(path: str, size: int, job_id: str, creator: str) -> tuple[Mapping[str, Any], ...]:
    """What makes and opens the image that is saved to: nothing of the guest's is touched by it.

    Args:
        path: where.
        size: that of the disk, in bytes.
        job_id: the backup's.
        creator: the id of the jobs that make it.
    """
    _, _, image, file = fleece_nodes(job_id)

    def create(options: dict[str, Json]) -> dict[str, Json]:
        return command("blockdev-create", {"job-id": creator, "options": options})

    opened: dict[str, Json] = {"discard": "unmap"}
    return (
        create({"driver": "file", "filename": path, "size": 0}),
        command("blockdev-add", {"driver": "file", "filename": path, "node-name": file, **opened}),
        create({"driver": "qcow2", "file": file, "size": size}),
        command("blockdev-add", {"driver": "qcow2", "file": file, "node-name": image, **opened}),
    )


def filter_steps(node: str, qdev: str, job_id: str) -> tuple[Mapping[str, Any], ...]:
    """What puts the filter on a disk: the `qom-set` is the point in time.

    Args:
        node: the disk's own node.
        qdev: the path of its device.
        job_id: the backup's.
    """
    copier = fleece_nodes(job_id)[1]
    return (
        _filter(node, job_id),
        command("qom-set", {"path": qdev, "property": "drive", "value": copier}),
    )


def switch_steps(node: str, qdev: str, job_id: str) -> tuple[Mapping[str, Any], ...]:
    """What puts a filter beside a disk, and on the disk a node that can be switched to it.

    QEMU changes what a device stands on for one device at a time, but what nodes stand on for any
    number of them at once, while no write is under way: that is `switch_all`. So the disks of a
    running guest are of one moment, and it is not stopped for it.

    Args:
        node: the disk's own node.
        qdev: the path of its device.
        job_id: the backup's.
    """
    switch = switch_node(job_id)
    return (
        _filter(node, job_id),
        command("blockdev-add", switched(switch, node)),
        command("qom-set", {"path": qdev, "property": "drive", "value": switch}),
    )


def switch_all(job_ids: Iterable[str]) -> Mapping[str, Any]:
    """What has the writes of several disks pass through their filters from one moment on."""
    options: list[Json] = [switched(switch_node(j), fleece_nodes(j)[1]) for j in job_ids]
    return command("blockdev-reopen", {"options": options})


def switched(switch: str, below: str) -> dict[str, Json]:
    """All options of a node that only passes on: to reopen it means to give all of them."""
    return {"driver": "raw", "node-name": switch, "file": below}


def seeing_steps(job_id: str, *, tells: bool) -> tuple[Mapping[str, Any], ...]:
    """What makes a disk seen as it was when its filter came in.

    It reads where the guest must not write unsaved: it can only come behind the filter. Where it
    would tell wrongly what is zeroes (`tells`), a node above it fails that question alone; then
    all is read.
    """
    snapshot, copier, _, _ = fleece_nodes(job_id)
    name = snapshot if tells else access_node(job_id)
    seen: dict[str, Json] = {"driver": "snapshot-access", "node-name": name, "file": copier}
    if tells:
        return (command("blockdev-add", seen),)
    fails: Json = [{"event": "none", "iotype": "block-status", "errno": _EIO}]
    asked: dict[str, Json] = {"driver": "blkdebug", "node-name": snapshot, "image": name}
    return (
        command("blockdev-add", seen),
        command("blockdev-add", {**asked, "inject-error": fails}),
    )


def _filter(node: str, job_id: str) -> Mapping[str, Any]:
    _, copier, image, _ = fleece_nodes(job_id)
    added: dict[str, Json] = {
        "driver": "copy-before-write",
        "node-name": copier,
        "file": node,
        "target": image,
        # A guest that waits for ever, or whose write fails, is worse than no backup.
        "on-cbw-error": "break-snapshot",
        "cbw-timeout": SAVING_SECONDS,
    }
    return command("blockdev-add", added)
