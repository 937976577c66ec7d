"""What QEMU accepts and what then costs the guest, the data or the backup."""

from collections.abc import Iterator

from tui.backup.formats import TAKES_BACKING, WITH_BACKING, WITHOUT_BACKING
from tui.backup.rules import occupied
from tui.backup.rules.case import Case
from tui.backup.rules.disks import disk_of_target
from tui.backup.rules.rule import Hit, rule
from tui.backup.verdict import Severity
from tui.backup.wording import quote

_LARGEST_CLUSTER = 128 << 20


def _opens_target(case: Case) -> bool:
    """Whether it is drive-backup itself that makes and opens the target."""
    return case.is_drive_backup and not case.by_nodes


@rule("X15", Severity.DANGER)
def own_disk(case: Case) -> Iterator[Hit]:
    """The target is a file of one of the VM's own disks."""
    disk = disk_of_target(case)
    if disk is not None:
        yield Hit(
            "target",
            f"{quote(case.name.path)} is a file of this VM's own disks; a backup onto it would "
            "destroy them. Choose another name.",
        )


@rule("X3", Severity.DANGER)
def temporary_snapshot(case: Case) -> Iterator[Hit]:
    """drive-backup of a snapshot=on disk deletes files."""
    medium = case.source.medium
    if not _opens_target(case) or medium is None:
        return
    if medium.temporary_snapshot:
        yield Hit(
            "device",
            "This disk is opened with snapshot=on: drive-backup would delete the target, or the "
            "disk's base image. Choose the way blockdev-backup.",
        )


@rule("X5", Severity.DANGER)
def discard_source(case: Case) -> Iterator[Hit]:
    """discard-source zeroes a disk in use."""
    if case.is_on("discard-source"):
        device = case.source.device
        in_use = device is None or device.attached
        words = "discard-source zeroes the disk while it is copied"
        words += ", and the guest uses it; turn it off." if in_use else ": its data is lost."
        yield Hit("discard-source", words, override=not in_use)


@rule("X6", Severity.DANGER)
def huge_cluster(case: Case) -> Iterator[Hit]:
    """A min-cluster-size above 128 MiB kills QEMU."""
    count = case.integer("x-perf.min-cluster-size") or 0
    if _LARGEST_CLUSTER < count < 1 << 63 and count & (count - 1) == 0:
        yield Hit(
            "x-perf.min-cluster-size",
            "A min-cluster-size above 128 MiB kills QEMU and the VM with it; give less.",
        )


@rule("X7", Severity.DANGER)
def qed(case: Case) -> Iterator[Hit]:
    """Format qed kills QEMU on a disk of an odd size."""
    total = case.source.virtual_size
    if case.format == "qed" and total is not None and total % 65536 and not case.is_old:
        yield Hit(
            "format",
            "qed kills QEMU, and the VM with it, on a disk whose size is no multiple of 64 KiB; "
            "choose qcow2.",
        )


@rule("X9", Severity.DANGER)
def no_size(case: Case) -> Iterator[Hit]:
    """QEMU 5 dies on a disk of no size."""
    if case.is_old and case.source.virtual_size == 0:
        yield Hit("device", "A disk of no size kills this QEMU, and the VM with it.")


@rule("X10", Severity.DANGER)
def none_into_raw(case: Case) -> Iterator[Hit]:
    """QEMU 5 dies on sync=none into a raw image."""
    exposed = case.is_old and case.opens_existing and case.sync == "none"
    if exposed and case.format not in WITH_BACKING:
        yield Hit(
            "format",
            "sync=none into an image without a backing file can kill this QEMU, and the VM with "
            "it; name format qcow2.",
        )


@rule("NONE-INTO-FILTER", Severity.DANGER)
def none_into_filter(case: Case) -> Iterator[Hit]:
    """Mode existing and sync=none into a filter driver kill QEMU (seen in 7.2)."""
    if case.opens_existing and case.sync == "none" and case.format is not None:
        drivers = case.schema.block_drivers()
        if case.format in drivers and case.format not in TAKES_BACKING | WITHOUT_BACKING:
            yield Hit(
                "format",
                f"sync=none into an image opened as {quote(case.format)} can kill QEMU, and the VM "
                "with it; name the image's own format.",
            )


