"""What QEMU is sent for a point of a chain: targets as nodes, one transaction for all disks."""

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tui.backup.arguments import BLOCKDEV_BACKUP, Json, command
from tui.backup.fleece import fleece_path, switch_all, tells_zeroes, why_not
from tui.backup.plan import Plan, fleeced
from tui.chain.manifest import (
    BITMAP_PREFIX,
    Chain,
    ChainDisk,
    Point,
    PointArguments,
    PointBitmap,
    PointImage,
    PointKind,
    bitmap_name,
)
from tui.vm.snapshot import Device, Medium, VmSnapshot
from tui.vm.target_nodes import CREATOR, fleece_nodes, target_nodes

_UNFIT = re.compile(r"[^A-Za-z0-9_]+")
_NO_UUID = "00000000-0000-0000-0000-000000000000"
_KEEPS_BITMAPS = "qcow2"
_LONGEST_NAME = 40


class NotPossible(Exception):
    """A point cannot be made; the text says why, in a sentence."""


class NeedsFull(NotPossible):
    """No increment can be made on the last point; a new full one can."""


@dataclass(frozen=True, slots=True)
class PointOptions:
    """How a point is copied: `speed` in bytes a second for each disk, 0 is no limit.

    `fleece` is the directory on fast storage that saves what the guest overwrites; "" is none.
    `freeze` is whether the guest is to be frozen while the backup begins. `grouped` is whether the
    backups of several disks end together: where one fails, the others are cancelled. If not, they
    run on; the point comes to nothing all the same, for it is of all of its disks.
    """

    speed: int = 0
    compress: bool = False
    fleece: str = ""
    freeze: bool = False
    grouped: bool = True


@dataclass(frozen=True, slots=True)
class PointPlan:
    """All that is to be sent for one point.

    Attributes:
        chain: the chain with the point in it, which runs.
        point: the point.
        plans: how the target of each disk is made.
        devices: the title of each disk's device.
        before: what is sent just before: with several disks the bitmaps are added by it, and
            the writes to all of them pass through filters from the same moment on.
        transaction: the command that starts the backups, all or none.
        needed: the bytes that its images may come to take.
    """

    chain: Chain
    point: Point
    plans: Mapping[str, Plan]
    devices: Mapping[str, str]
    before: tuple[Mapping[str, Any], ...]
    transaction: Mapping[str, Any]
    needed: int

    @property
    def started(self) -> Mapping[str, Plan]:
        """The plans by the titles of their devices."""
        return {self.devices[name]: plan for name, plan in self.plans.items()}


def new_chain(vm: VmSnapshot, devices: Sequence[Device]) -> Chain:
    """A chain of these disks without a point.

    Raises:
        NotPossible: a disk cannot be backed up, or there is none.
    """
    if not devices:
        raise NotPossible("No disk was chosen.")
    disks: list[ChainDisk] = []
    for device in devices:
        medium = _medium(device)
        disks.append(
            ChainDisk(
                name=_name_for(device, {disk.name for disk in disks}),
                device=device.title,
                node=medium.node_name,
                virtual_size=medium.virtual_size,
            )
        )
    uuid = "" if vm.uuid == _NO_UUID else vm.uuid
    return Chain(id=secrets.token_hex(4), vm=vm.name, uuid=uuid, disks=tuple(disks))


def _name_for(device: Device, taken: Iterable[str]) -> str:
    base = _UNFIT.sub("_", device.title).strip("_")[:_LONGEST_NAME] or "disk"
    numbered = (f"{base}_{number}" for number in range(2, 10_000))
    return base if base not in taken else next(name for name in numbered if name not in taken)


def _medium(device: Device) -> Medium:
    obstacle = device.obstacle
    if device.medium is None or obstacle is not None:
        raise NotPossible(f"{device.title} cannot be backed up now: {obstacle}.")
    if device.medium.temporary_snapshot:
        raise NotPossible(f"{device.title} is open with snapshot=on: what is written is not kept.")
    if not device.medium.virtual_size:
        raise NotPossible(f"{device.title} has no size: there is nothing to back up.")
    return device.medium


def plan_full(
    vm: VmSnapshot, chain: Chain, directory: Path, options: PointOptions, *, lasting: bool = True
) -> PointPlan:
    """A full point, the first of its chain or a new beginning.

    Args:
        lasting: the bitmaps are kept in images that can hold them.

    Raises:
        NotPossible: a disk is not there, or cannot be backed up now.
    """
    _is_of(vm, chain)
    return _plan(vm, chain, directory, options, None, lasting=lasting)


