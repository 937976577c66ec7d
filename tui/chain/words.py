"""What the manifest tells of a point, in words."""

import json
from collections.abc import Iterator

from tui.chain.manifest import Point
from tui.units import size


def bitmap_words(point: Point) -> str:
    """Its bitmap, and on which disks it outlives QEMU; "" where the manifest does not tell."""
    if point.bitmap is None:
        return ""
    kept = [name for name in point.images if name in point.bitmap.persistent]
    if not kept:
        return f"{point.bitmap.name}, ends with QEMU"
    where = f" of {', '.join(kept)}" if len(point.images) > 1 else ""
    return f"{point.bitmap.name}, kept in the disk's image{where}"


def argument_words(point: Point) -> str:
    """What was asked for; "" where the manifest does not tell."""
    asked = point.arguments
    if asked is None:
        return ""
    words = [
        f"{size(asked.speed)}/s for each disk" if asked.speed else "no speed limit",
        "compressed" if asked.compress else "",
        "" if asked.grouped or len(point.images) == 1 else "each disk ends by itself",
        f"fleeced to {asked.fleece}" if asked.fleece else "",
        "the guest frozen" if asked.freeze else "",
        f"by {asked.agent}" if asked.agent else "",
        "" if asked.grouped else "each backup ends by itself",
    ]
    return ", ".join(word for word in words if word)


def point_text(chain_id: str, point: Point) -> Iterator[str]:
    """All that the manifest tells of how a point was made; the commands as QMP takes them."""
    yield f"point {point.serial} of chain {chain_id}, {point.kind}"
    yield f"started    {point.started.astimezone():%F %T}"
    if point.ended is not None:
        yield f"ended      {point.ended.astimezone():%F %T}"
    if point.frozen_seconds is not None:
        yield f"frozen     {point.frozen_seconds:.3f} s"
    for label, words in (("bitmap", bitmap_words(point)), ("asked for", argument_words(point))):
        yield f"{label:<10} {words or 'not told: the manifest is of an earlier version'}"
    for name, image in point.images.items():
        yield f"image      {image.file}, of {name}, {size(image.allocated)}"
        yield f"  on       {image.backing or 'nothing'}"
        yield f"  SHA-256  {image.sha256 or 'not taken'}"
    yield "commands"
    for sent in point.commands:
        yield json.dumps(sent)
