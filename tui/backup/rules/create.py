"""Whether QEMU can make the target: format, protocol, backing file, and the file itself."""

from collections.abc import Iterator

from tui.backup import formats
from tui.backup.rules.case import Case
from tui.backup.rules.rule import Hit, rule
from tui.backup.verdict import Severity
from tui.backup.wording import quote


@rule("C-FORMAT", Severity.REFUSES)
def unknown_format(case: Case) -> Iterator[Hit]:
    """This QEMU has no such image format."""
    name = case.format
    if not case.creates or name is None or name in case.schema.block_drivers():
        return
    yield Hit(
        "format",
        f"This QEMU has no format {quote(name)}; choose qcow2 or raw.",
        f"Unknown file format '{name}'",
    )


@rule("O-DRIVER", Severity.REFUSES)
def unknown_driver(case: Case) -> Iterator[Hit]:
    """This QEMU has no such driver."""
    name = case.text("format")
    if case.opens_existing and name is not None and name not in case.schema.block_drivers():
        yield Hit(
            "format",
            f"This QEMU has no format {quote(name)}; choose that of the image.",
            f"Unknown driver '{name}'",
        )


@rule("C-FORMAT", Severity.UNKNOWN)
def module_format(case: Case) -> Iterator[Hit]:
    """The format's module may not be installed."""
    # The schema of QEMU 5.2 names parallels also where it was built without it.
    maybe = case.format in formats.MODULES or (case.is_old and case.format == "parallels")
    if case.is_drive_backup and maybe:
        yield Hit(
            "format", f"Whether QEMU's module for {quote(case.format)} is there is not known."
        )


@rule("C-PROTO", Severity.REFUSES)
def unknown_protocol(case: Case) -> Iterator[Hit]:
    """What stands before the first colon is no protocol."""
    protocol = case.name.protocol
    if not case.is_drive_backup or protocol in (None, "file"):
        return
    if protocol == "json" and not case.creates:
        return
    known = protocol in formats.MODULES or protocol in formats.PROTOCOLS_THAT_OPEN
    if not known and protocol not in formats.PROTOCOLS_WITHOUT_CREATION:
        yield Hit(
            "target",
            f"QEMU takes {quote(protocol)} before the colon for a protocol, and knows none such; "
            "give the absolute path of a file.",
            f"Unknown protocol '{protocol}'",
        )


@rule("C-PROTO", Severity.UNKNOWN)
def target_is_no_file(case: Case) -> Iterator[Hit]:
    """The target is no file."""
    protocol = case.name.protocol
    if not case.is_drive_backup or protocol in (None, "file"):
        return
    sure = case.creates and protocol in formats.PROTOCOLS_WITHOUT_CREATION
    if not sure:
        yield Hit("target", f"What is behind {quote(protocol)} cannot be checked from here.")


@rule("C-NOCREATE", Severity.REFUSES)
def format_without_creation(case: Case) -> Iterator[Hit]:
    """QEMU cannot make images of that format."""
    name = case.format
    if not case.creates or name is None or name not in case.schema.block_drivers():
        return
    opens = formats.DEVICE_DRIVERS | formats.NETWORK_DRIVERS
    if name in formats.FORMATS or name in formats.MODULES or name in opens or name == "luks":
        return
    given = "format" in case.arguments
    whose = "" if given else " (the disk's own, as none is given)"
    yield Hit(
        "format",
        f"QEMU cannot make images of format {quote(name)}{whose}; choose qcow2 or raw.",
        f"Format driver '{name}' does not support image creation",
    )


@rule("C-NOCREATE", Severity.REFUSES)
def protocol_without_creation(case: Case) -> Iterator[Hit]:
    """QEMU cannot make targets of that protocol."""
    driver = formats.PROTOCOLS_WITHOUT_CREATION.get(case.name.protocol or "")
    if case.creates and driver is not None:
        yield Hit(
            "target",
            f"QEMU cannot make a target of protocol {quote(case.name.protocol)}; give the absolute "
            "path of a file.",
            f"Protocol driver '{driver}' does not support image creation",
        )


@rule("C-NOBACKING", Severity.REFUSES)
def no_backing(case: Case) -> Iterator[Hit]:
    """The format has no backing file, and sync needs one."""
    if case.creates and case.backs_target is True and case.format in case.schema.block_drivers():
        if case.format in formats.WITH_BACKING:
            return
        yield Hit(
            "format",
            f"sync={case.sync} needs a format that can have a backing file; choose qcow2, not "
            f"{quote(case.format)}.",
            f"Backing file not supported for file format '{case.format}'",
        )


@rule("C-NOBACKING", Severity.UNKNOWN)
def maybe_no_backing(case: Case) -> Iterator[Hit]:
    """Whether the node has a backing file is not known."""
    unsure = case.creates and case.backs_target is None and case.source.found
    if unsure and case.format not in formats.WITH_BACKING:
        yield Hit("format", "sync=top fails in this format if the node has a backing file.")


