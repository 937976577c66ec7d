"""A point of a chain whose backup runs, and its files."""

import logging
import os
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from tui.agent import Freeze as Frozen
from tui.backup.fleece import fleece_path
from tui.chain.directory import write_chain
from tui.chain.disks import NotPossible
from tui.chain.manifest import Chain, Point, PointArguments
from tui.chain.plan import PointPlan
from tui.units import size

log = logging.getLogger(__name__)

Freeze = Callable[[], AbstractAsyncContextManager[Frozen | None]]
"""What is around the transaction: the file systems of the guest at rest; None, they are not."""


class PointFailed(Exception):
    """A point did not come to be; the text says why, and what of it is left, if anything."""


class NotRecorded(OSError):
    """A point is copied whole, but its chain's manifest cannot be written; the text says why.

    Whoever takes the chain up, and be it for the next point, has it complete then.
    """


@dataclass(frozen=True, slots=True)
class RunningPoint:
    """A point whose backup runs.

    Attributes:
        warning: what may come in its way, if anything.
        unfrozen: why it is no better than one of a guest that was not frozen, where it was to be.
    """

    directory: Path
    chain: Chain
    point: Point
    warning: str = ""
    unfrozen: str = ""

    @property
    def job_ids(self) -> tuple[str, ...]:
        """The jobs of its disks."""
        return tuple(self.point.job_ids.values())


def with_frozen(running: RunningPoint, frozen: Frozen) -> RunningPoint:
    """The point with how the guest was frozen for it, also on the disk."""
    agent = str(frozen.agent) if frozen.agent is not None else ""
    asked = (running.point.arguments or PointArguments()).model_copy(update={"agent": agent})
    told = {"frozen_seconds": round(frozen.seconds, 3), "arguments": asked}
    point = running.point.model_copy(update=told)
    chain = running.chain.with_point(point)
    try:
        write_chain(running.directory, chain)
    except OSError as error:
        # The backup runs, and it is written again when that is complete.
        log.warning("%s: %s", running.directory, error)
    return replace(running, chain=chain, point=point)


def room(directory: Path) -> int:
    """The bytes that are free there for whoever is not root, as a QEMU mostly is."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


def too_little(needed: int, free: int) -> str:
    """What is to be said where a point needs more bytes than are free; nothing otherwise."""
    if needed <= free:
        return ""
    return f"The point may take {size(needed)}, and {size(free)} are free."


def are_new(directory: Path, plan: PointPlan) -> None:
    """Whether nothing is overwritten by a point.

    Raises:
        NotPossible: a file is there already.
    """
    for image in plan.point.images.values():
        path = directory / image.file
        if path.is_symlink() or path.exists():
            raise NotPossible(f"{path} is there already: nothing is overwritten.")


def files_of(running: RunningPoint) -> list[Path]:
    """All files that are made for a point: its images, and what takes the guest's old data.

    The latter lose their names while the point is prepared, unless BlockDeck is killed just then.
    """
    point, asked = running.point, running.point.arguments
    images = [running.directory / image.file for image in point.images.values()]
    if asked is None or not asked.fleece:
        return images
    return images + [Path(fleece_path(asked.fleece, job_id)) for job_id in point.job_ids.values()]


def measured(directory: Path, point: Point) -> Point:
    """The point with the sizes of its files."""
    images = {}
    for name, image in point.images.items():
        found = (directory / image.file).stat()
        sizes = {"file_size": found.st_size, "allocated": found.st_blocks * 512}
        images[name] = image.model_copy(update=sizes)
    return point.model_copy(update={"images": images})


def removed(files: Iterable[Path]) -> list[str]:
    """Remove files that may not be there; those that cannot be are told, each with the reason."""
    left = []
    for path in files:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            left.append(f"{path} ({error.strerror})")
    return left
