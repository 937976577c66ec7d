"""qemu-img is run to its end or ended, and what it says is told in its own words."""

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from tests.images.chains import MIB
from tests.waiting import until
from tui.images import checksum
from tui.images.commands import ImageFormat, check, convert
from tui.images.errors import ImageError, NoProgram
from tui.images.program import run


async def test_progress_rises_to_its_end_and_is_no_part_of_what_is_said(tmp_path: Path) -> None:
    image = tmp_path / "a.raw"
    image.write_bytes(os.urandom(8 * MIB))
    seen: list[float] = []
    command = convert(image, tmp_path / "b", to=ImageFormat.QCOW2, image_format="raw")
    answer = await run(command, seen.append)
    assert (answer.status, answer.out.strip(), answer.err) == (0, "", "")
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert len(seen) > 5


async def test_an_error_is_told_in_its_words_and_escaped(tmp_path: Path) -> None:
    answer = await run(check(tmp_path / "no\x1b[31m"))
    assert answer.status == 1
    assert "No such file or directory" in answer.complaint
    assert "\\x1b[31m" in answer.complaint
    assert "\x1b" not in answer.complaint


async def test_without_qemu_img_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoProgram, match="qemu-img is not on the PATH"):
        await run(check(tmp_path))


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A program that waits for ever, as qemu-img does on a storage that does not answer."""
    os.mkfifo(tmp_path / "never")
    return tmp_path / "never"


def cat() -> str:
    found = shutil.which("cat")
    assert found
    return found


async def test_what_does_nothing_is_given_up(blocked: Path) -> None:
    with pytest.raises(ImageError, match="did nothing for 1 s and was ended"):
        await run((cat(), str(blocked)), stalled=1.0)
    assert not _running(blocked)


async def test_cancelled_it_is_ended_before_the_cancellation_goes_on(blocked: Path) -> None:
    running = asyncio.create_task(run((cat(), str(blocked))))
    await until(lambda: _running(blocked))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not _running(blocked)


def _running(argument: Path) -> bool:
    wanted = os.fsencode(argument)
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (directory / "cmdline").read_bytes().split(b"\0"):
                return "State:\tZ" not in (directory / "status").read_text()
        except OSError:
            continue
    return False


async def test_a_copy_is_the_same_and_keeps_its_holes(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    with source.open("wb") as file:
        file.truncate(64 * MIB)
        file.seek(20 * MIB)
        file.write(os.urandom(MIB))
    seen: list[int] = []
    await checksum.copy(source, target, seen.append)
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_blocks * 512 < 2 * MIB
    await until(lambda: seen[-1] == 64 * MIB)
    with pytest.raises(FileExistsError):
        await checksum.copy(source, target, seen.append)


async def test_something_short_is_done_before_a_cancellation_goes_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")

    def work() -> None:
        (tmp_path / "gate").read_bytes()
        (tmp_path / "done").touch()

    running = asyncio.create_task(checksum.to_its_end(work))
    await asyncio.sleep(0)
    for _ in range(3):
        running.cancel()
        await asyncio.sleep(0)
    assert not running.done()
    await asyncio.to_thread((tmp_path / "gate").write_bytes, b"go")
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (tmp_path / "done").exists()