@rule("C-DRIVER", Severity.REFUSES)
def protocol_as_format(case: Case) -> Iterator[Hit]:
    """The format is a protocol that does not fit the target."""
    if not case.is_drive_backup or case.name.path is None:
        return
    facts = case.facts
    on_file = (
        case.format in formats.DEVICE_DRIVERS and facts and facts.kind not in ("block", "char")
    )
    if case.format in formats.NETWORK_DRIVERS or on_file:
        yield Hit(
            "format", f"A file cannot be of format {quote(case.format)}; choose qcow2 or raw."
        )


@rule("C-DRIVER", Severity.UNKNOWN)
def device_unseen(case: Case) -> Iterator[Hit]:
    """The format is one of a device that cannot be seen."""
    unseen = case.facts is None or case.facts.kind in ("block", "char")
    if case.is_drive_backup and case.format in formats.DEVICE_DRIVERS and unseen:
        yield Hit("target", "Whether the target is a fitting device is not known.")


@rule("C-KEYSECRET", Severity.REFUSES)
def luks(case: Case) -> Iterator[Hit]:
    """An encrypted target needs a secret, which cannot be given."""
    if case.creates and case.format == "luks" and case.backs_target is not True:
        yield Hit(
            "format",
            "An encrypted target cannot be made here, as the secret cannot be given; choose qcow2, "
            "which is not encrypted.",
            "Parameter 'key-secret' is required for cipher",
        )


@rule("C-TOOBIG", Severity.REFUSES)
def too_big(case: Case) -> Iterator[Hit]:
    """A vpc holds at most 2040 GiB."""
    size = case.source.virtual_size
    if case.creates and case.format == "vpc" and size and formats.is_too_big_for_vpc(size):
        yield Hit(
            "format",
            "vpc holds at most 2040 GiB; choose format qcow2.",
            "The image size is too large for file format 'vpc'",
        )


@rule("C-EMPTY", Severity.REFUSES)
def empty_disk(case: Case) -> Iterator[Hit]:
    """Neither qcow nor vmdk can hold a disk of no size."""
    told = {
        "qcow": "Image size is too small, cannot be zero length",
        "vmdk": "Unsupported image type 'monolithicSparse'",
    }
    if case.creates and case.source.virtual_size == 0 and case.format in told:
        yield Hit(
            "format",
            f"{case.format} cannot hold a disk of no size; choose qcow2.",
            told[case.format],
        )


@rule("C-VMDK", Severity.REFUSES)
def vmdk_backing(case: Case) -> Iterator[Hit]:
    """A vmdk goes onto a vmdk alone."""
    if not case.creates or case.format != "vmdk" or case.backs_target is not True:
        return
    below = case.source.driver if case.sync == "none" else _backing_format(case)
    if below != "vmdk":
        yield Hit(
            "format",
            f"A vmdk image cannot be backed by {quote(below)}; choose format qcow2.",
            "backing_file must be a vmdk image" if below else None,
        )


@rule("C-VMDK", Severity.REFUSES)
def vmdk_in_use(case: Case) -> Iterator[Hit]:
    """A vmdk cannot be made onto the vmdk that the guest writes to."""
    wanted = case.creates and case.format == "vmdk" and case.sync == "none"
    if wanted and case.source.driver == "vmdk":
        yield Hit(
            "format",
            "A vmdk image on a vmdk disk in use cannot be made; choose format qcow2.",
            'Failed to get shared "write" lock',
        )


def _backing_format(case: Case) -> str | None:
    chain = case.source.medium.chain if case.source.medium else ()
    return chain[1].format if len(chain) > 1 else None


@rule("X3", Severity.REFUSES)
def temporary_top(case: Case) -> Iterator[Hit]:
    """sync=top of a snapshot=on disk, whose base QEMU deletes first."""
    medium = case.source.medium
    if case.by_nodes or medium is None or not medium.temporary_snapshot:
        return
    if case.creates and case.sync == "top":
        yield Hit("sync", "sync=top of a snapshot=on disk fails, and deletes its base image.")


@rule("C-COR", Severity.REFUSES)
def copy_on_read(case: Case) -> Iterator[Hit]:
    """A disk with copy-on-read cannot back its target."""
    device = case.source.device
    if device is None or device.device not in case.vm.copy_on_read or not case.creates:
        return
    if case.backs_target is True and case.sync == "top" and case.format in formats.WITH_BACKING:
        yield Hit(
            "sync",
            f"This drive has copy-on-read, with which sync={case.sync} fails; choose sync=full.",
            "Can't use copy-on-read on read-only device",
        )


RULES = (
    unknown_format,
    unknown_driver,
    module_format,
    unknown_protocol,
    format_without_creation,
    protocol_without_creation,
    target_is_no_file,
    no_backing,
    maybe_no_backing,
    protocol_as_format,
    device_unseen,
    empty_disk,
    copy_on_read,
    vmdk_backing,
    too_big,
    temporary_top,
)

# The file is made before its secret is asked for, or what backs it is opened.
AFTER_FILE = (luks, vmdk_in_use)
