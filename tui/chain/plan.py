"""What QEMU is sent for a point of a chain: targets as nodes, one transaction for all disks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tui.backup.arguments import BLOCKDEV_BACKUP, Json
from tui.backup.fleece import switch_all, tells_zeroes, why_not
from tui.backup.plan import Plan
from tui.chain.commands import (
    Fleecing,
    in_order,
    make_backup,
    make_target,
    through_filter,
    transactions,
)
from tui.chain.disks import (
    LONGEST_NAME,
    UNFIT,
    NeedsFull,
    NotPossible,
    device_of,
    is_fit,
    is_of,
    medium_of,
)
from tui.chain.manifest import (
    Chain,
    ChainDisk,
    Point,
    PointArguments,
    PointBitmap,
    PointImage,
    PointKind,
    bitmap_name,
)
from tui.chain.options import PointOptions
from tui.vm.snapshot import Medium, VmSnapshot

_KEEPS_BITMAPS = "qcow2"


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


def plan_full(
    vm: VmSnapshot, chain: Chain, directory: Path, options: PointOptions, *, lasting: bool = True
) -> PointPlan:
    """A full point, the first of its chain or a new beginning.

    Args:
        lasting: the bitmaps are kept in images that can hold them.

    Raises:
        NotPossible: a disk is not there, or cannot be backed up now.
    """
    is_of(vm, chain)
    return _Draft(vm, chain, directory, options, None, lasting).plan()


def plan_next(
    vm: VmSnapshot, chain: Chain, directory: Path, options: PointOptions, *, lasting: bool = True
) -> PointPlan:
    """The increment on the last complete point.

    Raises:
        NeedsFull: the bitmap of that point is of no use for a disk, and why.
        NotPossible: a disk is not there, or cannot be backed up now.
    """
    is_of(vm, chain)
    last = chain.last
    if last is None:
        raise NeedsFull("The chain has no complete point to stand on.")
    for disk in chain.disks:
        is_fit(disk, medium_of(device_of(vm, disk)), chain, last)
    return _Draft(vm, chain, directory, options, last, lasting).plan()


@dataclass(frozen=True, slots=True)
class _Part:
    """What one disk has of a point.

    Attributes:
        image: what is made of it.
        plan: how its target is made, and its job.
        bitmap: the action that adds the bitmap of the point.
        keeps: whether the image of the disk keeps that.
        needed: the bytes that its image may come to take.
    """

    image: PointImage
    plan: Plan
    bitmap: Json
    keeps: bool
    needed: int

    @property
    def job_id(self) -> str:
        """The job's."""
        return str(self.plan.job["arguments"]["job-id"])


@dataclass(frozen=True, slots=True)
class _Draft:
    """A point as it is wanted: on `base`, or a full one where that is None."""

    vm: VmSnapshot
    chain: Chain
    directory: Path
    options: PointOptions
    base: Point | None
    lasting: bool

    @property
    def serial(self) -> int:
        """The number it gets."""
        return max((point.serial for point in self.chain.points), default=0) + 1

    @property
    def bitmap(self) -> str:
        """The bitmap that records from it on."""
        return bitmap_name(self.chain.id, self.serial)

    def plan(self) -> PointPlan:
        """All that is to be sent for it."""
        if self.options.fleece:
            _can_fleece(self.vm, self.options.fleece)
        now = datetime.now(UTC)
        parts = {disk.name: self._part(disk, now) for disk in self.chain.disks}
        before, transaction = self._sent(tuple(parts.values()))
        plans = {name: part.plan for name, part in parts.items()}
        keeping = tuple(name for name, part in parts.items() if part.keeps)
        point = Point(
            serial=self.serial,
            kind=PointKind.FULL if self.base is None else PointKind.INCREMENTAL,
            parent=self.base.serial if self.base is not None else None,
            started=now,
            images={name: part.image for name, part in parts.items()},
            bitmap=PointBitmap(name=self.bitmap, persistent=keeping),
            arguments=PointArguments(**asdict(self.options)),
            job_ids={name: part.job_id for name, part in parts.items()},
            commands=in_order(plans.values(), before, transaction),
        )
        return PointPlan(
            chain=self.chain.with_point(point),
            point=point,
            plans=plans,
            devices={disk.name: disk.device for disk in self.chain.disks},
            before=before,
            transaction=transaction,
            needed=sum(part.needed for part in parts.values()),
        )

    def _part(self, disk: ChainDisk, now: datetime) -> _Part:
        device = device_of(self.vm, disk)
        medium = medium_of(device)
        image = self._image(disk, medium)
        job_id = f"blockdeck-{self.chain.id}-{self.serial}-{disk.name}-{now:%Y%m%d%H%M%S}"
        previous = bitmap_name(self.chain.id, self.base.serial) if self.base is not None else None
        backup = make_backup(job_id, medium.node_name, previous, self.options)
        plan = make_target(job_id, self.directory / image.file, image, backup)
        if self.options.fleece:
            several = len(self.chain.disks) > 1
            how = Fleecing(self.options.fleece, tells=tells_zeroes(self.vm), several=several)
            plan = through_filter(plan, job_id, device, medium, how, previous)
        keeps = self.lasting and medium.driver == _KEEPS_BITMAPS and not medium.read_only
        bitmap: Json = {"node": medium.node_name, "name": self.bitmap, "persistent": keeps}
        added: Json = {"type": "block-dirty-bitmap-add", "data": bitmap}
        return _Part(image, plan, added, keeps, _needed(medium, previous))

    def _image(self, disk: ChainDisk, medium: Medium) -> PointImage:
        vm = UNFIT.sub("_", self.vm.name)[:LONGEST_NAME].strip("_") or "vm"
        return PointImage(
            file=f"{vm}-{disk.name}-{self.chain.id}-{self.serial:04}.qcow2",
            backing=self.base.images[disk.name].file if self.base is not None else None,
            virtual_size=medium.virtual_size,
        )

    def _sent(
        self, parts: tuple[_Part, ...]
    ) -> tuple[tuple[Mapping[str, Any], ...], Mapping[str, Any]]:
        """What comes right before the jobs of all disks, and what starts them."""
        fleeces, several = bool(self.options.fleece), len(parts) > 1
        before, transaction = transactions(
            [part.bitmap for part in parts],
            [{"type": BLOCKDEV_BACKUP, "data": part.plan.job["arguments"]} for part in parts],
            grouped=self.options.grouped and several,
            apart=fleeces,
        )
        if fleeces and several:
            before = (*before, switch_all(part.job_id for part in parts))
        return before, transaction


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
