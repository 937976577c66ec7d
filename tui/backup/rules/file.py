"""What the file system of QEMU's host says of the target; unknown where it cannot be seen."""

from collections.abc import Iterator

from tui.backup import formats
from tui.backup.rules.case import Case
from tui.backup.rules.disks import disk_of_target, is_surely_locked
from tui.backup.rules.rule import Hit, rule
from tui.backup.target import TargetFacts
from tui.backup.verdict import Severity
from tui.backup.wording import quote

_LOCKED = 'Failed to get "write" lock'


@rule("FS", Severity.REFUSES)
def empty_name(case: Case) -> Iterator[Hit]:
    """The target's name is empty."""
    if case.is_drive_backup and case.name.path == "" and "target" in case.arguments:
        if case.opens_existing:
            told = "The 'file' block driver requires a file name"
        elif case.format == "vmdk" and case.name.protocol is None:
            told = "No filename provided"
        else:
            told = "Could not create '': No such file or directory"
        yield Hit("target", "Give the absolute path of the target's file.", told)


def _seen(case: Case) -> TargetFacts | None:
    """The facts, where the target is a file that can be seen."""
    return case.facts if case.is_drive_backup and case.name.path else None


def _failure(case: Case, reason: str) -> str:
    verb = "open" if case.opens_existing else "create"
    return f"Could not {verb} '{case.name.path}': {reason}"


@rule("FS", Severity.REFUSES)
def path_broken(case: Case) -> Iterator[Hit]:
    """The path leads nowhere."""
    facts = _seen(case)
    if facts is None:
        return
    path = quote(case.name.path)
    if facts.name_too_long:
        words, reason = f"The name {path} is too long; choose a shorter one.", "File name too long"
    elif facts.link_loop:
        words, reason = (
            f"{path} is a link that leads to itself.",
            "Too many levels of symbolic links",
        )
    elif facts.parent_is_directory is False:
        words, reason = f"{path} lies in what is no directory.", "Not a directory"
    elif facts.parent_exists is False:
        words = f"The directory of {path} does not exist; make it or choose another."
        reason = "No such file or directory"
    elif case.opens_existing and facts.exists is False:
        words = f"{path} does not exist; mode=existing needs an image that is there."
        reason = "No such file or directory"
    else:
        return
    yield Hit("target", words, _failure(case, reason))


def _directory(case: Case) -> str:
    # The target is opened with the disk's flags. Those of a -drive have auto-read-only, with which
    # QEMU opens a directory before it sees what it is.
    if case.creates or (case.source.device and not case.source.device.device):
        return _failure(case, "Is a directory")
    if case.is_old:
        return "A regular file was expected by the 'file' driver, but something else was given"
    return f"'file' driver requires '{case.name.path}' to be a regular file"


@rule("FS", Severity.REFUSES)
def no_regular_file(case: Case) -> Iterator[Hit]:
    """The target is no regular file."""
    facts = _seen(case)
    if facts is None:
        return
    path = quote(case.name.path)
    match facts.kind:
        case "directory":
            words = f"{path} is a directory; name a file in it."
            yield Hit("target", words, _directory(case))
        case "socket":
            words = f"{path} is a socket; choose another name."
            yield Hit("target", words, _failure(case, "No such device or address"))
        case "fifo" if case.creates:
            yield Hit("target", f"{path} is a FIFO, which cannot hold an image.")
        case _:
            return


@rule("FS", Severity.UNKNOWN)
def device_file(case: Case) -> Iterator[Hit]:
    """The target is a device."""
    facts = _seen(case)
    if facts is not None and facts.kind in ("block", "char"):
        yield Hit(
            "target",
            f"{quote(case.name.path)} is a {facts.kind} device, which must have the right size.",
        )


@rule("FS", Severity.REFUSES)
def not_writable(case: Case) -> Iterator[Hit]:
    """The user that runs QEMU may not write there."""
    facts = _seen(case)
    if facts is None or facts.kind not in ("file", None):
        return
    if facts.writable is False or (case.creates and facts.protected):
        yield Hit(
            "target",
            f"The user that runs QEMU may not write {quote(case.name.path)}; choose another "
            "directory or change its permissions.",
            _failure(case, "Permission denied"),
        )


