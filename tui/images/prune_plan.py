"""What a prune would do: which points go, what has to be made anew for the others, what it takes.

No image is ever changed. A point that stays, but stood on one that goes, gets a new image:

* *merge*: a copy of its image, rebased onto the image of the nearest point under it that stays. It
  takes up all that the points between them held.
* *full*: where no point under it stays, all of the disk in one image.
* *carry*: its parent stays but gets a new image, and so a new file name. Its own image is copied,
  and only the name in the header of the copy is changed.
"""

import asyncio
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from pathlib import Path

from tui.chain.directory import Kept
from tui.chain.manifest import Point, PointImage, PointKind
from tui.images.commands import measure
from tui.images.program import run
from tui.images.restore import Measure
from tui.images.retention import Moment, Rules, choose
from tui.images.strangers import standing_on
from tui.text import plain

_MERGED = re.compile(r"-merged[0-9]+$")
_NEWEST = "next increment"


class Making(StrEnum):
    """How a new image comes to be."""

    FULL = "full"
    MERGE = "merge"
    CARRY = "carry"


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A new image for a point that stays.

    Attributes:
        serial: of the point.
        disk: which of its disks.
        making: how it comes to be.
        old: the image it takes the place of.
        file: its name.
        backing: what it will stand on, by name; None for a full one.
        through: the image under the old one that stays as it is while it is made; None for a full
            one.
        reads: the images whose content goes into it.
        estimate: the bytes it will take, about.
    """

    serial: int
    disk: str
    making: Making
    old: PointImage
    file: str
    backing: str | None
    through: str | None
    reads: tuple[PointImage, ...]
    estimate: int


@dataclass(frozen=True, slots=True)
class ChainPrune:
    """What would be done to one chain.

    Attributes:
        kept: the chain as it is.
        reasons: why a point stays, by serial.
        drop: the points that go.
        rebuilds: the new images, in the order in which they can be made.
        deletes: the files that go, and their bytes on the disk.
        hindrance: why nothing can be done to it now; "" where it can.
    """

    kept: Kept
    reasons: Mapping[int, tuple[str, ...]]
    drop: tuple[Point, ...]
    rebuilds: tuple[Rebuild, ...] = ()
    deletes: tuple[tuple[str, int], ...] = ()
    hindrance: str = ""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not self.drop and not self.kept.chain.surplus

    @property
    def whole(self) -> bool:
        """Whether all of the chain goes: its next increment would need a new full backup."""
        return bool(self.drop) and len(self.drop) == len(self.kept.chain.points)

    @property
    def written(self) -> int:
        """Bytes that the new images will take, about."""
        return sum(each.estimate for each in self.rebuilds)

    @property
    def freed(self) -> int:
        """Bytes on the disk of the files that go."""
        return sum(size for _, size in self.deletes)


async def plan_prune(
    chains: Sequence[Kept], rules: Rules, zone: tzinfo | None = None
) -> tuple[ChainPrune, ...]:
    """What a prune of a directory would do; nothing is changed.

    The rules are held against all points of the same disks of a VM, of whatever chain. Of the
    newest of those chains the last complete point always stays, for the next increment stands on
    it, and the VM's bitmap is as of it.

    Raises:
        ImageError: no `qemu-img`.
    """
    reasons = choose_in(chains, rules, zone)
    return tuple([await plan_chain(kept, reasons[kept.path]) for kept in chains])


def choose_in(
    chains: Sequence[Kept], rules: Rules, zone: tzinfo | None = None
) -> dict[Path, dict[int, tuple[str, ...]]]:
    """Why a point stays, by manifest and serial."""
    groups: dict[object, list[Kept]] = {}
    for kept in chains:
        disks = frozenset(disk.name for disk in kept.chain.disks)
        groups.setdefault((kept.chain.uuid or kept.chain.vm, disks), []).append(kept)
    chosen: dict[Path, dict[int, tuple[str, ...]]] = {kept.path: {} for kept in chains}
    for group in groups.values():
        ordered = sorted(_moments(group))
        moments = [Moment((path, serial), when) for _, path, serial, when in ordered]
        picked = choose(moments, rules, zone)
        if moments and moments[-1].key not in picked:
            picked[moments[-1].key] = (_NEWEST,)
        for _, path, serial, _ in ordered:
            if (path, serial) in picked:
                chosen[path][serial] = picked[path, serial]
    return chosen


def _moments(group: Sequence[Kept]) -> list[tuple[datetime, Path, int, datetime]]:
    """Sorting key, manifest, serial, time: within a chain the serial decides, not the clock."""
    found = []
    for kept in group:
        latest: datetime | None = None
        for point in kept.chain.points:
            if point.complete:
                latest = point.started if latest is None else max(latest, point.started)
                found.append((latest, kept.path, point.serial, point.started))
    return found


async def plan_chain(kept: Kept, reasons: Mapping[int, tuple[str, ...]]) -> ChainPrune:
    """What would be done to one chain so that these of its points stay.

    Raises:
        ImageError: no `qemu-img`.
    """
    chain = kept.chain
    if any(not point.complete for point in chain.points):
        running = next(point.serial for point in chain.points if not point.complete)
        why = f"point {running} is not complete: its backup runs, or was given up"
        return ChainPrune(kept, reasons, (), hindrance=why)
    drop = tuple(point for point in chain.points if point.serial not in reasons)
    if not drop:
        return ChainPrune(kept, reasons, (), deletes=_sizes(kept, chain.surplus))
    taken = {*chain.files(), *chain.surplus, *await asyncio.to_thread(os.listdir, kept.directory)}
    rebuilds: list[Rebuild] = []
    for point in chain.points:
        if point.serial in reasons:
            for disk in point.images:
                made = await _rebuild(kept, point, disk, reasons, rebuilds, taken)
                if made is not None:
                    rebuilds.append(made)
                    taken.add(made.file)
    going = [image.file for point in drop for image in point.images.values()]
    going += [each.old.file for each in rebuilds]
    if stands := await asyncio.to_thread(standing_on, kept, going):
        stranger, image = (plain(name) for name in stands)
        why = f"{stranger}, which no manifest names, stands on {image}, which would go"
        return ChainPrune(kept, reasons, (), hindrance=why)
    deletes = await asyncio.to_thread(_sizes, kept, (*going, *chain.surplus))
    return ChainPrune(kept, reasons, drop, tuple(rebuilds), deletes)


async def _rebuild(
    kept: Kept,
    point: Point,
    disk: str,
    reasons: Mapping[int, object],
    before: Sequence[Rebuild],
    taken: set[str],
) -> Rebuild | None:
    """The new image that a point needs; None if its own stays."""
    if point.parent is None:
        return None
    lineage = kept.chain.lineage(point)
    under = next((step for step in reversed(lineage[:-1]) if step.serial in reasons), None)
    old = point.images[disk]
    between = [step for step in lineage if under is None or step.serial > under.serial]
    reads = tuple(step.images[disk] for step in between)
    if under is None:
        estimate = await _measured(kept, old)
        file = free_name(old.file, taken)
        return Rebuild(point.serial, disk, Making.FULL, old, file, None, None, reads, estimate)
    anew = next((m for m in before if (m.serial, m.disk) == (under.serial, disk)), None)
    if point.parent == under.serial and anew is None:
        return None
    through = under.images[disk].file
    making = Making.CARRY if point.parent == under.serial else Making.MERGE
    estimate = sum(size for _, size in _sizes(kept, [image.file for image in reads]))
    file, backing = free_name(old.file, taken), anew.file if anew else through
    return Rebuild(point.serial, disk, making, old, file, backing, through, reads, estimate)


async def _measured(kept: Kept, image: PointImage) -> int:
    answer = await run(measure((kept.directory / image.file).absolute()))
    try:
        return Measure.model_validate(json.loads(answer.out)).required
    except ValueError:
        # What cannot be measured cannot be read: carrying it out says so.
        return image.virtual_size


def free_name(file: str, taken: set[str]) -> str:
    """A name for the image that takes the place of another, as like it as can be."""
    path = Path(file)
    stem = _MERGED.sub("", path.stem)
    numbers = range(1, len(taken) + 2)
    names = (f"{stem}-merged{number}{path.suffix}" for number in numbers)
    return next(name for name in names if name not in taken)


def _sizes(kept: Kept, names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Files that are there, and the bytes they take on the disk."""
    found = []
    for name in names:
        try:
            found.append((name, (kept.directory / name).lstat().st_blocks * 512))
        except OSError:
            continue
    return tuple(found)


def rebuilt(plan: ChainPrune, made: Mapping[str, PointImage]) -> tuple[Point, ...]:
    """The points that stay, with their new images.

    Args:
        plan: what is done.
        made: the new images, by file name.
    """
    points = []
    for point in plan.kept.chain.points:
        if point.serial not in plan.reasons:
            continue
        images = dict(point.images)
        for each in plan.rebuilds:
            if each.serial == point.serial:
                images[each.disk] = made[each.file]
        under = next(
            (
                step.serial
                for step in reversed(plan.kept.chain.lineage(point)[:-1])
                if step.serial in plan.reasons
            ),
            None,
        )
        kind = PointKind.FULL if under is None else PointKind.INCREMENTAL
        changes = {"images": images, "parent": under, "kind": kind}
        points.append(point.model_copy(update=changes))
    return tuple(points)
