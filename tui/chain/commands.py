"""The commands of a point: its images as nodes, filters, bitmaps and the jobs of all disks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tui.backup.arguments import BLOCKDEV_BACKUP, Json, command
from tui.backup.fleece import fleece_path
from tui.backup.plan import Plan, fleeced
from tui.chain.disks import NotPossible
from tui.chain.manifest import PointImage
from tui.chain.options import PointOptions
from tui.vm.snapshot import Device, Medium
from tui.vm.target_nodes import CREATOR, fleece_nodes, target_nodes


def make_target(job_id: str, path: Path, image: PointImage, backup: Mapping[str, Json]) -> Plan:
    """How an image is made and opened; `backup` are the arguments of its job."""
    top, bottom = target_nodes(job_id)
    creator = CREATOR + top

    def create(options: dict[str, Json]) -> dict[str, Json]:
        return command("blockdev-create", {"job-id": creator, "options": options})

    header: dict[str, Json] = {"driver": "qcow2", "file": bottom, "size": image.virtual_size}
    opened: dict[str, Json] = {"driver": "qcow2", "node-name": top, "file": bottom}
    if image.backing is not None:
        # Its name alone: the chain stays whole wherever its directory is copied to.
        header |= {"backing-file": image.backing, "backing-fmt": "qcow2"}
        opened["backing"] = None
    prepare = (
        create({"driver": "file", "filename": str(path), "size": 0}),
        command("blockdev-add", {"driver": "file", "filename": str(path), "node-name": bottom}),
        create(header),
        command("blockdev-add", opened),
    )
    return Plan(prepare, command(BLOCKDEV_BACKUP, backup), (top, bottom), creator)


def make_backup(
    job_id: str, node: str, previous: str | None, options: PointOptions
) -> dict[str, Json]:
    """The arguments of the job of a disk; `previous` is the bitmap that an increment copies."""
    arguments: dict[str, Json] = {
        "job-id": job_id,
        "device": node,
        "target": target_nodes(job_id)[0],
        "auto-dismiss": False,
    }
    if previous is None:
        arguments["sync"] = "full"
    else:
        # The bitmap stays as it is, whatever becomes of the job.
        arguments |= {"sync": "bitmap", "bitmap": previous, "bitmap-mode": "never"}
    if options.speed:
        arguments["speed"] = options.speed
    if options.compress:
        arguments["compress"] = True
    return arguments


@dataclass(frozen=True, slots=True)
class Fleecing:
    """Where disks are fleeced to, whether QEMU tells zeroes rightly, and if they are several."""

    directory: str
    tells: bool
    several: bool


def through_filter(
    plan: Plan,
    job_id: str,
    device: Device,
    medium: Medium,
    how: Fleecing,
    previous: str | None,
) -> Plan:
    """The plan through a filter; what an increment copies is told to what it reads by then.

    Raises:
        NotPossible: no device stands on the disk.
    """
    if device.qdev is None:
        raise NotPossible(f"No device of the guest stands on {device.title}: nothing to fleece.")
    path = fleece_path(how.directory, job_id)
    size, node = medium.virtual_size, medium.node_name
    plan = fleeced(
        plan, job_id, path, size, node, device.qdev, tells=how.tells, switched=how.several
    )
    if previous is None:
        return plan
    snapshot = fleece_nodes(job_id)[0]
    # It may have come to know more since the moment; that is copied as it was then.
    added: dict[str, Json] = {"node": snapshot, "name": previous, "disabled": True}
    source: Json = {"node": medium.node_name, "name": previous}
    merged: dict[str, Json] = {"node": snapshot, "target": previous, "bitmaps": [source]}
    told = (
        command("block-dirty-bitmap-add", added),
        command("block-dirty-bitmap-merge", merged),
    )
    return replace(plan, enter=(*plan.enter, *told))


def transactions(
    additions: list[Json], starts: list[Json], *, grouped: bool, apart: bool
) -> tuple[tuple[Mapping[str, Any], ...], Mapping[str, Any]]:
    """What adds the bitmaps and starts the backups.

    QEMU adds no bitmap in a transaction whose jobs end together (`grouped`), so the bitmaps come
    before. A write that falls between is in the backup and in the bitmap, never in neither: the
    next increment copies it again. So they do, too, where filters come between (`apart`).
    """
    if not (grouped or apart):
        return (), command("transaction", {"actions": [*additions, *starts]})
    together: dict[str, Json] = {"actions": starts}
    if grouped:
        together["properties"] = {"completion-mode": "grouped"}
    return (command("transaction", {"actions": additions}),), command("transaction", together)


def in_order(
    plans: Iterable[Plan], before: tuple[Mapping[str, Any], ...], transaction: Mapping[str, Any]
) -> tuple[Mapping[str, Any], ...]:
    """All that is sent for a point, as it is sent."""
    made = tuple(plans)
    prepared = (step for plan in made for step in plan.prepare)
    entered = (step for plan in made for step in plan.enter)
    return (*prepared, *before, *entered, transaction)
