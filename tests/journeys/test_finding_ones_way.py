"""Filter, sort, keys and commands in a real terminal."""

from pathlib import Path

import pytest

from tests.journeys.conftest import TerminalOpener
from tests.journeys.steps import BLOCKDECK
from tests.qemu import QemuStarter, qemu_img

pytestmark = pytest.mark.slow


def lines_with(screen: str, *names: str) -> list[str]:
    """The names in the order in which they begin a line."""
    begun = [line.split()[0] for line in screen.splitlines() if line.split()]
    return [word for word in begun if word in names]


async def test_filter_sort_keys_and_commands(
    qemu: QemuStarter, terminal: TerminalOpener, tmp_path: Path
) -> None:
    options: list[str] = []
    for name, kind, size in (
        ("zeta", "qcow2", "8M"),
        ("alpha", "raw", "32M"),
        ("mid", "raw", "1M"),
    ):
        image = tmp_path / name
        qemu_img("create", "-q", "-f", kind, image, size)
        options += ["-drive", f"if=none,id={name},format={kind},file={image}"]
    vm = await qemu(*options)
    names = ("zeta", "alpha", "mid")
    there = terminal(120, 40)
    there.run(*BLOCKDECK, vm.monitor)
    screen = await there.sees(*names)
    assert lines_with(screen, *names)[:3] == ["zeta", "alpha", "mid"]

    there.press("s")
    await there.sees("Sorted by name")
    assert lines_with(there.screen, *names)[:3] == ["alpha", "mid", "zeta"]
    there.press("s")
    await there.sees("Sorted by size")
    assert lines_with(there.screen, *names)[:3] == ["alpha", "zeta", "mid"]

    there.press("/")
    await there.sees("Filter")
    there.type("raw q")  # q is a letter here
    await there.sees("No disk matches 'raw q'")
    there.press("BSpace", "BSpace")
    await there.sees("alpha", "mid")
    await there.sees_no_more("zeta")
    there.press("Enter", "Escape")
    await there.sees(*names)

    there.press("?")
    await there.sees("Keys", "Everywhere", "Every block device of the VM")
    there.press("Escape")
    await there.sees_no_more("Everywhere")

    there.press("C-p")
    await there.sees("Search")
    there.type("jobs")
    await there.sees("Backups and other block jobs")
    there.press("Enter")
    await there.sees("No jobs.")

    there.resize(80, 24)
    await there.sees("No jobs.", "1 Disks")
    there.press("1")
    await there.sees("alpha", "Size")
    there.press("q")
    assert await there.exit_status() == 0
