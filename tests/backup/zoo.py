"""A QEMU with disks of every kind, asked for its opinion on arguments."""

import contextlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.qemu import PC, Refused, Vm, qemu_img
from tests.waiting import until_answered
from tui.host.process import QemuProcess, qemu_process
from tui.host.target import look_at_target
from tui.qmp.models import (
    BlockDeviceInfo,
    BlockInfo,
    JobInfo,
    VersionInfo,
    XDbgBlockGraph,
    each,
)
from tui.qmp.schema import QmpSchema
from tui.vm.inventory import Inventory, Replies, build_inventory
from tui.vm.snapshot import Job, VmSnapshot

MIB = 1 << 20
SIZE = 4 * MIB


def make_images(directory: Path) -> None:
    """The images of the zoo."""
    sizes = {
        "raw": SIZE,
        "odd": SIZE + 512,
        "base": SIZE,
        "nraw": SIZE,
        "small": 2 * MIB,
        "loose": SIZE,
    }
    for name, size in sizes.items():
        with (directory / f"{name}.img").open("wb") as file:
            file.write(b"\x11" * MIB)
            file.truncate(size)
    make = ("create", "-q", "-f", "qcow2")
    base = ("-b", directory / "base.img", "-F", "raw")
    qemu_img(*make, *base, directory / "mid.qcow2")
    qemu_img(*make, "-b", directory / "mid.qcow2", "-F", "qcow2", directory / "top.qcow2")
    for name in ("plain", "ro", "busy", "node"):
        qemu_img(*make, directory / f"{name}.qcow2", str(SIZE))
    for name, bitmaps in {"top": ("kept", "torn", "idle"), "ro": ("rokept",)}.items():
        for bitmap in bitmaps:
            qemu_img("bitmap", "--add", directory / f"{name}.qcow2", bitmap)
    qemu_img("bitmap", "--disable", directory / "top.qcow2", "idle")
    _tear(directory / "top.qcow2", b"torn")
    for name in ("vmdk", "vdi", "qed", "vpc"):
        options = ("-o", "force_size=on") if name == "vpc" else ()
        qemu_img("create", "-q", "-f", name, *options, directory / f"disk.{name}", str(SIZE))


def _tear(image: Path, bitmap: bytes) -> None:
    """Mark a persistent bitmap as in use, as a QEMU that was killed leaves it."""
    data = bytearray(image.read_bytes())
    name = data.rindex(bitmap)
    data[name - 9] |= 1
    image.write_bytes(data)


def options(directory: Path) -> tuple[str, ...]:
    """The command line for the disks."""
    attached = {
        "raw0": "raw.img,format=raw",
        "chain": "top.qcow2,format=qcow2",
        "plain": "plain.qcow2,format=qcow2",
        "ro": "ro.qcow2,format=qcow2,readonly=on",
        "busy": "busy.qcow2,format=qcow2",
        "odd": "odd.img,format=raw",
        "temp": "base.img,format=raw,snapshot=on,readonly=off",
    }
    words = [*PC]
    for name, rest in attached.items():
        if name == "temp":
            continue
        words += ["-drive", f"if=none,id={name},node-name=n-{name},file={directory}/{rest}"]
        words += ["-device", f"virtio-blk-pci,drive={name},id=dev-{name}"]
    words += ["-drive", "if=none,id=cd0,media=cdrom", "-device", "ide-cd,drive=cd0,id=cd"]
    words += ["-drive", f"if=none,id=loose,file={directory}/loose.img,format=raw"]
    for name in ("vmdk", "vdi", "qed", "vpc"):
        words += ["-drive", f"if=none,id={name},file={directory}/disk.{name},format={name}"]
    file = f"driver=file,node-name=f-raw,filename={directory}/nraw.img"
    words += ["-blockdev", file, "-blockdev", "driver=raw,node-name=n-raw,file=f-raw"]
    file = f"file.driver=file,file.filename={directory}/node.qcow2"
    words += ["-blockdev", f"driver=qcow2,node-name=n-q,{file}"]
    words += ["-device", "virtio-blk-pci,drive=n-q,id=dev-n-q"]
    words += ["-object", "throttle-group,id=tg0"]
    words += ["-blockdev", "driver=null-co,node-name=n-null,size=4194304,read-zeroes=on"]
    words += ["-blockdev", "driver=throttle,node-name=n-thr,throttle-group=tg0,file=n-null"]
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
    """The VM, what BlockDeck knows of it, and its opinion on arguments."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self.process: QemuProcess | None = qemu_process(vm.pid)
        self.schema = QmpSchema(())
        self.snapshot = VmSnapshot()
        self._numbers = itertools.count()

    async def open(self) -> None:
        """Read the schema, make bitmaps and a job that stays."""
        self.schema = QmpSchema.from_reply(await self.vm.qmp("query-qmp-schema"))
        await self.vm.qmp("block-dirty-bitmap-add", node="n-raw0", name="b0")
        await self.vm.qmp("block-dirty-bitmap-add", node="n-busy", name="bb")
        await self.vm.qmp(
            "drive-backup",
            device="busy",
            job_id="dup",
            sync="full",
            target=str(self.vm.directory / "dup.qcow2"),
            speed=1,
            bitmap="bb",
            bitmap_mode="always",
        )
        await self.look()

    async def look(self) -> VmSnapshot:
        """Take a fresh picture."""
        version = VersionInfo.model_validate(await self.vm.qmp("query-version"))
        graph = await self.vm.qmp("x-debug-query-block-graph")
        inventory = build_inventory(
            Replies(
                blocks=each(BlockInfo, await self.vm.qmp("query-block")),
                named=each(
                    BlockDeviceInfo, await self.vm.qmp("query-named-block-nodes", flat=True)
                ),
                graph=XDbgBlockGraph.model_validate(graph),
            ),
            Inventory(),
        )
        jobs = each(JobInfo, await self.vm.qmp("query-jobs"))
        self.snapshot = VmSnapshot(
            version=version,
            devices=inventory.devices,
            nodes=inventory.nodes,
            jobs=tuple(Job(id=job.id, type=job.type, status=job.status) for job in jobs),
            loaded=True,
        )
        return self.snapshot

    def disks(self) -> tuple[str, ...]:
        """The files of all nodes."""
        return tuple(node.filename for node in self.snapshot.nodes)

    def facts(self, target: object) -> Any:
        """What can be seen of a target."""
        text = target if isinstance(target, str) else ""
        return look_at_target(text, self.process, self.disks())

    async def ask(self, arguments: Mapping[str, Any]) -> Opinion:
        """Send the command, let the job end or end it, and leave all as it was."""
        before = {job["id"] for job in await self.vm.qmp("query-jobs")}
        self.vm.events.clear()
        try:
            await self.vm.qmp("drive-backup", json.loads(json.dumps(arguments)))
        except Refused as refusal:
            return Opinion(str(refusal))
        await until_answered(lambda: self._ended(before, arguments))
        errors = [event["data"].get("error") for event in self.vm.events if "data" in event]
        return Opinion(None, next((error for error in errors if error), None))

    async def _ended(self, before: set[str], arguments: Mapping[str, Any]) -> bool:
        left = [job for job in await self.vm.qmp("query-jobs") if job["id"] not in before]
        endless = arguments.get("sync") == "none" or arguments.get("speed")
        for job in left:
            # The job may end by itself before the command arrives.
            with contextlib.suppress(Refused):
                if job["status"] == "concluded":
                    await self.vm.qmp("job-dismiss", id=job["id"])
                elif endless or job["status"] == "pending":
                    await self.vm.qmp("job-cancel", id=job["id"])
        return not left
