"""`blockdeck restore`: a disk at a point of a chain, as a new image."""

import asyncio
from pathlib import Path

from tui.chain.directory import Kept
from tui.chain.manifest import SUFFIX
from tui.cli.failure import Failure, Status
from tui.cli.images_run import Teller, one_chain
from tui.cli.output import note, say, say_json
from tui.images.commands import ImageFormat
from tui.images.restore import RestorePlan, plan_restore, restore
from tui.images.source import Source, at_point, of_image
from tui.text import plain
from tui.units import duration, size


async def restore_disk(
    source: Path,
    target: Path,
    *,
    chain_id: str | None,
    point: int | None,
    disk: str | None,
    image_format: str,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Restore, and print the commands that do the same without BlockDeck.

    Raises:
        Failure: it is not clear what is meant.
        ImageError: it cannot be restored.
    """
    wanted = await asyncio.to_thread(_source, source, chain_id, point, disk)
    plan = await plan_restore(wanted, target, ImageFormat(image_format))
    over = overwrite and plan.place.existing is not None
    _tell_plan(plan, overwrite=over, as_json=as_json)
    if dry_run:
        return Status.DONE
    if plan.place.existing is not None and not overwrite:
        advice = "Name a new file; --overwrite lets it go."
        raise Failure(f"there is {plan.place.existing.words}", advice)
    with Teller(as_json=as_json) as teller:
        done = await restore(plan, overwrite=over, on_progress=teller)
    if as_json:
        told = {"target": str(done.path), "allocated": done.allocated, "seconds": done.seconds}
        say_json({"type": "restored", **told})
    else:
        took = f"{size(done.allocated)} in {duration(done.seconds)}"
        say(f"restored: {wanted.words} -> {done.path}, {took}, the same as the backup")
    return Status.DONE


def _source(path: Path, chain_id: str | None, point: int | None, disk: str | None) -> Source:
    if path.is_file() and not path.name.endswith(SUFFIX):
        if chain_id or point or disk:
            raise Failure("an image without a manifest has no --chain, --point or --disk")
        return of_image(path)
    kept = one_chain(path, chain_id)
    last = kept.chain.last
    if point is None and last is None:
        raise Failure(f"chain {kept.chain.id} has no point that is complete")
    serial = point if point is not None else last.serial if last is not None else 0
    return at_point(kept, serial, one_disk(kept, disk))


def one_disk(kept: Kept, disk: str | None) -> str:
    """The disk that is meant.

    Raises:
        Failure: there are several.
    """
    names = [each.name for each in kept.chain.disks]
    if disk is None and len(names) > 1:
        there = ", ".join(plain(name) for name in names)
        raise Failure(f"the chain has {len(names)} disks", f"Say --disk with one of: {there}")
    return disk if disk is not None else names[0]


def _tell_plan(plan: RestorePlan, *, overwrite: bool, as_json: bool) -> None:
    source, place = plan.source, plan.place
    shell = plan.shell(overwrite=overwrite)
    if as_json:
        told = {
            "source": source.words,
            "layers": [str(layer) for layer in source.layers],
            "virtual-size": source.virtual_size,
            "target": str(place.path),
            "format": plan.image_format.value,
            "required": plan.required,
            "free": place.free,
            "existing": place.existing.words if place.existing else None,
            "commands": [list(step) for step in plan.steps],
            "shell": shell,
            "doubts": list(source.doubts),
        }
        say_json({"type": "plan", **told})
        return
    for words in source.doubts:
        note(f"doubt: {words}")
    if place.stale:
        note(f"A half-made restore is left there, and makes way: {place.draft}")
    say(f"{source.words}, {size(source.virtual_size)}, {len(source.layers)} images")
    say("Without BlockDeck:")
    for line in shell.split("\n"):
        say(f"  {line}")
