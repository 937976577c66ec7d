"""A QEMU with disks and jobs of every kind, asked for its opinion on arguments."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.backup.images import SECRET, SIZE
from tests.qemu import PC, Refused, Vm, qemu
from tests.waiting import until_answered
from tui.backup.arguments import DRIVE_BACKUP
from tui.qmp.address import UnixAddress
from tui.worker.pace import Pace
from tui.worker.worker import VmWorker

_ATTACHED = {
    "raw0": "raw.img,format=raw",
    "chain": "top.qcow2,format=qcow2",
    "plain": "plain.qcow2,format=qcow2",
    "ro": "ro.qcow2,format=qcow2,readonly=on",
    "busy": "busy.qcow2,format=qcow2",
    "odd": "odd.img,format=raw",
    "v2": "v2.qcow2,format=qcow2",
    "slow": "thr.qcow2,format=qcow2,throttling.bps-total=100000000",
    "work": "work.qcow2,format=qcow2",
    "mir": "mirrored.img,format=raw",
    "ended": "ended.qcow2,format=qcow2",
}
_NAMELESS = {
    "cor": "cor.qcow2,format=qcow2,copy-on-read=on",
    "temp": "temp.img,format=raw,snapshot=on,readonly=off",
    "zero": "zero.img,format=raw",
    "loose": "loose.img,format=raw",
    "luks": "disk.luks,format=luks,key-secret=key",
    **{name: f"disk.{name},format={name}" for name in ("vmdk", "vdi", "qed", "vpc", "qcow")},
    "vhdx": "disk.vhdx,format=vhdx",
}

# As seldom as can be: whoever asks for a verdict looks anew.
_SLOW = Pace(idle=3600.0, busy=3600.0, inventory=3600.0, settle=3600.0)

_PATIENCE = 500
"""How often a job is looked at before it is cancelled."""

_MOST_SECONDS = 20.0
"""How long a job may take to end."""


def options(directory: Path) -> tuple[str, ...]:
    """The command line for the disks."""
    words = [*PC, "-object", SECRET]
    for name, rest in _ATTACHED.items():
        words += ["-drive", f"if=none,id={name},node-name=n-{name},file={directory}/{rest}"]
        words += ["-device", f"virtio-blk-pci,drive={name},id=dev-{name}"]
    for name, rest in _NAMELESS.items():
        words += ["-drive", f"if=none,id={name},file={directory}/{rest}"]
    words += ["-drive", "if=none,id=cd0,media=cdrom", "-device", "ide-cd,drive=cd0,id=cd"]
    words += ["-object", "throttle-group,id=tg0"]
    for node in (
        f"driver=file,node-name=f-raw,filename={directory}/nraw.img",
        "driver=raw,node-name=n-raw,file=f-raw",
        f"driver=qcow2,node-name=n-q,file.driver=file,file.filename={directory}/node.qcow2",
        "driver=null-co,node-name=n-null,size=4194304,read-zeroes=on",
        "driver=throttle,node-name=n-thr,throttle-group=tg0,file=n-null",
        f"driver=null-co,node-name=t-null,size={SIZE}",
        "driver=null-co,node-name=t-small,size=1048576",
        f"driver=null-co,node-name=t-ro,size={SIZE},read-only=on",
        f"driver=raw,node-name=t-raw,file.driver=file,file.filename={directory}/target.img",
        f"driver=qcow2,node-name=t-q,file.driver=file,file.filename={directory}/target.qcow2",
        f"driver=raw,node-name=n-share,file.driver=file,file.filename={directory}/shared.img",
    ):
        words += ["-blockdev", node]
    words += ["-device", "virtio-blk-pci,drive=n-q,id=dev-n-q"]
    return tuple(words)


@dataclass(frozen=True)
class Opinion:
    """What QEMU said to a command: None is accepted and carried out."""

    refusal: str | None
    failure: str | None = None

    @property
    def verdict(self) -> str:
        """In the words of the judge: what fails at once counts as refused."""
        return "accept" if self.refusal is None and self.failure is None else "reject"


class Zoo:
    """The VM, a worker that watches it, and its opinion on arguments."""

    def __init__(self, vm: Vm, worker: VmWorker) -> None:
        self.vm = vm
        self.worker = worker

    async def ask(self, arguments: Mapping[str, Any], command: str = DRIVE_BACKUP) -> Opinion:
        """Send the command, let the job end or end it, and leave all as it was."""
        before = {job["id"] for job in await self.vm.qmp("query-jobs")}
        self.vm.events.clear()
        try:
            await self.vm.qmp(command, json.loads(json.dumps(arguments)))
        except Refused as refusal:
            return Opinion(str(refusal))
        looks = 0
        async with asyncio.timeout(_MOST_SECONDS):
            # Each look is a round trip: no other pause is needed.
            while not await self._ended(before, arguments, looks):
                looks += 1
        errors = [event["data"].get("error") for event in self.vm.events if "data" in event]
        return Opinion(None, next((error for error in errors if error), None))

    async def _ended(self, before: set[str], arguments: Mapping[str, Any], looks: int) -> bool:
        left = [job for job in await self.vm.qmp("query-jobs") if job["id"] not in before]
        endless = arguments.get("sync") == "none" or arguments.get("speed") or looks > _PATIENCE
        for job in left:
            # The job may end by itself before the command arrives.
            with contextlib.suppress(Refused):
                if job["status"] == "concluded":
                    await self.vm.qmp("job-dismiss", id=job["id"])
                elif endless or job["status"] == "pending":
                    await self.vm.qmp("job-cancel", id=job["id"])
        return not left


@contextlib.asynccontextmanager
async def open_zoo(directory: Path, images: Path) -> AsyncIterator[Zoo]:
    """Run the VM on the images, watch it, and only then have jobs that stay."""
    # Of a socket that was handed to it QEMU 5.2 does not show that it listens there.
    monitor = directory / "own.sock"
    own = ("-qmp", f"unix:{monitor},server=on,wait=off")
    async with qemu(directory, *options(images), *own) as vm:
        for node, bitmap in {"n-raw0": "b0", "n-busy": "bb", "n-v2": "v2b", "f-raw": "fb"}.items():
            await vm.qmp("block-dirty-bitmap-add", node=node, name=bitmap)
        async with VmWorker(UnixAddress(path=monitor), pace=_SLOW) as worker:
            await _start_jobs(vm, images)
            yield Zoo(vm, worker)


async def _start_jobs(vm: Vm, images: Path) -> None:
    """A backup, a commit and a mirror that go on, and jobs of both kinds that are concluded."""
    stay: dict[str, Any] = {"speed": 1}
    await vm.qmp(
        "drive-backup",
        device="busy",
        job_id="dup",
        sync="full",
        target=str(images / "dup.qcow2"),
        bitmap="bb",
        bitmap_mode="always",
        **stay,
    )
    await vm.qmp("block-commit", device="work", job_id="dup-commit", **stay)
    target = str(images / "dup-mirror.raw")
    await vm.qmp(
        "drive-mirror", device="mir", job_id="dup-mirror", sync="full", target=target, **stay
    )
    new = {"driver": "file", "filename": str(images / "made.raw"), "size": 512}
    await vm.qmp("blockdev-create", job_id="dup-create", options=new)
    await vm.qmp(
        "drive-backup",
        device="ended",
        job_id="dup-ended",
        sync="full",
        target=str(images / "dup-ended.qcow2"),
        auto_dismiss=False,
    )
    await until_answered(lambda: _concluded(vm, {"dup-create", "dup-ended"}))


async def _concluded(vm: Vm, wanted: set[str]) -> bool:
    jobs = await vm.qmp("query-jobs")
    return wanted <= {job["id"] for job in jobs if job["status"] == "concluded"}
