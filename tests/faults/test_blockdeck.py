"""BlockDeck itself is killed, or loses its terminal, in the middle of the backup it started."""

import json
from pathlib import Path

import pytest

from tests.faults.scene import WAYS, graph, is_clean
from tests.guest import booted, guest_disk, large_guest_disk
from tests.line.conftest import LineOpener
from tests.line.terminal import HANG_UP_SECONDS, Line
from tests.qemu import QemuStarter, Vm
from tests.waiting import until, until_answered
from tests.worker.disks import MIB
from tests.worker.test_care import GIB, SLOW, slow_backup
from tests.worker.test_rescue import goes_on
from tests.worker.watching import J
from tui.backup.way import Way
from tui.records.kept_care import KeptCare
from tui.vm.care import Wishes

pytestmark = pytest.mark.slow

PASTE = b"\x1b[200~%s\x1b[201~"
HOME, END, DOWN, CLEAR, TAB, F2 = b"\x1b[H", b"\x1b[F", b"\x1b[B", b"\x15", b"\t", b"\x1bOQ"


async def start_backup(there: Line, vm: Vm, target: Path, way: Way) -> str:
    """Fill in the form by keys and start a backup that goes on until it is let run; its id."""
    await there.shows("ready")
    there.press(b"b")
    await there.shows("Ready. F2 starts the backup.")
    # Typed, the form judges it with each letter, and that it does elsewhere.
    there.press(END + CLEAR + PASTE % str(target).encode())
    await there.shows(target.name)
    # Format and mode lie between; behind lie compress and the way.
    there.press(TAB * 3 + END + CLEAR + b"64K")
    there.press(TAB * 2 + b"\r" + HOME + (DOWN if way is Way.BLOCKDEV else b"") + b"\r")
    await there.quiet()
    there.press(F2)

    async def jobs() -> list[str]:
        return [job["device"] for job in await vm.qmp("query-block-jobs")]

    (job_id,) = await until_answered(jobs)
    return str(job_id)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("end", ["kill -9", "SIGHUP"])
async def test_the_backup_goes_on_and_the_next_blockdeck_sees_to_its_end(
    qemu: QemuStarter, line: LineOpener, tmp_path: Path, own_home: Path, end: str, way: Way
) -> None:
    vm = await qemu(*booted(guest_disk(tmp_path / "disk.raw", 8 * MIB)))
    await vm.qmp("cont")
    before = await graph(vm)
    first = line(vm.monitor, size=(120, 40))
    job_id = await start_backup(first, vm, tmp_path / "target.qcow2", way)

    if end == "SIGHUP":
        first.hang_up()
        await first.ended(HANG_UP_SECONDS)
    else:
        first.process.kill()
        await first.ended(HANG_UP_SECONDS)
    [job] = await vm.qmp("query-block-jobs")
    by_nodes = any("blockdeck-to-" in name for _, name in await graph(vm))
    assert by_nodes is (way is Way.BLOCKDEV)
    assert (job["device"], job["paused"], job["speed"]) == (job_id, False, 64 << 10)
    await goes_on(vm)

    second = line(vm.monitor, size=(120, 40))
    await second.shows("1 job running")
    second.press(b"2")
    await second.shows(job_id)
    await second.shows("backup, started by us")
    await vm.qmp("block-job-set-speed", device=job_id, speed=0)
    await second.shows("succeeded: all of it was copied")
    await is_clean(vm, before)
    await goes_on(vm)
    (found,) = list(own_home.rglob("history.jsonl"))
    (outcome,) = [json.loads(text) for text in found.read_text().splitlines()]
    assert (outcome["job"], outcome["outcome"]) == (job_id, "succeeded")
    second.press(b"q")
    assert await second.ended(20) == 0
    await until(lambda: b"Traceback" not in second.sent)


@pytest.mark.parametrize("wished", [True, False], ids=["easy", "no wish"])
async def test_a_backup_that_was_held_back_is_no_slower_for_that_its_blockdeck_was_killed(
    qemu: QemuStarter, line: LineOpener, tmp_path: Path, own_home: Path, wished: bool
) -> None:
    disk = large_guest_disk(tmp_path / "disk.raw", GIB, 768 * MIB)
    vm = await qemu(*booted(disk), *SLOW)
    await vm.qmp("cont")
    first = line(vm.monitor, size=(120, 40))
    await first.shows("ready")
    await slow_backup(vm)
    first.press(b"2")
    await first.shows(J)
    first.press(b"e")
    await first.shows("Easy on the guest")
    first.press(b"1 ms\r")
    await first.shows("keeps writes under")

    async def held() -> int:
        return int((await vm.qmp("query-block-jobs"))[0]["speed"])

    await until_answered(held)
    first.process.kill()
    await first.ended(HANG_UP_SECONDS)
    slow = await held()
    assert slow > 0
    if not wished:
        (path,) = own_home.rglob("care/*.json")
        kept = KeptCare.model_validate_json(path.read_bytes())
        path.write_text(kept.model_copy(update={"wishes": Wishes()}).model_dump_json())

    second = line(vm.monitor, size=(120, 40))
    await second.shows("1 job running")
    second.press(b"2")
    if wished:
        await second.shows("1.0 ms: writes take")
    second.press(b"i")
    await second.shows("a BlockDeck that is gone held it at")
    if not wished:

        async def free() -> bool:
            return await held() == 0

        await until_answered(free)
