"""The field of the form in which one chooses how a backup is carried out."""

from tui.backup.fields import Choice, FormField
from tui.backup.verdict import Verdict
from tui.backup.way import Way, ways, why_not_drive_backup
from tui.qmp.schema import QmpSchema
from tui.vm.snapshot import Device, VmSnapshot

WAY = "way"
"""The name of the field; QEMU has no argument of this name."""

_MEANINGS = {
    Way.DRIVE: "QEMU makes the target",
    Way.BLOCKDEV: "the target is a node made before",
}
_OF_THE_WAY = frozenset({"X3"})
"""Rules that the disk itself breaks, and only with `drive-backup`."""

_EITHER = "Both copy the same; drive-backup is one command."


def way_field(schema: QmpSchema, vm: VmSnapshot, device: Device | None) -> FormField | None:
    """The switch between the ways; None where this QEMU leaves no choice.

    Its help says why the way it begins with is the better one for this disk.
    """
    known = ways(schema)
    if len(known) < len(Way):
        return None
    return FormField(
        name=WAY,
        label="How",
        help=why_not_drive_backup(vm, device) or _EITHER,
        kind="choice",
        type="str",
        choices=tuple(_choice(way, schema) for way in known),
        basic=True,
        required=True,
    )


def at_the_switch(verdict: Verdict) -> Verdict:
    """The verdict with the findings that another way would be rid of put to the switch."""
    findings = tuple(
        finding.model_copy(update={"field": WAY}) if finding.rule in _OF_THE_WAY else finding
        for finding in verdict.findings
    )
    return verdict.model_copy(update={"findings": findings})


def _choice(way: Way, schema: QmpSchema) -> Choice:
    deprecated = "deprecated" in schema.command_features(way)
    return Choice(value=way, help=_MEANINGS[way], deprecated=deprecated)
