"""A mistake in the settings is told on the terminal that the screen would have had."""

from pathlib import Path

from tests.line.conftest import LineOpener
from tests.qemu import QemuStarter


async def test_mistakes_are_told_before_anything_is_shown(line: LineOpener, own_home: Path) -> None:
    file = own_home / "config" / "blockdeck" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("theme = 'nrd'\n\n[keys.jobs]\npause = 'c'\n")
    there = line("/no/such.sock")
    assert await there.ended(within=20) == 2
    await there.shows(f"{file}:1: theme: there is no theme 'nrd'; did you mean nord?")
    await there.shows(f"{file}:4: keys.jobs.pause: c is a key of jobs.cancel already")
    assert b"\x1b[?1049h" not in there.sent


async def test_a_name_opens_its_vm(line: LineOpener, own_home: Path, qemu: QemuStarter) -> None:
    vm = await qemu("-blockdev", "null-co,node-name=disk0,read-zeroes=on,size=67108864")
    file = own_home / "config" / "blockdeck" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f"[vms.shop]\nmonitor = '{vm.monitor}'\nread_only = true\n")
    there = line("shop")
    await there.shows("disk0")
    await there.shows("READ-ONLY")
