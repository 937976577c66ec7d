"""Where chains save what the guest overwrites first: suggested, and judged as the form does."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.backup.verdict import Finding, Severity
from tui.backup.way import Way
from tui.backup.wish_fields import FLEECE
from tui.vm.snapshot import Device, VmSnapshot

if TYPE_CHECKING:
    from tui.app import BlockDeckApp
    from tui.worker import VmWorker


def suggestion(app: "BlockDeckApp", vm: VmSnapshot) -> str:
    """What is set for a VM, else what its last chain used; "" is no fleecing."""
    chosen = app.settings.fleece(vm.address, vm.name)
    return chosen or app.memory.fleeces.get(vm.uuid or vm.name, "")


async def against(worker: "VmWorker", devices: Sequence[Device], directory: str) -> Finding | None:
    """The weightiest of what is to be said against fleecing these disks to a directory.

    Raises:
        QmpError: QEMU could not be asked.
    """
    found: dict[Finding, list[str]] = {}
    for device in devices if directory else ():
        arguments = {"device": device.backup_name or "", "sync": "full"}
        verdict = await worker.judge(arguments, way=Way.BLOCKDEV, fleece=directory)
        for finding in verdict.findings:
            if finding.field == FLEECE:
                found.setdefault(finding, []).append(device.title)
    heaviest = list(Severity)
    worst = min(found, key=lambda finding: heaviest.index(finding.severity), default=None)
    if worst is None or len(found[worst]) == len(devices):
        return worst
    return worst.model_copy(update={"message": f"{', '.join(found[worst])}: {worst.message}"})


def refuses(finding: Finding | None) -> bool:
    """Whether fleecing cannot be because of it."""
    return finding is not None and finding.severity is Severity.REFUSES
