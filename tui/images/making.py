"""Makes the images of a prune. What it reads is never written, and what it made is compared."""

from collections.abc import Sequence
from pathlib import Path

from tui.chain.manifest import PointImage
from tui.images.checksum import copy, flush, sha256
from tui.images.commands import Command, ImageFormat, compare, convert, rebase
from tui.images.errors import ImageError
from tui.images.header import read_qcow2
from tui.images.program import run
from tui.images.progress import Meter
from tui.images.prune_plan import Making, Rebuild
from tui.text import plain

_AGAIN = "Verify the chain. Nothing was changed."


async def check_sources(directory: Path, images: Sequence[PointImage], meter: Meter) -> None:
    """See that what is to be merged is as it was written.

    What has rotted must not be given a new checksum.

    Raises:
        ImageError: it is not.
        OSError: it cannot be read.
    """
    for image in images:
        meter.begin(f"checking {plain(image.file)}", image.file_size or image.virtual_size)
        if image.sha256 is None:
            continue
        if await sha256(directory / image.file, meter.at) != image.sha256:
            raise ImageError(f"{plain(image.file)} has changed since it was written", _AGAIN)


async def make(directory: Path, rebuild: Rebuild, meter: Meter) -> PointImage:
    """Make one new image, and tell of it as the manifest does.

    Raises:
        ImageError: `qemu-img` failed, or what it made is not the same.
        OSError: a file cannot be written.
    """
    old, new = (directory / name for name in (rebuild.old.file, rebuild.file))
    length = rebuild.old.virtual_size
    meter.begin(f"making {plain(rebuild.file)}", 2 * length)
    if rebuild.making is Making.FULL:
        cluster = read_qcow2(old).cluster_size
        whole = convert(old.absolute(), new.absolute(), to=ImageFormat.QCOW2, cluster_size=cluster)
        await _run(whole, meter)
    else:
        await copy(old, new, meter.at)
        assert rebuild.backing is not None
        assert rebuild.through is not None
        if rebuild.making is Making.MERGE:
            await _run(rebase(new.absolute(), rebuild.through, renames=False), meter)
        if rebuild.backing != read_qcow2(new).backing_file:
            await _run(rebase(new.absolute(), rebuild.backing, renames=True), meter)
    meter.begin(f"comparing {plain(rebuild.file)}", length)
    await _run(compare(old.absolute(), "qcow2", new.absolute(), "qcow2"), meter)
    await flush(new)
    size = new.stat().st_size
    meter.begin(f"summing up {plain(rebuild.file)}", length)
    digest = await sha256(new, lambda done: meter.fraction(done / max(1, size)))
    found = new.stat()
    return PointImage(
        file=rebuild.file,
        backing=rebuild.backing,
        virtual_size=length,
        allocated=found.st_blocks * 512,
        file_size=found.st_size,
        sha256=digest,
    )


async def _run(command: Command, meter: Meter) -> None:
    answer = await run(command, meter.fraction)
    if answer.status != 0:
        said = answer.complaint if answer.err.strip() else plain(" ".join(answer.out.split()), 200)
        raise ImageError(f"qemu-img {command[1]} failed: {said}", _AGAIN)