def plan_next(
    vm: VmSnapshot, chain: Chain, directory: Path, options: PointOptions, *, lasting: bool = True
) -> PointPlan:
    """The increment on the last complete point.

    Raises:
        NeedsFull: the bitmap of that point is of no use for a disk, and why.
        NotPossible: a disk is not there, or cannot be backed up now.
    """
    _is_of(vm, chain)
    last = chain.last
    if last is None:
        raise NeedsFull("The chain has no complete point to stand on.")
    for disk in chain.disks:
        _is_fit(disk, _medium(_device(vm, disk)), chain, last)
    return _plan(vm, chain, directory, options, last, lasting=lasting)


def recorded_since_last(vm: VmSnapshot, chain: Chain, disk_name: str) -> tuple[Medium, int]:
    """A disk of the VM, and the bytes that were written to it since the chain's last point.

    Raises:
        NeedsFull: the bitmap of that point does not tell.
        NotPossible: the disk is not there, or is of another VM.
    """
    _is_of(vm, chain)
    last = chain.last
    disk = next((disk for disk in chain.disks if disk.name == disk_name), None)
    if last is None or disk is None:
        raise NotPossible(f"The chain has no complete point of a disk {disk_name}.")
    medium = _medium(_device(vm, disk))
    _is_fit(disk, medium, chain, last)
    name = bitmap_name(chain.id, last.serial)
    return medium, sum(bitmap.count for bitmap in medium.bitmaps if bitmap.name == name)


def records_since_last(vm: VmSnapshot, chain: Chain) -> bool:
    """Whether a disk of a VM has the bitmap of the chain's last point, of whatever use it is."""
    name = bitmap_name(chain.id, chain.last.serial) if chain.last is not None else None
    media = (device.medium for device in vm.devices)
    return any(bitmap.name == name for medium in media if medium for bitmap in medium.bitmaps)


def _is_of(vm: VmSnapshot, chain: Chain) -> None:
    """Whether a chain can be of this VM, as far as both say who they are."""
    known = vm.uuid if vm.uuid != _NO_UUID else ""
    if chain.uuid and known and chain.uuid != known:
        raise NotPossible(f"The chain is of another VM: {chain.vm or 'no name'}, {chain.uuid}.")
    if not (chain.uuid and known) and chain.vm and vm.name and chain.vm != vm.name:
        raise NotPossible(f"The chain is of another VM: {chain.vm}.")


def _device(vm: VmSnapshot, disk: ChainDisk) -> Device:
    device = next((device for device in vm.devices if device.title == disk.device), None)
    if device is None:
        raise NotPossible(f"The VM has no disk {disk.device}, of which the chain is.")
    return device


def _is_fit(disk: ChainDisk, medium: Medium, chain: Chain, last: Point) -> None:
    """Whether the bitmap of the last point tells all that was written since."""
    name = bitmap_name(chain.id, last.serial)
    size = last.images[disk.name].virtual_size
    if medium.virtual_size != size:
        raise NeedsFull(
            f"{disk.device} was resized, from {size:,} to {medium.virtual_size:,} bytes."
        )
    bitmap = next((bitmap for bitmap in medium.bitmaps if bitmap.name == name), None)
    if bitmap is None:
        others = [b.name for b in medium.bitmaps if b.name.startswith(BITMAP_PREFIX)]
        seen = f" There is {', '.join(others)}, of another point or chain." if others else ""
        raise NeedsFull(
            f"{disk.device} has lost the bitmap {name}: what was written since is not known.{seen}"
        )
    if bitmap.inconsistent:
        raise NeedsFull(
            f"The bitmap {name} of {disk.device} is inconsistent: its VM did not end in order."
        )
    if not bitmap.recording:
        raise NeedsFull(f"The bitmap {name} of {disk.device} was disabled: it missed writes.")
    if bitmap.busy:
        raise NotPossible(f"The bitmap {name} of {disk.device} is in use.")


