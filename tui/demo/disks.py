"""The disks of the demo VM: their images, how they are attached, and what is on them."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tui.demo.errors import DemoError
from tui.demo.spawn import end, spawn

MiB = 1 << 20
GiB = 1 << 30

SLOW_BYTES = 12 * MiB
"""What the slow disk gives, in bytes a second."""

SLOW_DATA = 120 * MiB
"""What is on the slow disk: a full backup of it takes ten seconds."""

QEMU_IMG_SECONDS = 20.0
"""Longest that making one image may take."""

_TEMPLATE_DATA = 6 * MiB


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk: `name` is what `drive-backup` calls it.

    `drive` and `device` are QEMU's options for the two halves, with `{file}` for the image's path.
    A drive in braces is a `-blockdev`, anything else a `-drive`.
    """

    name: str
    device: str
    drive: str
    file: str | None = None
    size: int = 0

    @property
    def backend(self) -> str:
        """What QEMU lists the guest's I/O under: the drive, or the path of a device without."""
        if not self._is_blockdev:
            return self.name
        frontend = self.device.partition("id=")[2].partition(",")[0]
        return f"/machine/peripheral/{frontend}/virtio-backend"

    @property
    def _is_blockdev(self) -> bool:
        return self.drive.startswith("{")

    def options(self, directory: Path) -> Iterator[str]:
        """The command line that attaches it."""
        path = str(directory / self.file) if self.file else ""
        kind = "-blockdev" if self._is_blockdev else "-drive"
        yield from (kind, self.drive.replace("{file}", path))
        yield from ("-device", f"{self.device},drive={self.name}")


ROOT = Disk(
    name="root",
    file="golden.qcow2",
    size=8 * GiB,
    drive="if=none,id=root,format=qcow2,file={file},discard=unmap,detect-zeroes=unmap",
    device="virtio-blk-pci,id=virtio0",
)
DATA = Disk(
    name="data",
    file="data.qcow2",
    size=4 * GiB,
    drive='{"driver":"qcow2","node-name":"data","file":'
    '{"driver":"file","node-name":"data-file","filename":"{file}"}}',
    device="virtio-blk-pci,id=virtio1",
)
LOGS = Disk(
    name="logs",
    file="logs.raw",
    size=256 * MiB,
    drive="if=none,id=logs,format=raw,file={file},cache=writethrough,"
    "throttling.iops-write=500,throttling.bps-total=67108864",
    device="virtio-blk-pci,id=virtio2",
)
DATABASE = Disk(
    name="database",
    file="database.qcow2",
    size=2 * GiB,
    drive="if=none,id=database,node-name=database-disk,format=qcow2,file={file}",
    device="virtio-blk-pci,id=virtio3,serial=DATABASE",
)
ARCHIVE = Disk(
    name="archive",
    file="archive.qcow2",
    size=2 * GiB,
    # A filter below the format limits the backup job too; a device's own throttling does not.
    drive="if=none,id=archive,driver=qcow2,file.driver=throttle,file.throttle-group=slow-storage,"
    "file.file.driver=file,file.file.filename={file}",
    # Its writes are those of the guest that runs in the VM: an error of any kind stops it.
    device="ide-hd,id=ide1,bus=pata.0,werror=stop",
)
SCRATCH = Disk(
    name="scratch",
    file="scratch.qcow2",
    size=16 * GiB,
    drive="if=none,id=scratch,format=qcow2,file={file},cache=unsafe",
    device="scsi-hd,id=scsi0-1,bus=scsi0.0",
)
TEMPLATE = Disk(
    name="template",
    file="template.raw",
    size=512 * MiB,
    drive="if=none,id=template,format=raw,file={file},readonly=on",
    device="virtio-blk-pci,id=virtio4",
)
CDROM = Disk(name="cdrom", drive="if=none,id=cdrom,media=cdrom", device="ide-cd,id=ide0,bus=ide.0")

DISKS = (ROOT, DATA, LOGS, DATABASE, ARCHIVE, SCRATCH, TEMPLATE, CDROM)


def disk_options(directory: Path) -> Iterator[str]:
    """The command line that attaches all disks, whose images are in `directory`."""
    yield from ("-object", f"throttle-group,id=slow-storage,x-bps-read={SLOW_BYTES}")
    yield from ("-device", "virtio-scsi-pci,id=scsi0")
    yield from ("-device", "isa-ide,id=pata")
    for disk in DISKS:
        yield from disk.options(directory)


async def make_images(qemu_img: Path, directory: Path) -> None:
    """Make an image for every disk that has one; all but the read-only one are empty.

    Raises:
        DemoError: an image cannot be made.
    """
    qcow2 = []
    for disk in DISKS:
        if disk.file is None:
            continue
        path = directory / disk.file
        if path.suffix == ".qcow2":
            qcow2.append(_create(qemu_img, path, disk.size))
        else:
            _make_raw(path, disk)
    for outcome in await asyncio.gather(*qcow2, return_exceptions=True):
        if outcome is not None:
            raise outcome


def _make_raw(path: Path, disk: Disk) -> None:
    with path.open("wb") as image:
        if disk is TEMPLATE:
            image.write(bytes(range(1, 251)) * (_TEMPLATE_DATA // 250))
        image.truncate(disk.size)


async def _create(qemu_img: Path, path: Path, size: int) -> None:
    process = await spawn(
        *(qemu_img, "create", "-q", "-f", "qcow2", path, str(size)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(QEMU_IMG_SECONDS):
            _, said = await process.communicate()
    except TimeoutError as error:
        raise DemoError(f"qemu-img took too long to make {path}") from error
    finally:
        await end(process)
    if process.returncode != 0:
        raise DemoError(f"no image can be made at {path}: {said.decode(errors='replace').strip()}")
