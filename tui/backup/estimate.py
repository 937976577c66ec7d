"""How much a backup will copy and how much space it will take."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from tui.backup.arguments import Json
from tui.backup.formats import FORMATS
from tui.backup.source import Source, find_source
from tui.vm.snapshot import VmSnapshot

_METADATA = 1 << 20


class CopyEstimate(BaseModel):
    """Bytes that are read from the disk, and bytes the target will take; None is "not known"."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    copied: int | None
    needed: int | None


def estimate_copy(arguments: Mapping[str, Json], vm: VmSnapshot) -> CopyEstimate:
    """Estimate from what QEMU tells of sizes and bitmaps.

    A full backup reads all of the disk. Written to qcow2 it takes about what is allocated, written
    to raw all of the virtual size. sync=top copies what is allocated in the top image, a bitmap
    what it marks; sync=none nothing that could be foreseen.
    """
    name, sync = arguments.get("device"), arguments.get("sync")
    source = find_source(vm, name if isinstance(name, str) else None)
    if not source.found or source.virtual_size is None:
        return CopyEstimate(copied=None, needed=None)
    copied = _copied(source, sync, arguments.get("bitmap"))
    if arguments.get("mode") == "existing" or copied is None:
        return CopyEstimate(copied=copied, needed=None)
    image_format = arguments.get("format", source.driver)
    known = FORMATS.get(image_format) if isinstance(image_format, str) else None
    if known is None:
        return CopyEstimate(copied=copied, needed=None)
    if not known.holes:
        return CopyEstimate(copied=copied, needed=source.virtual_size)
    stored = min(copied, _allocated(source) if sync == "full" else copied)
    return CopyEstimate(copied=copied, needed=stored + stored // 1024 + _METADATA)


def _copied(source: Source, sync: Json, bitmap: Json) -> int | None:
    virtual = source.virtual_size or 0
    match sync:
        case "full":
            return virtual
        case "top":
            top = source.medium.actual_size if source.medium else None
            return virtual if top is None or source.has_backing is False else min(top, virtual)
        case "incremental" | "bitmap":
            found = source.bitmap(bitmap if isinstance(bitmap, str) else None)
            return min(found.count, virtual) if found else None
        case _:
            return None


def _allocated(source: Source) -> int:
    """What the whole chain holds, in bytes; all of the disk where that is not known."""
    held = source.medium.allocated if source.medium is not None else None
    return held if held is not None else source.virtual_size or 0
