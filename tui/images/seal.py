"""The checksums of a chain's images, taken once they are whole, so that later rot is seen."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from tui.chain.directory import Kept, NoManifest, read_chain, write_chain
from tui.chain.lock import ChainBusy, alone_with
from tui.chain.manifest import Chain, Point, PointImage
from tui.images.checksum import sha256, to_its_end
from tui.images.errors import ImageError, from_os
from tui.images.progress import Meter, OnProgress, nobody
from tui.text import plain


def unsealed(chain: Chain) -> tuple[tuple[Point, str, PointImage], ...]:
    """Point, disk and image of each that is complete and has no checksum yet."""
    return tuple(
        (point, disk, image)
        for point in chain.points
        if point.complete
        for disk, image in point.images.items()
        if image.sha256 is None
    )


async def seal(kept: Kept, on_progress: OnProgress = nobody) -> Kept:
    """Take the checksums that are missing; each is in the manifest as soon as it is taken.

    Whoever calls it is alone with the chain.

    Raises:
        ImageError: an image cannot be read, or is not as it was when its point became complete.
    """
    missing = unsealed(kept.chain)
    meter = Meter(sum(image.file_size or 0 for *_, image in missing), on_progress)
    for point, disk, image in missing:
        try:
            meter.begin(f"checksum of {image.file}", image.file_size or 0)
            digest = await _checksum(kept.directory / image.file, image, meter)
            chain = _sealed(kept.chain, point.serial, disk, digest)
            kept = await to_its_end(_writer(kept, chain))
        except OSError as error:
            raise from_os(error, plain(error.filename or str(kept.path), 200)) from error
    meter.end()
    return kept


async def seal_alone(path: Path, on_progress: OnProgress = nobody) -> Kept:
    """Take the checksums that the chain of a manifest lacks, alone with it.

    Raises:
        ImageError: as `seal`; or the manifest cannot be read, or somebody works on the chain.
    """
    try:
        with alone_with(path):
            return await seal(await asyncio.to_thread(read_chain, path), on_progress)
    except (ChainBusy, NoManifest) as error:
        raise ImageError(plain(str(error), 400)) from error
    except OSError as error:
        raise from_os(error, plain(str(path), 200)) from error


async def _checksum(path: Path, image: PointImage, meter: Meter) -> str:
    before = await asyncio.to_thread(path.stat)
    digest = await sha256(path, meter.at)
    after = await asyncio.to_thread(path.stat)
    same = (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns)
    if not same or image.file_size not in (None, after.st_size):
        raise ImageError(
            f"{plain(image.file, 100)} is not as it was when it was made: it gets no checksum",
            "See what writes to it.",
        )
    return digest


def _writer(kept: Kept, chain: Chain) -> Callable[[], Kept]:
    return lambda: Kept(write_chain(kept.directory, chain), chain)


def _sealed(chain: Chain, serial: int, disk: str, digest: str) -> Chain:
    point = chain.point(serial)
    assert point is not None  # it is of this chain
    image = point.images[disk].model_copy(update={"sha256": digest})
    images = {**point.images, disk: image}
    return chain.with_point(point.model_copy(update={"images": images}))
