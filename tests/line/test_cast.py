"""`--record`: what a player makes of a recording is what stood on the terminal."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyte
import pytest

from tests.journeys.steps import BLOCKDECK
from tests.journeys.tmux import Tmux
from tests.line.conftest import LineOpener
from tests.qemu import QemuStarter, Vm
from tests.small import small_filesystem
from tests.waiting import until


@pytest.fixture
async def vm(qemu: QemuStarter) -> Vm:
    """A VM with a name that takes Unicode, and two disks."""
    disk = "null-co,read-zeroes=on,size=67108864,node-name="
    return await qemu("-name", "büro", "-blockdev", f"{disk}disk0", "-blockdev", f"{disk}disk1")


@pytest.fixture
def terminal() -> Iterator[Tmux]:
    """A real one."""
    opened = Tmux(80, 24)
    yield opened
    opened.close()


def events(cast: Path) -> list[Any]:
    """All lines of a recording but an unfinished one."""
    return [json.loads(line) for line in cast.read_text().split("\n")[:-1]]


def played(cast: Path) -> pyte.Screen:
    """The screen at the end."""
    header, *rest = events(cast)
    screen = pyte.Screen(header["width"], header["height"])
    stream = pyte.Stream(screen)
    for _, code, data in rest:
        if code == "r":
            columns, lines = map(int, data.split("x"))
            screen.resize(lines, columns)
        else:
            stream.feed(data)
    return screen


def text(screen: pyte.Screen) -> str:
    return "\n".join(line.rstrip() for line in screen.display).rstrip("\n")


async def test_a_player_shows_what_the_terminal_showed(
    vm: Vm, terminal: Tmux, tmp_path: Path
) -> None:
    cast, shown = tmp_path / "a session.cast", terminal
    shown.run(*BLOCKDECK, vm.monitor, "--record", cast)
    await shown.sees("disk0", "disk1", "büro", "connected")
    shown.press("Down")
    shown.press("?")
    await shown.sees("Everywhere")
    await until(lambda: same(cast, shown.screen))
    shown.resize(110, 35)
    await until(lambda: any(code == "r" and data == "110x35" for _, code, data in events(cast)[1:]))
    await until(lambda: same(cast, shown.screen))
    shown.press("Escape")
    await shown.sees("disk1", "ready")
    await until(lambda: same(cast, shown.screen))
    shown.press("q")
    assert await shown.exit_status() == 0
    # Nothing stays of it on the player's terminal either: it is given back at the end.
    _, *rest = events(cast)
    assert "\x1b[?1049l" in "".join(data for _, code, data in rest if code == "o")


def same(cast: Path, shown: str) -> bool:
    """Whether the recording leads to what is shown, clock and counters aside."""
    lines = text(played(cast)).splitlines()
    return lines == [line.rstrip() for line in shown.rstrip("\n").splitlines()]


async def test_the_header_and_the_timing(vm: Vm, line: LineOpener, tmp_path: Path) -> None:
    cast = tmp_path / "a.cast"
    there = line(vm.monitor, "--record", cast, size=(100, 30))
    await there.shows("disk1")
    there.press(b"3")
    await there.quiet()
    there.press(b"q")
    assert await there.ended(within=20) == 0
    header, *rest = events(cast)
    assert (header["version"], header["width"], header["height"]) == (2, 100, 30)
    assert header["env"]["TERM"] == "xterm-256color"
    assert header["timestamp"] > 1_600_000_000
    times = [seconds for seconds, _, _ in rest]
    assert times == sorted(times)
    assert times[0] == 0
    # The look at the events took its time.
    assert times[-1] >= 1.0
    sent = "".join(data for _, code, data in rest if code == "o").encode()
    # The terminal's end of a line.
    assert bytes(there.sent).startswith(sent.replace(b"\n", b"\r\n"))
    assert stat.S_IMODE(cast.stat().st_mode) == 0o600


async def test_a_recording_of_one_that_was_killed_can_be_played(
    vm: Vm, line: LineOpener, tmp_path: Path
) -> None:
    cast = tmp_path / "a.cast"
    there = line(vm.monitor, "--record", cast)
    await there.shows("disk1")
    await until(lambda: "disk1" in cast.read_text())
    there.process.kill()
    await there.ended(within=20)
    assert "disk1" in text(played(cast))


async def test_what_is_there_is_not_replaced(vm: Vm, line: LineOpener, tmp_path: Path) -> None:
    cast = tmp_path / "a.cast"
    cast.write_text("mine")
    there = line(vm.monitor, "--record", cast)
    assert await there.ended(within=20) == 1
    await there.shows("it is left as it is")
    assert cast.read_text() == "mine"
    nowhere = line(vm.monitor, "--record", tmp_path / "no" / "a.cast")
    assert await nowhere.ended(within=20) == 1
    await nowhere.shows("No such file or directory")


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system takes root")
async def test_a_full_disk_ends_the_recording_and_nothing_else(
    vm: Vm, line: LineOpener, tmp_path: Path
) -> None:
    with small_filesystem(tmp_path / "small", 8192) as small:
        there = line(vm.monitor, "--record", small / "a.cast")
        await there.shows("disk1")
        for key in (b"2", b"3", b"4", b"1"):
            there.press(key)
            await there.quiet()
        there.press(b"q")
        assert await there.ended(within=20) == 0
        await there.shows("a.cast is not whole: No space left on device")
        assert (small / "a.cast").stat().st_size > 4000