def _plan(
    vm: VmSnapshot,
    chain: Chain,
    directory: Path,
    options: PointOptions,
    base: Point | None,
    *,
    lasting: bool,
) -> PointPlan:
    if options.fleece:
        _can_fleece(vm, options.fleece)
    serial = max((point.serial for point in chain.points), default=0) + 1
    now = datetime.now(UTC)
    stamp = f"{now:%Y%m%d%H%M%S}"
    plans: dict[str, Plan] = {}
    images: dict[str, PointImage] = {}
    additions: list[Json] = []
    name, keeping = bitmap_name(chain.id, serial), list[str]()
    needed = 0
    for disk in chain.disks:
        medium = _medium(_device(vm, disk))
        images[disk.name] = _image(vm, chain, disk, serial, medium, base)
        job_id = f"blockdeck-{chain.id}-{serial}-{disk.name}-{stamp}"
        path = directory / images[disk.name].file
        previous = bitmap_name(chain.id, base.serial) if base is not None else None
        needed += _needed(medium, previous)
        backup = _backup(job_id, medium.node_name, previous, options)
        plan = _target(job_id, path, images[disk.name], backup)
        if options.fleece:
            device, several = _device(vm, disk), len(chain.disks) > 1
            how = _Fleecing(options.fleece, tells=tells_zeroes(vm), several=several)
            plan = _fleeced(plan, job_id, device, medium, how, previous)
        plans[disk.name] = plan
        if lasting and medium.driver == _KEEPS_BITMAPS and not medium.read_only:
            keeping.append(disk.name)
        keeps = disk.name in keeping
        bitmap: Json = {"node": medium.node_name, "name": name, "persistent": keeps}
        additions.append({"type": "block-dirty-bitmap-add", "data": bitmap})
    starts: list[Json] = [
        {"type": BLOCKDEV_BACKUP, "data": plan.job["arguments"]} for plan in plans.values()
    ]
    grouped = options.grouped and len(starts) > 1
    apart = bool(options.fleece)
    before, transaction = _transactions(additions, starts, grouped=grouped, apart=apart)
    if options.fleece and len(plans) > 1:
        before = (*before, switch_all(plan.job["arguments"]["job-id"] for plan in plans.values()))
    point = Point(
        serial=serial,
        kind=PointKind.FULL if base is None else PointKind.INCREMENTAL,
        parent=base.serial if base is not None else None,
        started=now,
        images=images,
        bitmap=PointBitmap(name=name, persistent=tuple(keeping)),
        arguments=PointArguments(**asdict(options)),
        job_ids={disk: plan.job["arguments"]["job-id"] for disk, plan in plans.items()},
        commands=_in_order(plans.values(), before, transaction),
    )
    devices = {disk.name: disk.device for disk in chain.disks}
    return PointPlan(chain.with_point(point), point, plans, devices, before, transaction, needed)


def _in_order(
    plans: Iterable[Plan], before: tuple[Mapping[str, Any], ...], transaction: Mapping[str, Any]
) -> tuple[Mapping[str, Any], ...]:
    """All that is sent for a point, as it is sent."""
    made = tuple(plans)
    prepared = (step for plan in made for step in plan.prepare)
    entered = (step for plan in made for step in plan.enter)
    return (*prepared, *before, *entered, transaction)


def _needed(medium: Medium, bitmap: str | None) -> int:
    """The bytes that a copy of all, or of what a bitmap tells, takes where it is not compressed."""
    if bitmap is not None:
        return sum(found.count for found in medium.bitmaps if found.name == bitmap)
    return medium.allocated if medium.allocated is not None else medium.virtual_size


def _can_fleece(vm: VmSnapshot, directory: str) -> None:
    """Whether disks can be read through filters.

    Raises:
        NotPossible: they cannot.
    """
    told = why_not(vm)
    if told is not None:
        raise NotPossible(told)
    if not directory.startswith("/"):
        raise NotPossible(f"{directory} is no absolute path.")


@dataclass(frozen=True, slots=True)
class _Fleecing:
    """Where to, whether QEMU tells zeroes rightly, and whether there are several disks."""

    directory: str
    tells: bool
    several: bool


def _fleeced(
    plan: Plan,
    job_id: str,
    device: Device,
    medium: Medium,
    how: _Fleecing,
    previous: str | None,
) -> Plan:
    """The plan through a filter; what an increment copies is told to what it reads by then."""
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


def _transactions(
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


def _image(
    vm: VmSnapshot, chain: Chain, disk: ChainDisk, serial: int, medium: Medium, base: Point | None
) -> PointImage:
    words = (_UNFIT.sub("_", vm.name)[:_LONGEST_NAME].strip("_") or "vm", disk.name, chain.id)
    return PointImage(
        file=f"{'-'.join(words)}-{serial:04}.qcow2",
        backing=base.images[disk.name].file if base is not None else None,
        virtual_size=medium.virtual_size,
    )


def _backup(job_id: str, node: str, previous: str | None, options: PointOptions) -> dict[str, Json]:
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


def _target(job_id: str, path: Path, image: PointImage, backup: Mapping[str, Json]) -> Plan:
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
