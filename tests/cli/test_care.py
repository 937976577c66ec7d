"""What `blockdeck backup` does for a backup while it watches it."""

from pathlib import Path

import pytest

from tests.cli.running import blockdeck
from tests.guest import MIB, booted, guest_disk
from tests.qemu import QemuStarter, Vm
from tests.small import small_filesystem


async def test_a_backup_ends_before_its_target_is_full(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 64 * MIB)))
    await vm.qmp("cont")
    with small_filesystem(tmp_path / "small", 32 * MIB) as small:
        done = await blockdeck(
            *("backup", vm.monitor, "device=d0", f"target={small}/a.qcow2", "speed=4MiB"),
            *("--cancel-before-full", "--override", "NO-SPACE", "--json"),
        )
    assert done.status == 1
    *steps, last = done.lines
    assert last["outcome"] == "cancelled"
    assert last["detail"].startswith("by us: the target's file system was about to be full")
    free = [step["free"] for step in steps if step["type"] == "progress" and step["free"]]
    assert free == sorted(free, reverse=True)
    assert (await vm.qmp("query-status"))["status"] == "running"


async def test_a_backup_that_goes_easy_ends_well(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")))
    await vm.qmp("cont")
    target = tmp_path / "a.qcow2"
    done = await blockdeck(
        "backup", vm.monitor, "device=d0", f"target={target}", "--go-easy=500 ms"
    )
    assert done.status == 0, done.err


async def test_twice_as_long_as_before_is_the_default_and_is_seen_before_the_start(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw")))
    await vm.qmp("cont")
    words = ("backup", vm.monitor, "device=d0", "--json")
    done = await blockdeck(*words, f"target={tmp_path}/a.qcow2", "speed=8MiB", "--go-easy")
    assert done.status == 0, done.err
    steering = {step["steering"] for step in done.lines if step["type"] == "progress"}
    assert steering
    assert not [words for words in steering if "before is not known" in words]
    assert not [step for step in done.lines if "not seen to write" in step.get("text", "")]
    # A guest that does not write; and the option takes no word that comes behind it.
    await vm.qmp("stop")
    first, *rest = words
    done = await blockdeck(first, "--go-easy", *rest, f"target={tmp_path}/b.qcow2")
    assert done.status == 0, done.err
    (notice,) = [step["text"] for step in done.lines if step["type"] == "notice"]
    assert notice == (
        "the guest was not seen to write before the backup: "
        "its writes may take 20 ms in place of 2x"
    )


async def test_what_holds_a_backup_back_is_said(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 64 * MIB)))
    await vm.qmp("cont")
    done = await blockdeck(
        *("backup", vm.monitor, "device=d0", f"target={tmp_path}/a.qcow2", "speed=4MiB"),
        "--go-easy=0.001 ms",
    )
    assert done.status == 0, done.err
    assert "held back for the guest: writes take" in done.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--go-easy=quick",), "--go-easy: How long a write may take"),
        (("--go-easy=",), "--go-easy: How long a write may take"),
        (("--go-easy", "4x"), "stands behind a =, as in --go-easy='4x'"),
        (("--go-easy", "20 ms"), "stands behind a =, as in --go-easy='20 ms'"),
        (("--go-easy", "--no-wait"), "--no-wait lets it go"),
        (("--go-easy=2x", "--no-wait"), "--no-wait lets it go"),
        (("--cancel-before-full", "--no-wait"), "--no-wait lets it go"),
    ],
)
async def test_what_cannot_be_done_is_refused_before_anything_starts(
    vm: Vm, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    target = tmp_path / "a.qcow2"
    done = await blockdeck("backup", vm.monitor, "device=drive0", f"target={target}", *options)
    assert done.status == 2
    assert words in " ".join(done.err.split())
    assert not target.exists()
