"""Disks as rows of a table."""

import time

from tui.text import plain
from tui.units import size
from tui.vm.snapshot import Device, Link, VmSnapshot
from tui.vm.trouble import find_failing
from tui.widgets.columns import Cell, Column

DEVICE_COLUMNS = (
    Column("device", "Device", 11, stretch=True),
    Column("format", "Format", 6, roomy=9),
    Column("virtual", "Size", 9, right=True),
    Column("allocated", "Alloc", 9, right=True, rank=1),
    Column("flags", "Flags", 8, rank=2),
    Column("read", "Read/s", 9, right=True, rank=4),
    Column("write", "Write/s", 9, right=True, rank=3),
    Column("job", "Backup", 13, stretch=True),
    Column("bitmaps", "Bitmaps", 7, right=True, rank=5),
    Column("backing", "Chain", 5, right=True, rank=6),
    Column("io", "I/O", 7, rank=7),
    Column("node", "Node", 16, rank=8),
    Column("qdev", "Frontend", 18, rank=9),
)

SORT_ORDERS = ("as listed", "name", "size", "allocated", "writes")


def device_row(device: Device, vm: VmSnapshot) -> dict[str, Cell]:
    """The cells of one disk."""
    medium = device.medium
    dim = "" if device.obstacle is None or device.jobs else "$muted"
    bitmaps = len(medium.bitmaps) if medium else 0
    traffic = device.throughput
    return {
        "device": Cell(plain(device.title, 64), f"bold {dim}".strip()),
        "format": Cell(medium.driver if medium else "-", dim),
        "virtual": Cell(size(medium.virtual_size) if medium else "-", dim),
        "allocated": Cell(size(medium.actual_size) if medium else "-", dim),
        "flags": Cell(flags(device), dim),
        "job": _job_cell(device, vm),
        "read": Cell(size(traffic.read) if traffic else "-", dim),
        "write": Cell(size(traffic.write) if traffic else "-", dim),
        "backing": Cell(str(len(medium.chain)) if medium else "-", dim),
        "bitmaps": Cell(str(bitmaps) if bitmaps else "-", dim),
        "io": _io_cell(device),
        "node": Cell(plain(medium.node_name, 64) if medium else "-", dim),
        "qdev": Cell(short_qdev(device) or "-", dim),
    }


def flags(device: Device) -> str:
    """ro, rm(ovable), empty, enc(rypted), detached: the words in the order of importance."""
    medium = device.medium
    words = []
    if medium is None:
        words.append("empty")
    elif medium.read_only:
        words.append("ro")
    if medium is not None and medium.encrypted:
        words.append("enc")
    if device.removable:
        words.append("rm")
    if not device.attached:
        words.append("detached")
    return " ".join(words) or "rw"


def short_qdev(device: Device) -> str:
    """The frontend's id out of its QOM path."""
    path = device.qdev or ""
    for prefix in ("/machine/peripheral/", "/machine/peripheral-anon/"):
        path = path.removeprefix(prefix)
    return plain(path.removesuffix("/virtio-backend"), 64)


def _job_cell(device: Device, vm: VmSnapshot) -> Cell:
    if vm.connection.link is Link.LOST:
        return Cell("not known", "$muted")
    for job_id in device.jobs:
        job = vm.job(job_id)
        if job is not None and job.live:
            failing = find_failing(vm, time.monotonic()) if device.failures is not None else None
            if failing is not None and failing.job.key == job.key:
                return Cell("WRITES FAIL", "bold $text-error")
            done = "" if job.fraction is None else f" {job.fraction:.0%}"
            return Cell(f"{job.state}{done}", "bold $accent")
    if device.obstacle is not None:
        return Cell(device.obstacle, "$text-warning")
    return Cell("ready", "$text-success")


def _io_cell(device: Device) -> Cell:
    status = device.io_status or "-"
    return Cell(status, "bold $text-error" if status not in ("ok", "-") else "")


def matches(device: Device, words: str) -> bool:
    """Whether every word is found in something the disk is called by or made of."""
    medium = device.medium
    hay = " ".join(
        [device.title, device.device, device.qdev or "", flags(device), device.obstacle or "ready"]
        + ([medium.node_name, medium.driver, medium.filename] if medium else [])
    ).casefold()
    return all(word in hay for word in words.casefold().split())


def in_order(devices: tuple[Device, ...], order: str) -> tuple[Device, ...]:
    """The disks sorted by one of `SORT_ORDERS`."""
    match order:
        case "name":
            return tuple(sorted(devices, key=lambda d: d.title.casefold()))
        case "size":
            return tuple(
                sorted(devices, key=lambda d: -(d.medium.virtual_size if d.medium else -1))
            )
        case "allocated":
            return tuple(
                sorted(devices, key=lambda d: -((d.medium.actual_size or 0) if d.medium else -1))
            )
        case "writes":
            return tuple(
                sorted(devices, key=lambda d: -(d.throughput.write if d.throughput else -1.0))
            )
    return devices
