"""Whether the images of a chain are there, and stand on each other as its manifest says.

Only headers are read, so that nothing in them leads `qemu-img` to another file.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from tui.chain.directory import Kept
from tui.chain.manifest import Point, PointImage
from tui.host.locks import has_writer
from tui.images.findings import Finding, Gravity
from tui.images.header import NotQcow2, Qcow2Header, read_qcow2
from tui.text import plain


def needing(kept: Kept, point: Point) -> tuple[int, ...]:
    """The serials of the points that a point's images are needed for, itself among them."""
    return tuple(
        other.serial
        for other in kept.chain.points
        if any(point.serial == step.serial for step in kept.chain.lineage(other))
    )


def faults(kept: Kept, point: Point, image: PointImage) -> Iterator[Finding]:
    """What is wrong with the file of an image, as far as its header and its directory tell.

    It waits for the disk: it is for threads.
    """
    path = kept.directory / image.file
    points = needing(kept, point)

    def found(gravity: Gravity, what: str, advice: str = "") -> Finding:
        where = plain(image.file)
        return Finding(gravity=gravity, where=where, what=what, advice=advice, points=points)

    try:
        entry = path.lstat()
    except FileNotFoundError:
        yield found(Gravity.LOST, "is not there", "Bring it back from another copy.")
        return
    except OSError as error:
        yield found(Gravity.LOST, f"cannot be looked at: {error.strerror}")
        return
    if stat.S_ISLNK(entry.st_mode):
        where = plain(_link(path), 120)
        yield found(
            Gravity.DOUBT,
            f"is a link to {where}: a copy of the directory would not hold it",
            "Put the file itself in its place.",
        )
    try:
        header = read_qcow2(path)
    except NotQcow2 as error:
        yield found(Gravity.DAMAGED, str(error), "Bring it back from another copy.")
        return
    except OSError as error:
        yield found(Gravity.LOST, f"cannot be read: {error.strerror}")
        return
    for gravity, what, advice in _differences(header, image):
        yield found(gravity, what, advice)
    if has_writer(path.stat()):
        what = "is being written to by a QEMU"
        yield found(Gravity.DAMAGED, what, "No VM may run on a backup: stop it, restore elsewhere.")


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return "?"


def _differences(header: Qcow2Header, image: PointImage) -> Iterator[tuple[Gravity, str, str]]:
    if header.data_file:
        yield Gravity.DAMAGED, "keeps its data in a file of another name", ""
    if header.backing_file != image.backing:
        stands = "on nothing" if header.backing_file is None else f"on {plain(header.backing_file)}"
        wanted = "on nothing" if image.backing is None else f"on {plain(image.backing)}"
        advice = "It was made anew or moved: bring it back as the manifest has it."
        yield Gravity.DAMAGED, f"stands {stands}, and should stand {wanted}", advice
    elif header.backing_file is not None and header.backing_format not in ("qcow2", None):
        words = f"takes what it stands on for {plain(header.backing_format or '')}, not qcow2"
        yield Gravity.DAMAGED, words, ""
    if header.virtual_size != image.virtual_size:
        sizes = f"{header.virtual_size} bytes, and should be of {image.virtual_size}"
        yield Gravity.DAMAGED, f"is of a disk of {sizes}", "It was resized after the backup."
    if header.corrupt:
        yield Gravity.DAMAGED, "is marked as corrupt by QEMU", "Bring it back from another copy."
