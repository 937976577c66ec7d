"""Keys that come in one packet, as a slow line delivers them, act in the order of typing."""

import pytest

from tests.line.conftest import LineOpener
from tests.qemu import QemuStarter, Vm

pytestmark = pytest.mark.slow

BACKSPACE = b"\x7f"
CLEAR = b"\x15"
LEFT = b"\x1b[D"
END = b"\x1b[F"


async def test_editing_and_typing_in_one_packet(vm: Vm, line: LineOpener) -> None:
    there = line()
    await there.shows("Monitor of the VM")
    there.press(
        b"junk" + CLEAR + b"/nowxx" + BACKSPACE * 2 + b"hre" + LEFT * 2 + b"e" + END + b"/m\r"
    )
    await there.shows("/nowhere/m")
    await there.shows("There is no directory /nowhere.")

    there.press(CLEAR + str(vm.monitor).encode() + b"\r")
    await there.shows("drive0")


async def test_a_key_acts_on_what_the_key_before_has_opened(vm: Vm, line: LineOpener) -> None:
    there = line(vm.monitor)
    await there.shows("drive0")
    there.press(b"/drive9\r" + b"2")
    await there.shows("No jobs.")
    there.press(b"1")
    await there.shows("No disk matches 'drive9'")


async def test_two_monitors_on_the_command_line_are_opened_side_by_side(
    qemu: QemuStarter, line: LineOpener
) -> None:
    web, mail = [await qemu("-name", name) for name in ("web", "mail")]
    there = line(web.monitor, mail.monitor)
    await there.shows("[web]")
    there.press(b"]")
    await there.shows("[mail]")
    there.press(b"q")
    assert await there.ended(within=10) == 0
