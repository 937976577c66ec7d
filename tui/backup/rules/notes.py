"""What may go wrong, and what is worth knowing."""

from collections.abc import Iterator

from tui.backup.arguments import DRIVE_BACKUP
from tui.backup.estimate import estimate_copy
from tui.backup.rules.case import Case
from tui.backup.rules.rule import Hit, rule
from tui.backup.verdict import Severity
from tui.backup.wording import quote
from tui.units import duration, size

_REMOTE = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph"})


@rule("X8", Severity.RISK)
def vmdk(case: Case) -> Iterator[Hit]:
    """Format vmdk kills QEMU when the space runs out."""
    if case.format == "vmdk" and case.is_drive_backup:
        yield Hit(
            "format", "A full file system kills QEMU while it writes vmdk; qcow2 has no such trap."
        )


@rule("ON-ERROR", Severity.RISK)
def no_io_status(case: Case) -> Iterator[Hit]:
    """Pausing on an error is not shown by a disk without io-status."""
    device = case.source.device
    for field in ("on-source-error", "on-target-error"):
        value = case.text(field)
        if value in ("stop", "enospc") and device is not None and device.io_status is None:
            yield Hit(
                field,
                f"This disk has no io-status: QEMU takes {quote(value)} all the same, and the "
                "pause shows in the job alone.",
            )


@rule("CONTROL-CHARS", Severity.RISK)
def control_characters(case: Case) -> Iterator[Hit]:
    """A name holds characters that cannot be seen."""
    for name in case.arguments:
        text = case.text(name)
        if text is not None and not text.isprintable():
            yield Hit(name, f"{quote(text)} holds characters that cannot be seen.")


@rule("INCREMENT-ALONE", Severity.RISK)
def increment_alone(case: Case) -> Iterator[Hit]:
    """A new image holds nothing but the changes."""
    if case.creates and case.sync_uses_bitmap:
        yield Hit(
            "mode",
            "The new image holds the changes alone and no link to the last backup; to restore from "
            "it, make an overlay of the last backup and use mode=existing.",
        )


@rule("BITMAP-IDLE", Severity.RISK)
def idle_bitmap(case: Case) -> Iterator[Hit]:
    """The bitmap does not record."""
    found = case.source.bitmap(case.text("bitmap"))
    if found is not None and not found.recording and not found.busy and not found.inconsistent:
        words = f"Bitmap {quote(found.name)} does not record: what changed meanwhile is not marked."
        yield Hit("bitmap", words)


@rule("SAME-DISK", Severity.RISK)
def same_file_system(case: Case) -> Iterator[Hit]:
    """Disk and backup lie on one file system."""
    if case.facts is not None and case.facts.same_filesystem_as_source:
        yield Hit("target", "On the same file system as the disk: they would be lost together.")


@rule("VOLATILE", Severity.RISK)
def in_memory(case: Case) -> Iterator[Hit]:
    """The target lies in memory."""
    if case.facts is not None and case.facts.filesystem in ("tmpfs", "ramfs"):
        words = f"The target lies on {case.facts.filesystem}, in memory: it is gone after a reboot."
        yield Hit("target", words)


@rule("REMOTE", Severity.NOTE)
def on_the_network(case: Case) -> Iterator[Hit]:
    """The target lies on a network file system."""
    if case.facts is not None and case.facts.filesystem in _REMOTE:
        words = f"The target lies on {case.facts.filesystem}: when its server hangs, so may QEMU."
        yield Hit("target", words)


@rule("SYNC-NONE", Severity.NOTE)
def endless(case: Case) -> Iterator[Hit]:
    """sync=none never ends by itself."""
    if case.sync == "none":
        yield Hit(
            "sync",
            "sync=none copies what the guest overwrites until it is cancelled, its normal end.",
        )


@rule("FINALIZE", Severity.NOTE)
def waits(case: Case) -> Iterator[Hit]:
    """The job waits to be finalized."""
    if case.value("auto-finalize") is False:
        yield Hit("auto-finalize", "The job will wait, and keep the disk, until it is finalized.")


@rule("ESTIMATE", Severity.NOTE)
def how_much(case: Case) -> Iterator[Hit]:
    """How much is copied and how long that takes at least."""
    estimate = estimate_copy(case.arguments, case.vm)
    if estimate.copied is None or not case.is_drive_backup:
        return
    words = f"Reads {size(estimate.copied)}"
    if estimate.needed is not None:
        words += f", takes about {size(estimate.needed)}"
    if case.facts is not None and case.facts.free_bytes is not None:
        words += f" of {size(case.facts.free_bytes)} free"
    speed = case.integer("speed") or 0
    if speed > 0:
        words += f"; at this speed it takes {duration(estimate.copied / speed)}"
    yield Hit(None, f"{words}.")


@rule("DEPRECATED", Severity.NOTE)
def deprecated(case: Case) -> Iterator[Hit]:
    """An argument or the command is deprecated or unstable."""
    sent = case.is_drive_backup and not case.by_nodes
    if sent and "deprecated" in case.schema.command_features(DRIVE_BACKUP):
        yield Hit(None, "This QEMU calls drive-backup deprecated; it still works.")
    for argument in case.schema.arguments(case.command):
        for feature in sorted(argument.features & {"deprecated", "unstable"}):
            if argument.name in case.arguments:
                yield Hit(argument.name, f"This QEMU calls {argument.name} {feature}.")


RULES = (
    vmdk,
    no_io_status,
    control_characters,
    increment_alone,
    idle_bitmap,
    same_file_system,
    in_memory,
    on_the_network,
    endless,
    waits,
    how_much,
    deprecated,
)
