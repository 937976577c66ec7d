"""What a restore can begin from: a point of a chain, or images that no manifest tells of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tui.chain.directory import Kept
from tui.images.source import Source, at_point, of_image


@dataclass(frozen=True, slots=True)
class Restorable:
    """Something that one disk of can be restored.

    Attributes:
        title: what it is, in a few words.
        kind: what there is a choice of: "Disk" or "Image".
        choices: their names, the likeliest first.
        directory: where the images are.
        find: the source by the name of a choice; waits for the disk, raises `ImageError`.
        stem: of a restored disk's name, by the name of a choice.
    """

    title: str
    kind: str
    choices: tuple[str, ...]
    directory: Path
    find: Callable[[str], Source]
    stem: Callable[[str], str]


def point_of(kept: Kept, serial: int) -> Restorable:
    """A point of a chain."""
    point, vm = kept.chain.point(serial), kept.chain.vm
    when = f" of {point.started.astimezone():%F %H:%M}" if point else ""
    return Restorable(
        title=f"{vm} as at point {serial}{when}",
        kind="Disk",
        choices=tuple(disk.name for disk in kept.chain.disks),
        directory=kept.directory.absolute(),
        find=partial(at_point, kept, serial),
        stem=lambda disk: f"{vm}-{disk}-point{serial}",
    )


def images_of(directory: Path, names: Sequence[str]) -> Restorable:
    """Images without a manifest that stand on each other, from the uppermost down."""
    place = directory.absolute()
    return Restorable(
        title=names[0],
        kind="Image",
        choices=tuple(names),
        directory=place,
        find=lambda name: of_image(place / name),
        stem=lambda name: f"{Path(name).stem}-restored",
    )
