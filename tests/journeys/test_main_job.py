"""The main job in a real terminal: connect, fill in, start, watch, done."""

from pathlib import Path

import pytest

from tests.journeys.conftest import TerminalOpener
from tests.journeys.steps import (
    BLOCKDECK,
    READY,
    fill_in_speed,
    gone_from,
    is_backup_of,
    jobs_in,
    open_form,
)
from tests.qemu import Vm

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("among_others")]

OFF = "Not yet: "


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
async def test_a_backup_from_the_first_screen_to_the_image(
    vm: Vm, terminal: TerminalOpener, tmp_path: Path, width: int, height: int
) -> None:
    there = terminal(width, height)
    target = tmp_path / "backup.qcow2"

    there.run(*BLOCKDECK)
    await there.sees("Monitor of the VM to back up")
    there.type("/nowhere/monitor.sock")
    there.press("Enter")
    await there.sees("There is no directory /nowhere")

    there.fill_in(str(vm.monitor))
    await there.sees_no_more("There is no directory")
    there.press("Enter")
    await open_form(there)

    there.fill_in("relative.qcow2")
    await there.sees("The target's path must be absolute", f"{OFF}Target")
    there.fill_in("")
    await there.sees("Fill in target", f"{OFF}Target")
    there.fill_in("/nowhere/backup.qcow2")
    await there.sees("The directory of '/nowhere/backup.qcow2' does not exist", f"{OFF}Target")
    there.press("F2")
    there.fill_in(str(target))
    await there.sees(READY)

    fill_in_speed(there, "abc")
    await there.sees(f"{OFF}Speed")
    there.press("F2")
    assert await jobs_in(vm) == {}
    there.fill_in("1G")
    await there.sees(READY, '"speed": 1073741824')

    there.press("F2")
    screen = await there.sees("succeeded: all of it was copied")
    assert "100%" in screen
    await gone_from(vm, next(word for word in screen.split() if word.startswith("blockdeck-dri")))
    assert is_backup_of(vm, target)

    there.press("q")
    assert await there.exit_status() == 0
    assert not there.alternate


async def test_a_target_that_exists_takes_a_tick(
    vm: Vm, terminal: TerminalOpener, tmp_path: Path
) -> None:
    there = terminal()
    target = tmp_path / "precious.qcow2"
    target.write_bytes(b"precious" * 100)

    there.run(*BLOCKDECK, vm.monitor)
    await open_form(there)
    there.fill_in(str(target))
    await there.sees("the backup replaces", f"{OFF}a box is to be ticked")

    there.press("F2")  # goes to the box
    await there.sees("[ ]")
    there.press("F2")
    await there.sees("[ ]", f"{OFF}a box is to be ticked")
    assert await jobs_in(vm) == {}
    assert target.read_bytes() == b"precious" * 100

    there.press("Space")
    await there.sees("[x]", READY)
    there.press("F2")
    await there.sees("succeeded: all of it was copied")
    assert is_backup_of(vm, target)
