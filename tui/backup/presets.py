"""Presets: what to fill in for a backup that is to be fast, or gentle with its guest.

What helps was measured (`python -m tests.bench throughput`). Into a new qcow2 image pieces of 256
KiB go quicker than QEMU's own of up to 1 MiB (`x-perf`). A raw target, which is filled with zeros,
the kernel copies quicker than QEMU (`use-copy-range`). Other numbers of workers gain nothing sure,
and a target past the page cache (`tui.backup.target_io`) was not quicker: fast has it through.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from tui.backup.fields import Choice, FormField
from tui.backup.formats import PLAIN
from tui.backup.target_io import TARGET_IO
from tui.backup.wish_fields import CANCEL, EASY, WHEN_FULL

PRESET = "preset"
"""The name of the field; QEMU has no argument of this name."""

_COPY_RANGE = "x-perf.use-copy-range"
_WORKERS = "x-perf.max-workers"
_CHUNK = "x-perf.max-chunk"
_CLUSTER = "x-perf.min-cluster-size"


class Preset(StrEnum):
    """What a backup is to be above all."""

    FAST = "fast"
    GENTLE = "gentle"


PRESET_FIELD = FormField(
    name=PRESET,
    label="Preset",
    help="Fills in other fields; what it sets is seen there, and can be changed.",
    kind="choice",
    type="str",
    choices=(
        Choice(value=Preset.FAST, help="no limits; what was measured to be quickest"),
        Choice(value=Preset.GENTLE, help="the guest first: go easy, cancel before full"),
    ),
    basic=True,
    default="none",
)


def fill_in(preset: Preset, texts: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """The texts that a preset wants, by field; "" empties a field.

    Args:
        preset: which.
        texts: what is filled in now.
        known: the fields there are: those of the arguments that this QEMU has, and of wishes.
    """
    if preset is Preset.GENTLE:
        wanted = {EASY: "2x", WHEN_FULL: CANCEL, _WORKERS: "1", _CHUNK: "", _COPY_RANGE: ""}
    else:
        wanted = {"speed": "", EASY: "", TARGET_IO: "", **_quickest(texts)}
    return {name: text for name, text in wanted.items() if name in known}


def _quickest(texts: Mapping[str, str]) -> dict[str, str]:
    """How the pieces are copied best into such a target."""
    wanted = {_WORKERS: "", _CHUNK: "", _COPY_RANGE: ""}
    if texts.get("compress") == "on":
        return wanted
    if texts.get("format") in PLAIN:
        return wanted | {_COPY_RANGE: "on"}
    # An image that is there already may have clusters larger than the pieces.
    made_anew = texts.get("format") == "qcow2" and texts.get("mode") != "existing"
    if made_anew and not texts.get(_CLUSTER):
        return wanted | {_CHUNK: "256K"}
    return wanted


def is_in_force(preset: Preset, texts: Mapping[str, str], known: Collection[str]) -> bool:
    """Whether all is filled in as a preset wants it."""
    return all(texts.get(n, "") == text for n, text in fill_in(preset, texts, known).items())
