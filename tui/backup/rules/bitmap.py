"""Whether bitmap, bitmap-mode and sync go together."""

from collections.abc import Iterator

from tui.backup.rules.case import Case
from tui.backup.rules.rule import Hit, rule
from tui.backup.verdict import Severity
from tui.backup.wording import quote
from tui.qmp.models import BlockDirtyInfo


def _given(case: Case) -> str | None:
    return case.text("bitmap")


def _on_source(case: Case) -> BlockDirtyInfo | None:
    return case.source.bitmap(_given(case))


@rule("B-NAME", Severity.REFUSES)
def name_needed(case: Case) -> Iterator[Hit]:
    """sync=incremental and sync=bitmap need a bitmap."""
    if case.sync_uses_bitmap and "bitmap" not in case.arguments:
        yield Hit(
            "bitmap",
            f"Choose a bitmap: sync={case.sync} copies what it marks.",
            f"must provide a valid bitmap name for '{case.sync}' sync mode",
        )


@rule("B-INCMODE", Severity.REFUSES)
def incremental_mode(case: Case) -> Iterator[Hit]:
    """sync=incremental goes with bitmap-mode on-success alone."""
    mode = case.text("bitmap-mode")
    if case.sync == "incremental" and mode not in (None, "on-success"):
        yield Hit(
            "bitmap-mode",
            "sync=incremental goes with bitmap-mode=on-success alone; choose sync=bitmap for "
            f"{quote(mode)}.",
            "Bitmap sync mode must be 'on-success' when using sync mode 'incremental'",
        )


@rule("B-NOTFOUND", Severity.REFUSES)
def not_found(case: Case) -> Iterator[Hit]:
    """The disk's node has no such bitmap."""
    name = _given(case)
    source = case.source
    if name is None or not source.found:
        return
    if source.busy and not case.is_blockdev_backup:
        # That it is busy is told first.
        return
    # Under the backend's name QEMU finds the job's filter, which has no bitmaps.
    if _on_source(case) and not (source.busy and source.by_backend):
        return
    names = ", ".join(quote(bitmap.name) for bitmap in case.source.bitmaps)
    words = f"choose {names}" if names else "it has none"
    yield Hit(
        "bitmap",
        f"The disk has no bitmap {quote(name)}; {words}.",
        f"Bitmap '{name}' could not be found",
    )


@rule("B-NEEDMODE", Severity.REFUSES)
def mode_needed(case: Case) -> Iterator[Hit]:
    """A bitmap needs a bitmap-mode, except with incremental."""
    given = "bitmap" in case.arguments
    if given and case.sync != "incremental" and "bitmap-mode" not in case.arguments:
        yield Hit(
            "bitmap-mode",
            "Choose a bitmap mode: it says what becomes of the bitmap.",
            "Bitmap sync mode must be given when providing a bitmap",
        )


@rule("B-BUSY", Severity.REFUSES)
def busy(case: Case) -> Iterator[Hit]:
    """Another operation uses the bitmap."""
    found = _on_source(case)
    if found is not None and found.busy:
        yield Hit(
            "bitmap",
            f"Bitmap {quote(found.name)} is in use by another job; wait for its end.",
            f"Bitmap '{found.name}' is currently in use by another operation and cannot be used",
        )


@rule("B-BUSY", Severity.UNKNOWN)
def busy_unseen(case: Case) -> Iterator[Hit]:
    """In QEMU 5 it is not seen whether the job on the disk uses the bitmap."""
    found, device = _on_source(case), case.source.device
    hidden = device is not None and device.busy_with is not None
    if found is not None and not found.busy and hidden and case.vm.traps.listing_nodes_kills:
        yield Hit(
            "bitmap",
            f"Whether the job on this disk uses bitmap {quote(found.name)} cannot be seen; wait "
            "for its end.",
        )


@rule("B-INCONSISTENT", Severity.REFUSES)
def inconsistent(case: Case) -> Iterator[Hit]:
    """The bitmap was not saved when its QEMU died."""
    found = _on_source(case)
    if found is not None and found.inconsistent and not found.busy:
        yield Hit(
            "bitmap",
            f"Bitmap {quote(found.name)} is inconsistent, as after a crash of QEMU; remove it and "
            "begin anew with a full backup.",
            f"Bitmap '{found.name}' is inconsistent and cannot be used",
        )


@rule("B-NONE", Severity.REFUSES)
def with_none(case: Case) -> Iterator[Hit]:
    """sync=none makes nothing of a bitmap."""
    if "bitmap" in case.arguments and case.sync == "none":
        yield Hit(
            "bitmap",
            "Leave the bitmap out: sync=none makes nothing of it.",
            "sync mode 'none' does not produce meaningful bitmap outputs",
        )


@rule("B-NEVER", Severity.REFUSES)
def never(case: Case) -> Iterator[Hit]:
    """bitmap-mode=never is for sync=bitmap alone."""
    if "bitmap" not in case.arguments or case.text("bitmap-mode") != "never":
        return
    if case.sync in ("full", "top"):
        told = "full" if case.source.has_backing is False else case.sync
        yield Hit(
            "bitmap-mode",
            f"bitmap-mode=never has no effect with sync={case.sync}; leave the bitmap out or "
            "choose another mode.",
            "Bitmap sync mode 'never' has no meaningful effect when combined with sync mode "
            f"'{told}'",
        )


@rule("B-MODEALONE", Severity.REFUSES)
def mode_alone(case: Case) -> Iterator[Hit]:
    """A bitmap-mode needs a bitmap."""
    if "bitmap-mode" in case.arguments and "bitmap" not in case.arguments:
        yield Hit(
            "bitmap-mode",
            "Leave bitmap-mode out, or choose the bitmap it is about.",
            "Cannot specify bitmap sync mode without a bitmap",
        )


@rule("B-READONLY", Severity.REFUSES)
def read_only(case: Case) -> Iterator[Hit]:
    """A persistent bitmap of a read-only disk cannot be changed."""
    found = _on_source(case)
    if found is None or not (found.persistent and case.source.read_only):
        return
    if found.inconsistent or found.busy:
        return
    if case.text("bitmap-mode") != "never":
        yield Hit(
            "bitmap",
            f"Bitmap {quote(found.name)} belongs to a read-only disk and cannot be changed; choose "
            "sync=bitmap with bitmap-mode=never.",
            f"Bitmap '{found.name}' is readonly and cannot be modified",
        )


EARLY = (
    name_needed,
    incremental_mode,
    not_found,
    mode_needed,
    busy,
    busy_unseen,
    inconsistent,
    with_none,
    never,
    mode_alone,
)
LATE = (read_only,)