@rule("FS", Severity.REFUSES)
def locked(case: Case) -> Iterator[Hit]:
    """Another holds a lock on the target."""
    facts = _seen(case)
    if facts is not None:
        held = bool(facts.locked) and facts.writable is not False
    else:
        disk = disk_of_target(case)
        held = disk is not None and is_surely_locked(case, disk)
    if held:
        words = f"{quote(case.name.path)} is in use by a process; choose another file."
        yield Hit("target", words, _LOCKED)


@rule("FS", Severity.UNKNOWN)
def unseen(case: Case) -> Iterator[Hit]:
    """The host of QEMU cannot be seen."""
    if not case.is_drive_backup or not case.name.path:
        return
    facts = case.facts
    path = quote(case.name.path)
    if facts is None:
        yield Hit("target", f"Whether QEMU can write {path} cannot be seen from here.")
    elif facts.exists is None and facts.parent_exists is None:
        yield Hit("target", f"Whether {path} exists cannot be seen with your permissions.")
    elif facts.writable is None and not facts.name_too_long and not facts.link_loop:
        yield Hit("target", f"Whether the user that runs QEMU may write {path} cannot be told.")


# --- opening an image that is there ---------------------------------------------------------------

_NOT_OF_FORMAT = {
    "qcow2": "Image is not in qcow2 format",
    "qcow": "Image not in qcow format",
    "qed": "Image not in QED format",
    "parallels": "Image not in Parallels format",
}


@rule("O-FORMAT", Severity.REFUSES)
def other_format(case: Case) -> Iterator[Hit]:
    """The image has another format."""
    facts, name = _seen(case), case.text("format")
    if facts is None or facts.kind != "file" or not case.opens_existing:
        return
    if name not in formats.FORMATS or name in ("raw", "file") or facts.image_format == name:
        return
    looks = quote(facts.image_format) if facts.image_format else "a raw image"
    yield Hit(
        "format",
        f"{quote(case.name.path)} is not of format {name}; it looks like {looks}.",
        # Of another version of qcow QEMU speaks in the words of that version.
        None if name[:4] == (facts.image_format or "")[:4] else _NOT_OF_FORMAT.get(name),
    )


@rule("O-FORMAT", Severity.UNKNOWN)
def odd_driver(case: Case) -> Iterator[Hit]:
    """How the driver takes the image is not known."""
    name = case.format
    if not case.opens_existing or name is None or name not in case.schema.block_drivers():
        return
    told = formats.DEVICE_DRIVERS | formats.NETWORK_DRIVERS | formats.MODULES
    if name not in formats.FORMATS and name not in told:
        yield Hit("format", f"How {quote(name)} takes the target is not known.")


@rule("O-BACKING", Severity.REFUSES)
def backing_missing(case: Case) -> Iterator[Hit]:
    """The target's own backing file is missing or being written to."""
    facts = _seen(case)
    if facts is None or not case.opens_existing or case.sync == "none":
        return
    if facts.backing_usable is False and case.format == facts.image_format:
        words = f"The target's backing chain ({quote(facts.backing_file)}) is broken or in use."
        yield Hit("target", words)


@rule("O-BACKING", Severity.UNKNOWN)
def backing_unseen(case: Case) -> Iterator[Hit]:
    """The target's own backing file cannot be checked."""
    facts = _seen(case)
    if facts is None or not case.opens_existing or case.sync == "none":
        return
    has_backing = facts.backing_file is not None and case.format == facts.image_format
    if has_backing and facts.backing_usable is None:
        words = f"The target's backing file {quote(facts.backing_file)} cannot be checked."
        yield Hit("target", words)


@rule("O-NOBACKING", Severity.REFUSES)
def target_without_backing(case: Case) -> Iterator[Hit]:
    """sync=none needs a format with a backing file."""
    if not case.opens_existing or case.sync != "none" or case.is_old or case.format is None:
        return
    if case.format in formats.FORMATS and case.format not in formats.TAKES_BACKING:
        yield Hit(
            "format",
            f"sync=none needs a format that can have a backing file; {quote(case.format)} cannot.",
            f"Driver '{case.format}' of node '#block' does not support backing files",
        )


RULES = (
    empty_name,
    path_broken,
    no_regular_file,
    device_file,
    not_writable,
    locked,
    unseen,
    other_format,
    odd_driver,
    backing_missing,
    backing_unseen,
    target_without_backing,
)
