"""Carries a prune out, so that at every instant every point that stays can be restored.

The order, of which each step leaves a whole chain behind:

1. The manifest names the new images as surplus. The points are as they were.
2. The new images are made, each compared with the one it takes the place of, and flushed. None of
   the old ones is touched: whoever restores now, reads the old ones.
3. The manifest is replaced in one rename: the points have their new images, and the old ones are
   surplus. This is the moment of the change, and before it and after it all files that the manifest
   needs are there.
4. The surplus files are deleted, each only if no point of any manifest names it.
5. The manifest is written without surplus.

Killed before 3, the new images are surplus; after it, the old ones. In both cases deleting what is
surplus (`settle`) ends it, and can itself be killed and done again. `qemu-img rebase` in place on
an image that is needed would be no such order: its header and its checksum in the manifest would
change at different moments.
"""

import asyncio
import os
from collections.abc import Callable, Iterable, Sequence

from tui.chain.directory import Kept, NoManifest, manifest_name, read_chain, write_chain
from tui.chain.lock import ChainBusy, alone_with
from tui.chain.manifest import Chain, PointImage
from tui.images.checksum import to_its_end
from tui.images.errors import ImageError, from_os
from tui.images.making import check_sources, make
from tui.images.progress import Meter, OnProgress, nobody
from tui.images.prune_plan import ChainPrune, rebuilt
from tui.images.soundness import faults
from tui.images.strangers import named_elsewhere
from tui.text import plain
from tui.units import size

OnStep = Callable[[str], None]


def _quiet(step: str) -> None:
    """Tell nobody."""


async def prune(
    plan: ChainPrune, on_progress: OnProgress = nobody, on_step: OnStep = _quiet
) -> tuple[str, ...]:
    """Do to a chain what was planned.

    Args:
        plan: as it was shown.
        on_progress: is told of bytes.
        on_step: is told of each step after which the disk is in another state.

    Returns:
        The files that were deleted.

    Raises:
        ImageError: nothing was changed, or a later prune has to end it; the sentence says which.
    """
    if plan.hindrance:
        raise ImageError(plan.hindrance)
    try:
        with alone_with(plan.kept.path):
            return await _prune(plan, on_progress, on_step)
    except ChainBusy as error:
        raise ImageError(str(error)) from error
    except NoManifest as error:
        raise ImageError(plain(str(error), 400)) from error
    except OSError as error:
        raise from_os(error, plain(error.filename or str(plan.kept.path), 200)) from error


async def settle(kept: Kept) -> tuple[str, ...]:
    """End a prune that was interrupted: delete what it left. Returns the files deleted.

    Raises:
        ImageError: another BlockDeck changes the chain, or a file cannot be deleted.
    """
    idle = ChainPrune(kept, {point.serial: () for point in kept.chain.points}, ())
    return await prune(idle)


async def _prune(plan: ChainPrune, on_progress: OnProgress, on_step: OnStep) -> tuple[str, ...]:
    kept = plan.kept
    await asyncio.to_thread(_expect, kept)
    gone = await to_its_end(lambda: _delete_surplus(kept, on_step))
    if not plan.drop:
        return gone
    await asyncio.to_thread(_sound, plan)
    whole = Kept(kept.path, _valid(kept.chain, surplus=()))
    names = tuple(each.file for each in plan.rebuilds)
    try:
        begun = await to_its_end(lambda: _replace(whole, _valid(whole.chain, surplus=names)))
        on_step("announced")
        made = await _make_all(plan, on_progress, on_step)
        points = rebuilt(plan, made)
        files = {image.file for point in points for image in point.images.values()}
        surplus = tuple(name for name in whole.chain.files() if name not in files)
        after = _valid(whole.chain, points=points, surplus=surplus)
        await to_its_end(lambda: _replace(begun, after))
    except BaseException:
        await to_its_end(lambda: _take_back(kept, names))
        raise
    on_step("changed")
    return gone + await to_its_end(lambda: _delete_surplus(kept, on_step))