@rule("X11", Severity.DANGER)
def blocking_target(case: Case) -> Iterator[Hit]:
    """Opening the target blocks QEMU for ever."""
    if not case.is_drive_backup:
        return
    if case.opens_existing and case.facts is not None and case.facts.kind == "fifo":
        yield Hit("target", "Opening a FIFO stops the VM and its monitor for ever.")
    elif (case.name.protocol or "").startswith("nbd"):
        yield Hit(
            "target",
            "If this very QEMU serves that NBD export, the VM and its monitor stop for ever.",
            override=True,
        )


@rule("RELATIVE-TARGET", Severity.DANGER)
def relative(case: Case) -> Iterator[Hit]:
    """The target's path is relative."""
    path = case.name.path if case.is_drive_backup else None
    if path and not path.startswith("/"):
        yield Hit(
            "target",
            "The target's path must be absolute: QEMU resolves a relative one in its own working "
            "directory.",
        )


@rule("X1", Severity.DANGER)
def frozen_disk(case: Case) -> Iterator[Hit]:
    """In QEMU 5 a refused target freezes the disk."""
    if not (_opens_target(case) and case.vm.traps.bad_target_freezes):
        return
    facts = case.facts
    good = facts is not None and facts.writable is True and facts.parent_is_directory is True
    yield Hit(
        "target",
        "If this QEMU cannot open the target, the guest's disk hangs until the VM is restarted"
        + ("; the target looks good." if good else ", and the target is not known to be good."),
        override=good,
    )


@rule("X2", Severity.DANGER)
def concluded_job(case: Case) -> Iterator[Hit]:
    """In QEMU 5 a concluded job can kill the VM."""
    if case.vm.traps.listing_nodes_kills and case.value("auto-dismiss") is False:
        yield Hit(
            "auto-dismiss",
            "While the ended job is kept, a client that lists the block nodes kills this QEMU, and "
            "the VM with it; leave auto-dismiss on.",
        )


@rule("X12", Severity.DANGER)
def broken_snapshot(case: Case) -> Iterator[Hit]:
    """on-cbw-error=break-snapshot can spoil a backup without a word."""
    if case.text("on-cbw-error") == "break-snapshot":
        yield Hit(
            "on-cbw-error",
            "With break-snapshot one failed write makes the backup wrong, and QEMU still reports "
            "success.",
            override=True,
        )


@rule("X16", Severity.DANGER)
def format_guessed(case: Case) -> Iterator[Hit]:
    """The format of an existing image is left to guesswork."""
    if case.opens_existing and not case.by_nodes and "format" not in case.arguments:
        yield Hit(
            "format",
            "Without a format QEMU guesses it from what is in the file, and what the guest wrote "
            "could mislead it. Name the format.",
            override=True,
        )


@rule("IGNORE-SOURCE", Severity.DANGER)
def ignore_source(case: Case) -> Iterator[Hit]:
    """on-source-error=ignore tries again for ever."""
    yield from _ignored(case, "on-source-error", "reading the disk")


@rule("IGNORE-TARGET", Severity.DANGER)
def ignore_target(case: Case) -> Iterator[Hit]:
    """on-target-error=ignore tries again for ever."""
    yield from _ignored(case, "on-target-error", "writing the target")


def _ignored(case: Case, field: str, doing: str) -> Iterator[Hit]:
    if case.text(field) == "ignore":
        yield Hit(
            field,
            f"With ignore QEMU tries again without a pause while {doing} fails: it floods its "
            "monitors with events and never ends. Choose report or stop.",
            override=True,
        )


_LONGEST = {"target": 4095}
_LONGEST_OTHER = 255


@rule("LONG-TEXT", Severity.DANGER)
def long_text(case: Case) -> Iterator[Hit]:
    """A text is longer than any name."""
    for name in case.arguments:
        text = case.text(name)
        most = _LONGEST.get(name, _LONGEST_OTHER)
        if text is not None and len(text) > most:
            yield Hit(name, f"{name} has {len(text)} characters; BlockDeck sends at most {most}.")


RULES = (
    own_disk,
    temporary_snapshot,
    discard_source,
    huge_cluster,
    qed,
    no_size,
    none_into_raw,
    none_into_filter,
    blocking_target,
    relative,
    long_text,
    frozen_disk,
    *occupied.RULES,
    concluded_job,
    broken_snapshot,
    format_guessed,
    ignore_source,
    ignore_target,
)
