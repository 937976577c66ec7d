"""What the form says about each argument of a backup, in the order in which one reads it."""

from typing import Literal, NamedTuple

Kind = Literal["text", "choice", "switch", "size", "speed", "integer", "path"]


class FieldText(NamedTuple):
    """The words for one argument.

    `default` is what QEMU does when the argument is not given; `kind` overrides the one that
    follows from the schema's type.
    """

    label: str
    help: str
    basic: bool = False
    default: str = ""
    kind: Kind | None = None


FIELD_TEXTS: dict[str, FieldText] = {
    "device": FieldText("Device", "The disk to back up: a device or node name.", basic=True),
    "sync": FieldText(
        "Sync",
        "All, the top image, what a bitmap marks, or what is overwritten.",
        basic=True,
    ),
    "target": FieldText(
        "Target",
        "The absolute path to write, as the host of QEMU sees it.",
        basic=True,
        kind="path",
    ),
    "format": FieldText(
        "Format",
        "Image format of the target; qcow2 keeps holes and is quick.",
        basic=True,
        default="the disk's own",
    ),
    "mode": FieldText(
        "Mode",
        "Create a new file, or write into an image that exists.",
        basic=True,
        default="absolute-paths",
    ),
    "bitmap": FieldText(
        "Bitmap",
        "Marks what has changed since the last backup.",
        basic=True,
        kind="choice",
    ),
    "speed": FieldText(
        "Speed",
        "Bytes a second at most, as 50M or 1GiB; 0 is no limit.",
        basic=True,
        default="0, no limit",
        kind="speed",
    ),
    "compress": FieldText(
        "Compress",
        "Compress the data; five to ten times slower.",
        basic=True,
        default="off",
    ),
    "job-id": FieldText(
        "Job id",
        "A letter, then letters, digits, '-', '.' and '_'.",
        default="the device's name",
    ),
    "bitmap-mode": FieldText(
        "Bitmap mode",
        "What becomes of the bitmap: see the choices.",
        default="on-success with sync=incremental",
    ),
    "on-source-error": FieldText(
        "On source error",
        "When reading the disk fails: report fails, stop pauses.",
        default="report",
    ),
    "on-target-error": FieldText(
        "On target error",
        "When writing the target fails: report fails, stop pauses.",
        default="report",
    ),
    "on-cbw-error": FieldText(
        "On copy error",
        "Who fails when old data cannot be copied first.",
        default="break-guest-write",
    ),
    "auto-finalize": FieldText(
        "Auto-finalize",
        "Off: the finished job waits to be finalized by hand.",
        default="on",
    ),
    "auto-dismiss": FieldText(
        "Auto-dismiss",
        "Off: the ended job is kept until its outcome is recorded.",
        default="on",
    ),
    "filter-node-name": FieldText(
        "Filter node name",
        "Name of the node put on the disk during the backup.",
        default="made up by QEMU",
    ),
    "discard-source": FieldText(
        "Discard source",
        "Discard what was copied; never for a disk in use.",
        default="off",
    ),
    "x-perf.use-copy-range": FieldText(
        "Copy range",
        "Let the file system share or copy blocks itself.",
        default="off",
    ),
    "x-perf.max-workers": FieldText(
        "Max workers", "How many pieces are copied at the same time.", default="64"
    ),
    "x-perf.max-chunk": FieldText(
        "Max chunk",
        "The largest piece copied at once; 0 is no limit.",
        default="0, no limit",
        kind="size",
    ),
    "x-perf.min-cluster-size": FieldText(
        "Min cluster size",
        "Smallest piece copied; a power of two up to 128 MiB.",
        default="that of the target",
        kind="size",
    ),
}

UNKNOWN_FIELD = "An argument of this QEMU that BlockDeck does not know; it is sent as it is typed."

CHOICE_TEXTS: dict[tuple[str, str], str] = {
    ("sync", "full"): "everything the guest sees",
    ("sync", "top"): "only the topmost image of the chain",
    ("sync", "none"): "only what the guest overwrites from now on, until cancelled",
    ("sync", "incremental"): "what the bitmap marks; clears it on success",
    ("sync", "bitmap"): "what the bitmap marks; bitmap-mode says what becomes of it",
    ("mode", "absolute-paths"): "create the file; replaces one that exists",
    ("mode", "existing"): "write into an image that exists",
    ("bitmap-mode", "on-success"): "clear what was copied if the backup succeeds",
    ("bitmap-mode", "never"): "leave the bitmap as it is",
    ("bitmap-mode", "always"): "clear what was copied, also if the backup fails",
    ("on-source-error", "report"): "fail the backup",
    ("on-source-error", "ignore"): "try again for ever",
    ("on-source-error", "enospc"): "pause when space runs out, else fail",
    ("on-source-error", "stop"): "pause the backup",
    ("on-source-error", "auto"): "left to QEMU",
    ("on-target-error", "report"): "fail the backup",
    ("on-target-error", "ignore"): "try again for ever",
    ("on-target-error", "enospc"): "pause when space runs out, else fail",
    ("on-target-error", "stop"): "pause the backup",
    ("on-target-error", "auto"): "left to QEMU",
    ("on-cbw-error", "break-guest-write"): "the guest's write",
    ("on-cbw-error", "break-snapshot"): "the backup, without a word",
}
