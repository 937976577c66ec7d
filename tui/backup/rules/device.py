"""Whether the disk can be found and is free."""

from collections.abc import Iterator

from tui.backup.rules.case import Case
from tui.backup.rules.rule import Hit, rule
from tui.backup.source import Source
from tui.backup.verdict import Severity
from tui.backup.wording import quote

_AS_SHOWN = "take a name from the list of disks, exactly as it is written there"


def _unknown_name(case: Case, name: str) -> str:
    if case.is_old:
        return f"Cannot find device={name} nor node_name={name}"
    return f"Cannot find device='{name}' nor node-name='{name}'"


def _not_found(case: Case, field: str, found: Source) -> Iterator[Hit]:
    if found.state != "no such node":
        return
    words = f"No disk or node is called {quote(found.name)}; {_AS_SHOWN}."
    for device in case.vm.devices:
        if found.name and device.qdev in (found.name, f"/machine/peripheral/{found.name}"):
            words = f"{quote(found.name)} is a qdev id; QEMU wants the device or node name."
            if device.backup_name:
                words = f"{words[:-1]}: {quote(device.backup_name)}."
    yield Hit(field, words, _unknown_name(case, found.name))


def _no_medium(field: str, found: Source) -> Iterator[Hit]:
    if found.state == "no medium":
        yield Hit(
            field,
            f"{quote(found.name)} is empty; insert a medium or choose another disk.",
            f"Device '{found.name}' has no medium",
        )


@rule("D-NODEV", Severity.REFUSES)
def source_not_found(case: Case) -> Iterator[Hit]:
    """No backend and no node has the name."""
    yield from _not_found(case, "device", case.source)


@rule("D-NOMEDIUM", Severity.REFUSES)
def source_without_medium(case: Case) -> Iterator[Hit]:
    """There is no medium in the device."""
    yield from _no_medium("device", case.source)


@rule("D-NODEV", Severity.REFUSES)
def target_not_found(case: Case) -> Iterator[Hit]:
    """The target of blockdev-backup is no node."""
    if case.is_blockdev_backup:
        yield from _not_found(case, "target", case.target_node)


@rule("D-NOMEDIUM", Severity.REFUSES)
def target_without_medium(case: Case) -> Iterator[Hit]:
    """The target of blockdev-backup is an empty device."""
    if case.is_blockdev_backup:
        yield from _no_medium("target", case.target_node)


def _busy(source: Source, field: str) -> Iterator[Hit]:
    if source.busy is not None:
        running = source.device.jobs[0] if source.device and source.device.jobs else ""
        yield Hit(
            field,
            f"A {source.busy} job {quote(running) if running else ''} works on this disk; "
            "wait for its end or cancel it.".replace("  ", " "),
            f"Node '{source.name}' is busy: block device is in use by block job: {source.busy}",
        )


@rule("D-BUSY", Severity.REFUSES)
def source_busy(case: Case) -> Iterator[Hit]:
    """A job keeps others off the disk."""
    if not case.is_blockdev_backup:
        yield from _busy(case.source, "device")


@rule("D-BUSY", Severity.REFUSES)
def source_or_target_busy(case: Case) -> Iterator[Hit]:
    """A job keeps others off a node; of blockdev-backup this is checked after the bitmap."""
    if case.is_blockdev_backup:
        yield from _busy(case.source, "device")
        yield from _busy(case.target_node, "target")


@rule("D-BUSY", Severity.UNKNOWN)
def source_maybe_busy(case: Case) -> Iterator[Hit]:
    """A job may keep others off the node."""
    if case.source.maybe_busy:
        yield Hit("device", "A running job may use this node, which would keep others off it.")


@rule("D-UNLISTED", Severity.UNKNOWN)
def source_unlisted(case: Case) -> Iterator[Hit]:
    """Nothing is known of the node but its name."""
    if not case.source.listed:
        yield Hit("device", "This node came while jobs ran; what it is cannot be asked now.")


@rule("INNER-NODE", Severity.RISK)
def not_a_root(case: Case) -> Iterator[Hit]:
    """The node is not the top of any disk."""
    if case.source.found and not case.source.is_root:
        yield Hit(
            "device",
            f"{quote(case.source.name)} is a node inside a disk: what lies above it is not backed "
            "up. Choose the disk itself unless this is meant.",
        )


LOOKUP = (source_not_found, source_without_medium)
TARGET_LOOKUP = (target_not_found, target_without_medium)
BUSY = (source_busy, source_maybe_busy, source_unlisted)
NOTES = (not_a_root,)
