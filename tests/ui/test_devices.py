"""The disks as they are shown, held against what QEMU itself answers."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.qemu import PC, QemuStarter, Vm, qemu_img
from tests.ui.conftest import DeckOpener
from tests.ui.deck import WIDE, Deck
from tests.waiting import until, until_answered

MIB = 1 << 20


def image(path: Path, size: str, *options: str, fmt: str = "qcow2") -> Path:
    qemu_img("create", "-q", "-f", fmt, *options, path, size)
    return path


def disks(place: Path) -> list[str]:
    """One disk of every kind, attached to a PC."""
    base = image(place / "base.qcow2", "8M")
    middle = image(place / "middle.qcow2", "8M", "-b", str(base), "-F", "qcow2")
    top = image(place / "top.qcow2", "8M", "-b", str(middle), "-F", "qcow2")
    raw = image(place / "plain.raw", "4M", fmt="raw")
    ro = image(place / "ro.raw", "1M", fmt="raw")
    node = image(place / "node.qcow2", "16M")
    loose = image(place / "loose.qcow2", "2M")
    throttled = "throttling.bps-total=1048576,throttling.iops-write=500,cache=writethrough"
    return [
        *PC,
        *("-device", "virtio-scsi-pci,id=scsi0"),
        *("-drive", f"if=none,id=system,format=qcow2,file={top}"),
        *("-device", "virtio-blk-pci,drive=system,id=vda"),
        *("-drive", f"if=none,id=logs,format=raw,file={raw},{throttled}"),
        *("-device", "scsi-hd,bus=scsi0.0,drive=logs,id=sda"),
        *("-drive", f"if=none,id=template,format=raw,file={ro},readonly=on"),
        *("-device", "virtio-blk-pci,drive=template"),
        *("-drive", "if=none,id=cdrom,media=cdrom"),
        *("-device", "ide-cd,drive=cdrom,id=ide0"),
        *("-blockdev", blockdev(node, "data")),
        *("-device", "virtio-blk-pci,drive=data,id=vdb"),
        *("-blockdev", blockdev(loose, "loose")),
    ]


def blockdev(path: Path, name: str) -> str:
    file = {"driver": "file", "filename": str(path)}
    return json.dumps({"driver": "qcow2", "node-name": name, "file": file})


async def qemus_own(vm: Vm) -> dict[str, dict[str, Any]]:
    """What `query-block` says, by the name that a backup takes."""
    found = {}
    for entry in await vm.qmp("query-block"):
        inserted = entry.get("inserted", {})
        found[entry["device"] or inserted["node-name"]] = entry
    return found


def sized(text: str) -> float:
    """The number of bytes that a size on the screen stands for."""
    count, unit = text.split()
    return float(count) * {"B": 1, "KiB": 1 << 10, "MiB": MIB, "GiB": 1 << 30}[unit]


async def test_every_column_tells_what_qemu_says(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*disks(tmp_path))
    await vm.qmp("block-dirty-bitmap-add", node="data", name="daily")
    await vm.qmp("block-dirty-bitmap-add", node="data", name="weekly")
    async with open_deck(vm, WIDE) as deck:
        await deck.sees("system", "loose", "Frontend")
        told = await qemus_own(vm)
        assert deck.column("Device") == [*told, "loose"]

        for name, entry in told.items():
            row, medium = deck.row(name), entry.get("inserted")
            assert row["I/O"] == entry.get("io-status", "-")
            assert row["Frontend"] in entry["qdev"]
            if medium is None:
                continue
            assert row["Format"] == medium["drv"]
            assert sized(row["Size"]) == medium["image"]["virtual-size"]
            assert abs(sized(row["Alloc"]) - medium["image"]["actual-size"]) < 100
            # A name made up by QEMU is as long as the column is wide.
            assert row["Node"] == medium["node-name"]
            assert row["Bitmaps"] == str(len(medium.get("dirty-bitmaps", ())) or "-")
            assert row["Chain"] == str(medium["backing_file_depth"] + 1)

        assert deck.row("system")["Chain"] == "3"
        assert deck.row("data")["Bitmaps"] == "2"
        assert deck.row("system")["Frontend"] == "vda"
        assert deck.column("Flags") == ["rw", "rw", "ro", "empty rm", "rw", "detached"]
        assert deck.row("cdrom")["Backup"] == "no medium"
        assert [deck.row(name)["Backup"] for name in ("system", "logs", "data", "loose")] == (
            ["ready"] * 4
        )
        assert deck.row("system")["I/O"] == "ok"
        assert deck.row("cdrom")["Size"] == "-"


async def test_the_detail_tells_the_name_the_chain_the_bitmaps_and_the_limits(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*disks(tmp_path))
    await vm.qmp("block-dirty-bitmap-add", node="data", name="daily", granularity=131072)
    await vm.qmp("block-dirty-bitmap-add", node="data", name="off", disabled=True)
    await vm.write("-d /machine/peripheral/vdb/virtio-backend", 0, 200_000, 1)
    async with open_deck(vm) as deck:
        await deck.go_to_row("system")
        assert "back up as device=system" in deck.detail
        chain = [line.split("chain")[-1] for line in deck.detail.split("\n") if ".qcow2" in line]
        names = [line.strip().removeprefix("└─ ").split()[0] for line in chain]
        assert names == [str(tmp_path / f"{name}.qcow2") for name in ("top", "middle", "base")]
        indents = [line.index("└─") for line in deck.detail.split("\n") if "└─" in line]
        assert indents == [11, 14]
        assert "size       8.0 MiB (8,388,608 bytes)" in deck.detail
        assert "in clusters of 64.0 KiB" in deck.detail
        assert "(made up by QEMU, new at each start)" in deck.detail
        assert "bitmaps    none" in deck.detail
        assert "cache      writeback; detect-zeroes off" in deck.detail
        assert "throttled  no" in deck.detail
        assert "frontend   /machine/peripheral/vda/virtio-backend" in deck.detail

        await deck.go_to_row("logs")
        assert "throttled  1.0 MiB/s, 500 IOPS written in group logs" in deck.detail
        assert "cache      writethrough" in deck.detail

        await deck.go_to_row("data")
        assert "back up as device=data" in deck.detail
        assert "node-name  data\n" in deck.detail
        assert "daily  256 KiB dirty, granularity 128 KiB, recording" in deck.detail
        assert "off  0 B dirty, granularity 64.0 KiB, disabled" in deck.detail

        await deck.go_to_row("template")
        assert "state      ro, io-status ok" in deck.detail
        await deck.go_to_row("cdrom")
        assert "no backup  no medium" in deck.detail
        await deck.go_to_row("loose")
        assert "frontend   not attached to the guest" in deck.detail
        assert "back up as device=loose" in deck.detail
        assert "detached, io-status not kept" in deck.detail


async def test_a_disk_that_cannot_be_backed_up_says_why_and_opens_no_form(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*PC, "-drive", "if=none,id=cdrom,media=cdrom", "-device", "ide-cd,drive=cdrom")
    async with open_deck(vm) as deck:
        await deck.go_to_row("cdrom")
        for key in ("b", "enter"):
            await deck.press(key)
            await deck.is_told("cdrom cannot be backed up: no medium")
            assert "Back up cdrom" not in deck.screen


async def test_what_the_guest_reads_and_writes_is_shown(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    disk = image(tmp_path / "disk.raw", "64M", fmt="raw")
    vm = await qemu("-drive", f"if=none,id=d0,format=raw,file={disk}")
    async with open_deck(vm) as deck:
        await deck.go_to_row("d0")
        await until_answered(lambda: refreshed(deck, lambda shown: shown != "-"))
        row = deck.row("d0")
        assert (row["Read/s"], row["Write/s"]) == ("0 B", "0 B")

        await vm.qmp("human-monitor-command", command_line='qemu-io d0 "aio_write -q 0 48M"')
        await until_answered(lambda: refreshed(deck, lambda shown: shown not in ("-", "0 B")))
        row = deck.row("d0")
        assert row["Read/s"] == "0 B"
        assert row["Write/s"].endswith(" MiB")
        assert "0 B/s read" in deck.detail
        assert "MiB/s written" in deck.detail


async def refreshed(deck: Deck, good: Callable[[str], bool]) -> bool:
    """Press `r`, and see whether the throughput is as it should be."""
    await deck.press("r")
    return good(deck.row("d0")["Write/s"])


async def test_a_running_job_is_shown_on_its_disk(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    disk = image(tmp_path / "disk.qcow2", "64M")
    vm = await qemu("-drive", f"if=none,id=d0,format=qcow2,file={disk}")
    await vm.write("d0", 0, 32 * MIB, 7)
    node = (await qemus_own(vm))["d0"]["inserted"]["node-name"]
    async with open_deck(vm, WIDE) as deck:
        await deck.sees("d0", "Frontend")
        target = str(tmp_path / "t.qcow2")
        start = {"job-id": "others", "device": "d0", "target": target, "sync": "full"}
        await vm.qmp("drive-backup", {**start, "format": "qcow2", "speed": MIB})

        await until(lambda: deck.row("d0")["Backup"].startswith("running"))
        await until(lambda: "%" in deck.row("d0")["Backup"])
        # The disk keeps its name and node while a filter hides them, and shows why it is not free.
        assert deck.row("d0")["Node"] == node
        assert deck.row("d0")["Format"] == "qcow2"
        assert "no backup  busy with job others" in deck.detail
        assert "connected, 1 job running" in deck.header
        await deck.press("b")
        await deck.is_told("d0 cannot be backed up: busy with job others")

        await vm.qmp("block-job-cancel", device="others")
        await until(lambda: deck.row("d0")["Backup"] == "ready")
        await until(lambda: "job" not in deck.header)


async def test_a_vm_without_disks_says_so(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    async with open_deck(await qemu()) as deck:
        await deck.sees("This VM has no block devices.")
        await deck.press("b", "s", "down", "enter")
        await deck.sees("This VM has no block devices.")
