"""What to make of a refusal that no rule foretold: which argument it concerns, and what to do."""

import re
from typing import NamedTuple

from tui.backup.verdict import Finding, Severity
from tui.text import plain

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

# The more particular come first: the first that matches counts.
_KNOWN = (
    _known(r"^(Cannot find device|Device '.*' has no medium)", "device"),
    _known(r"is busy: block device is in use", "device", "Wait for the other job or cancel it."),
    _known(r"^(Unknown (file format|driver)|Format driver)", "format", "Choose qcow2 or raw."),
    _known(r"^Backing file not supported", "format", "Choose qcow2."),
    _known(r"does not support backing files", "format", "Choose qcow2."),
    _known(r"^Parameter 'key-secret'", "format", "Choose qcow2; a secret cannot be given."),
    _known(r"^The image size is too large for file format", "format", "Choose qcow2."),
    _known(r"^(Image size is too small|Unsupported image type)", "format", "Choose qcow2."),
    _known(r"^backing_file must be a vmdk", "format", "Choose qcow2."),
    _known(r"^(Image (is )?not in|invalid VMDK|invalid VPC|Unsupported VDI)", "format"),
    _known(r"^(Unsupported qcow2|qcow \(v1\)|File (is )?too small|Could not locate)", "target"),
    _known(r"^(Unknown protocol|Protocol driver|Block protocol)", "target"),
    _known(r"^(Could not|Failed to).*Permission denied", "target", _RIGHTS),
    _known(r"No space left on device", "target", _SPACE),
    _known(r'^(Could not create node: )?Failed to get (shared )?"', "target", "It is in use."),
    _known(r"^Could not create node: Permission conflict|^Conflicts with use by", "target"),
    _known(r"^(Could not create node: )?(Block node is read-only)", "target"),
    _known(r"^Could not replace node: Block node is read-only", "discard-source", "Turn it off."),
    _known(r"min-cluster-size", "x-perf.min-cluster-size"),
    _known(r"^(Required )?max-chunk", "x-perf.max-chunk"),
    _known(r"^max-workers", "x-perf.max-workers"),
    _known(r"^(Could not create node: )?(Invalid node.name|Node name too)", "filter-node-name"),
    _known(r"^(Could not create node: )?(Duplicate node|node-name=)", "filter-node-name"),
    _known(r"^must provide a valid bitmap|^Bitmap '", "bitmap"),
    _known(r"^sync mode 'none' does not produce", "bitmap", "Leave the bitmap out."),
    _known(r"[Bb]itmap sync mode", "bitmap-mode"),
    _known(r"^Source and target cannot be the same", "target"),
    _known(r"^Source and target image have different sizes", "target"),
    _known(r"^Compression is not supported", "compress", "Choose qcow2 or turn compress off."),
    _known(r"^(Invalid job ID|Job ID)", "job-id", "Give another job id."),
    _known(r"^Can't use copy-on-read", "sync", "The drive has copy-on-read; choose sync=full."),
    _known(r"^Could not open backing file", "target"),
    _known(r"^(Could not (create|open|resize|write|dup)|Cannot grow)", "target", _ANOTHER_NAME),
    _known(r"^(Failed to (connect|find)|Requested export|NBD server|File name string)", "target"),
    _known(r"(driver requires|driver expects|regular file was expected)", "target"),
    _known(
        r"^(Must specify either driver|A block device must be|Invalid JSON|No filename)", "target"
    ),
    _known(r"^Could not parse the JSON", "target"),
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
    return found.advice or None if found else None


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
