"""What to make of a refusal that no rule foretold: which argument it concerns, and what to do."""

import re
from typing import NamedTuple

from tui.backup.verdict import Finding, Severity
from tui.text import plain
from tui.vm.remedies import remedy

_PATH_SHOWN = 40


class _Known(NamedTuple):
    pattern: re.Pattern[str]
    field: str | None
    advice: str = ""


def _known(pattern: str, field: str | None, advice: str = "") -> _Known:
    return _Known(re.compile(pattern), field, advice)


_ANOTHER_NAME = "Choose another directory or name."
_RIGHTS = "Let the user that runs QEMU write there, or choose another directory."
_SPACE = "Make room on the target's file system or choose another."

_IN_USE = "Another disk, job or client uses it: choose another."
_NO_IMAGE = "The file is no image of that format: choose another, or give its format."
_ANOTHER_NODE = "Give another node name, or none."
_POWER = "Leave it out, or give a power of two of at most 128 MiB."
_NO_PROTOCOL = "What stands before a colon is taken for a protocol: give a path that begins with /."
_SERVER = "See that the server runs and exports it, and that QEMU's host reaches it."
_JSON = "Give a path, or the whole of the node's options."

# The more particular come first: the first that matches counts.
_KNOWN = (
    _known(
        r"^(Cannot find device|Device '.*' has no medium)",
        "device",
        "It was unplugged or has no medium: choose another disk.",
    ),
    _known(r"is busy: block device is in use", "device", "Wait for the other job or cancel it."),
    _known(r"^(Unknown (file format|driver)|Format driver)", "format", "Choose qcow2 or raw."),
    _known(r"^Backing file not supported", "format", "Choose qcow2."),
    _known(r"does not support backing files", "format", "Choose qcow2."),
    _known(r"^Parameter 'key-secret'", "format", "Choose qcow2; a secret cannot be given."),
    _known(r"^The image size is too large for file format", "format", "Choose qcow2."),
    _known(r"^(Image size is too small|Unsupported image type)", "format", "Choose qcow2."),
    _known(r"^backing_file must be a vmdk", "format", "Choose qcow2."),
    _known(r"^(Image (is )?not in|invalid VMDK|invalid VPC|Unsupported VDI)", "format", _NO_IMAGE),
    _known(
        r"^(Unsupported qcow2|qcow \(v1\)|File (is )?too small|Could not locate)",
        "target",
        _NO_IMAGE,
    ),
    _known(r"^(Unknown protocol|Protocol driver|Block protocol)", "target", _NO_PROTOCOL),
    _known(r"^(Could not|Failed to).*Permission denied", "target", _RIGHTS),
    _known(r"No space left on device", "target", _SPACE),
    _known(r'^(Could not create node: )?Failed to get (shared )?"', "target", "It is in use."),
    _known(
        r"^Could not create node: Permission conflict|^Conflicts with use by", "target", _IN_USE
    ),
    _known(
        r"^(Could not create node: )?(Block node is read-only)",
        "target",
        "It cannot be written to: choose another.",
    ),
    _known(r"^Could not replace node: Block node is read-only", "discard-source", "Turn it off."),
    _known(r"min-cluster-size", "x-perf.min-cluster-size", _POWER),
    _known(
        r"^(Required )?max-chunk",
        "x-perf.max-chunk",
        "Leave it out, or give 0 or at least a cluster.",
    ),
    _known(r"^max-workers", "x-perf.max-workers", "Leave it out, or give at least 1."),
    _known(
        r"^(Could not create node: )?(Invalid node.name|Node name too)",
        "filter-node-name",
        _ANOTHER_NODE,
    ),
    _known(
        r"^(Could not create node: )?(Duplicate node|node-name=)", "filter-node-name", _ANOTHER_NODE
    ),
    _known(
        r"^must provide a valid bitmap|^Bitmap '",
        "bitmap",
        "Choose a bitmap of this disk that is whole and in use by nobody.",
    ),
    _known(r"^sync mode 'none' does not produce", "bitmap", "Leave the bitmap out."),
    _known(
        r"[Bb]itmap sync mode",
        "bitmap-mode",
        "Choose on-success, or leave it out with sync=incremental.",
    ),
    _known(r"^Source and target cannot be the same", "target", "Choose another target."),
    _known(
        r"^Source and target image have different sizes",
        "target",
        "Let QEMU make the target, or make one as large as the disk.",
    ),
    _known(r"^Compression is not supported", "compress", "Choose qcow2 or turn compress off."),
    _known(r"^(Invalid job ID|Job ID)", "job-id", "Give another job id."),
    _known(r"^Can't use copy-on-read", "sync", "The drive has copy-on-read; choose sync=full."),
    _known(
        r"^Could not open backing file",
        "target",
        "A file below the image is missing or in use; sync=full needs none.",
    ),
    _known(r"^(Could not (create|open|resize|write|dup)|Cannot grow)", "target", _ANOTHER_NAME),
    _known(
        r"^(Failed to (connect|find)|Requested export|NBD server|File name string)",
        "target",
        _SERVER,
    ),
    _known(
        r"(driver requires|driver expects|regular file was expected)",
        "target",
        "Choose a regular file.",
    ),
    _known(
        r"^(Must specify either driver|A block device must be|Invalid JSON|No filename)",
        "target",
        _JSON,
    ),
    _known(r"^(The '.*' block driver requires|The only allowed filename)", "target", _JSON),
    _known(r"^Please specify a throttle group|^vvfat block driver", "target", _JSON),
    _known(r"^Unable to create or write VHD", "target", _NO_IMAGE),
    _known(r"^Could not parse the JSON", "target", _JSON),
)

_PARAMETER = re.compile(r"^(?:Invalid parameter type for|Parameter) '([^']+)'")


def field_of_refusal(desc: str) -> str | None:
    """The argument that a refusal by QEMU concerns; None where it names none that is known."""
    found = _find(desc)
    if found is not None:
        return found.field
    match = _PARAMETER.match(desc)
    return match[1].rpartition("data.")[2] if match else None


def advice_for(desc: str) -> str | None:
    """What to do about a refusal by QEMU, in a sentence; None where its words say enough."""
    found = _find(desc)
    return (found.advice if found else "") or remedy(desc)


def _find(desc: str) -> _Known | None:
    return next((known for known in _KNOWN if known.pattern.search(desc)), None)


def refusal_in_words(desc: str, target: str) -> Finding:
    """What QEMU refused in spite of all rules, at the field it concerns.

    Args:
        desc: QEMU's words.
        target: the path that stands in its field, and in the words must not take the room of the
            reason.
    """
    told = desc.replace(target, plain(target, _PATH_SHOWN)) if target else desc
    return Finding(
        field=field_of_refusal(desc),
        severity=Severity.REFUSES,
        rule="QEMU",
        message=f"QEMU refused: {told.rstrip('. ')}. {advice_for(desc) or ''}".rstrip(),
    )