def _expect(kept: Kept) -> None:
    """The manifest is as it was looked at last: nobody else has changed it."""
    if read_chain(kept.path).chain != kept.chain:
        raise ImageError("the chain changed meanwhile", "Look at the preview again.")
    if kept.path.name != manifest_name(kept.chain):
        wanted = manifest_name(kept.chain)
        raise ImageError(f"{plain(kept.path.name)} is not called {wanted}", "Give it that name.")


def _replace(kept: Kept, chain: Chain) -> Kept:
    """Write another manifest in the place of this one, if it still is as it was."""
    _expect(kept)
    return Kept(write_chain(kept.directory, chain), chain)


def _valid(chain: Chain, **changes: object) -> Chain:
    return Chain.model_validate(chain.model_copy(update=changes).model_dump())


def _sound(plan: ChainPrune) -> None:
    """What cannot be read whole must not be merged: the merged image would look whole."""
    chain = plan.kept.chain
    for each in plan.rebuilds:
        point = chain.point(each.serial)
        assert point is not None  # it is planned from this chain
        for step in chain.lineage(point):
            for fault in faults(plan.kept, step, step.images[each.disk]):
                if fault.gravity.grave:
                    raise ImageError(f"{fault.where} {fault.what}", fault.advice)
    room = os.statvfs(plan.kept.directory)
    free = (room.f_bfree if os.geteuid() == 0 else room.f_bavail) * room.f_frsize
    if plan.written > free:
        where = plain(str(plan.kept.directory), 200)
        raise ImageError(
            f"the new images take {size(plan.written)}, and {where} has room for {size(free)}",
            "Make room, or keep points so that less has to be merged.",
        )


async def _make_all(
    plan: ChainPrune, on_progress: OnProgress, on_step: OnStep
) -> dict[str, PointImage]:
    sources = {image.file: image for each in plan.rebuilds for image in each.reads}
    lengths = [image.file_size or image.virtual_size for image in sources.values()]
    total = sum(lengths) + sum(4 * each.old.virtual_size for each in plan.rebuilds)
    meter = Meter(total, on_progress)
    await check_sources(plan.kept.directory, tuple(sources.values()), meter)
    made: dict[str, PointImage] = {}
    for each in plan.rebuilds:
        made[each.file] = await make(plan.kept.directory, each, meter)
        on_step(f"made {each.file}")
    meter.end()
    return made


def _take_back(kept: Kept, names: Sequence[str]) -> None:
    """Leave nothing of new images that no point came to name.

    Stopped while the manifest was written, it may be there or not: it says so itself.
    """
    try:
        chain = read_chain(kept.path).chain
        if not set(names) <= set(chain.surplus):
            return
        for name in names:
            (kept.directory / name).unlink(missing_ok=True)
        write_chain(kept.directory, _without_surplus(chain, names))
    except (OSError, NoManifest):
        # What is left is named as surplus: the next prune deletes it.
        return


def _without_surplus(chain: Chain, names: Iterable[str]) -> Chain:
    gone = set(names)
    return _valid(chain, surplus=tuple(name for name in chain.surplus if name not in gone))


def _delete_surplus(kept: Kept, on_step: OnStep) -> tuple[str, ...]:
    """Delete what no point names, then write the manifest without it."""
    chain = read_chain(kept.path).chain
    if not chain.surplus:
        return ()
    named, unreadable = named_elsewhere(kept.directory, kept.path)
    if unreadable:
        raise ImageError(
            f"nothing is deleted, for what it names is not known: {plain(unreadable[0], 300)}",
            "Mend it, or move it away.",
        )
    gone = []
    for name in chain.surplus:
        path = kept.directory / name
        # What another chain names, too, is only forgotten by this one.
        if name not in named and (path.is_symlink() or path.exists()):
            path.unlink()
            gone.append(name)
            on_step(f"deleted {name}")
    left = _without_surplus(chain, chain.surplus)
    if left.points:
        write_chain(kept.directory, left)
    else:
        kept.path.unlink()
    on_step("settled")
    return tuple(gone)
