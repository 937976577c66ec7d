"""The switch between the ways of a backup: where there is one, and what it says."""

import pytest

from tests.qemu import QemuStarter
from tui.backup.verdict import Finding, Severity, Verdict
from tui.backup.way import Way, default_way
from tui.backup.way_field import WAY, at_the_switch, way_field
from tui.qmp.models import QemuVersionTriple, VersionInfo
from tui.qmp.schema import QmpSchema
from tui.vm.snapshot import VmSnapshot


def vm_of(major: int) -> VmSnapshot:
    version = VersionInfo(qemu=QemuVersionTriple(major=major, minor=0, micro=0), package="")
    return VmSnapshot(address="/vm", version=version)


async def test_a_qemu_that_knows_both_ways_leaves_the_choice(qemu: QemuStarter) -> None:
    vm = await qemu()
    schema = QmpSchema.from_reply(await vm.qmp("query-qmp-schema"))
    field = way_field(schema, vm_of(8), None)
    assert field is not None
    assert [choice.value for choice in field.choices] == list(Way)
    assert default_way(vm_of(8), None, schema) is Way.DRIVE
    old = way_field(schema, vm_of(5), None)
    assert old is not None
    assert "QEMU 5" in old.help
    assert default_way(vm_of(5), None, schema) is Way.BLOCKDEV


@pytest.mark.parametrize("missing", ["blockdev-backup", "blockdev-add", "drive-backup"])
async def test_where_there_is_no_choice_there_is_no_switch(qemu: QemuStarter, missing: str) -> None:
    vm = await qemu()
    entries = [e for e in await vm.qmp("query-qmp-schema") if e["name"] != missing]
    schema = QmpSchema.from_reply(entries)
    assert way_field(schema, vm_of(5), None) is None
    only = Way.BLOCKDEV if missing == "drive-backup" else Way.DRIVE
    assert default_way(vm_of(5), None, schema) is only


def test_what_another_way_would_be_rid_of_is_put_to_the_switch() -> None:
    def finding(rule: str) -> Finding:
        return Finding(field="device", severity=Severity.DANGER, rule=rule, message="No.")

    judged = Verdict(verdict="accept", findings=(finding("X3"), finding("D-BUSY")), command={})
    assert [f.field for f in at_the_switch(judged).findings] == [WAY, "device"]
