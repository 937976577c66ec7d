"""`blockdeck history`: what became of the backups, without a screen."""

from pathlib import Path

from tests.cli.running import blockdeck
from tests.qemu import Vm


async def test_reports_are_listed_and_read(vm: Vm, tmp_path: Path, own_home: Path) -> None:
    empty = await blockdeck("history")
    assert (empty.status, empty.out) == (0, "No backup has ended yet.\n")
    target = tmp_path / "out.qcow2"
    done = await blockdeck("backup", vm.monitor, "device=drive0", f"target={target}")
    job = done.out.splitlines()[0].removeprefix("started: ")
    refused = await blockdeck(
        *("backup", vm.monitor, "device=drive0", f"target={tmp_path}/2.qcow2", "speed=64KiB"),
        "--no-wait",
    )
    assert refused.status == 0, refused.err

    listed = await blockdeck("history")
    (line,) = (line for line in listed.out.splitlines() if job in line)
    for words in ("testvm", "drive0", "succeeded", "64.0 MiB", str(target)):
        assert words in line
    whole = await blockdeck("history", job)
    assert "outcome    SUCCEEDED" in whole.out
    assert f"target     {target}" in whole.out
    (report,) = (await blockdeck("history", "--json")).lines
    assert (report["job"], report["outcome"]) == (job, "succeeded")
    by_file = await blockdeck("history", Path(report["file"]).name, "--json")
    assert by_file.json["job"] == job


async def test_a_report_that_is_not_there_is_said(own_home: Path) -> None:
    done = await blockdeck("history", "none")
    assert done.status == 1
    assert "there is no report of none in" in done.err
