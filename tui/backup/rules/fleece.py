"""What fleecing needs."""

from collections.abc import Iterator

from tui.backup.fleece import why_not
from tui.backup.rules.case import Case
from tui.backup.rules.rule import Hit, rule
from tui.backup.verdict import Severity
from tui.backup.wording import quote
from tui.units import size

FIELD = "fleece"
"""The field of the form, and the option of the command line."""


@rule("F-QEMU", Severity.REFUSES)
def unsound(case: Case) -> Iterator[Hit]:
    """Fleecing needs QEMU 7.1."""
    told = why_not(case.vm) if case.fleece is not None else None
    if told is not None:
        yield Hit(FIELD, told)


@rule("F-WAY", Severity.REFUSES)
def other_way(case: Case) -> Iterator[Hit]:
    """drive-backup reads the disk itself."""
    if case.fleece is not None and not case.by_nodes:
        yield Hit(FIELD, "drive-backup reads the disk itself; choose blockdev-backup for fleecing.")


@rule("F-SYNC", Severity.REFUSES)
def not_full(case: Case) -> Iterator[Hit]:
    """What is read through the filter is one whole disk."""
    if case.fleece is not None and case.sync is not None and case.sync != "full":
        yield Hit(FIELD, "Fleecing copies all of the disk: choose sync=full, or a chain.")


@rule("F-DEVICE", Severity.REFUSES)
def no_device(case: Case) -> Iterator[Hit]:
    """The filter is put where a device of the guest's stands."""
    source = case.source
    if case.fleece is None or not source.found:
        return
    if source.device is None or source.device.qdev is None or not source.is_root:
        yield Hit(FIELD, "No device of the guest stands on it, so no write would be saved.")


@rule("F-HOST", Severity.REFUSES)
def not_seen(case: Case) -> Iterator[Hit]:
    """BlockDeck deletes the image of the fleece, and so has to see it."""
    if case.fleece is not None and not case.fleece.visible:
        yield Hit(
            FIELD,
            "The files of this QEMU are not seen from here, and the image would be left behind; "
            "run BlockDeck beside QEMU.",
        )


@rule("F-PLACE", Severity.REFUSES)
def no_place(case: Case) -> Iterator[Hit]:
    """The image is made in a directory in which QEMU may write."""
    fleece = case.fleece
    if fleece is None or not fleece.visible:
        return
    directory = fleece.path.rpartition("/")[0] or "/"
    if not fleece.path.startswith("/"):
        yield Hit(FIELD, "Give the whole path of a directory, beginning with '/'.")
    elif fleece.parent_exists is False or fleece.parent_is_directory is False:
        yield Hit(FIELD, f"{quote(directory)} is not a directory.")
    elif fleece.exists:
        yield Hit(FIELD, f"{quote(fleece.path)} is there already: give another job id.")
    elif fleece.writable is False:
        yield Hit(FIELD, f"QEMU may not write in {quote(directory)}.")


@rule("F-ROOM", Severity.RISK)
def little_room(case: Case) -> Iterator[Hit]:
    """What the guest overwrites may be as much as the disk."""
    fleece, whole = case.fleece, case.source.virtual_size
    if fleece is None or fleece.free_bytes is None or whole is None:
        return
    if fleece.free_bytes < whole:
        yield Hit(
            FIELD,
            f"{size(fleece.free_bytes)} are free for what the guest overwrites, at most "
            f"{size(whole)}. When that is full, the backup fails; the guest goes on.",
        )


RULES = (unsound, other_way, not_full, no_device, not_seen, no_place, little_room)
