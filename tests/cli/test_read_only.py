"""`--read-only`: the screenless commands look and change nothing."""

from pathlib import Path

from tests.cli.running import blockdeck
from tests.qemu import Vm
from tui.vm.job import OUR_JOB_PREFIX

OVER = f"{OUR_JOB_PREFIX}over"


async def test_a_backup_is_refused_with_what_to_do(vm: Vm, tmp_path: Path, own_home: Path) -> None:
    target = tmp_path / "out.qcow2"
    words = ["backup", vm.monitor, "device=drive0", f"target={target}", "--read-only"]
    for way in ("drive-backup", "blockdev-backup"):
        done = await blockdeck(*words, "--way", way)
        assert (done.status, done.out) == (1, "")
        first, second = done.err.splitlines()[-2:]
        assert first == f"blockdeck: BlockDeck is read-only: {way} was not sent"
        assert second == "Leave out --read-only to let it be sent."
    assert not target.exists()
    assert await vm.qmp("query-jobs") == []
    assert not (own_home / "state/blockdeck/audit.jsonl").exists()


async def test_listing_and_judging_leave_all_as_it_is(
    vm: Vm, tmp_path: Path, own_home: Path
) -> None:
    # Without --read-only the first to come would dismiss it.
    arguments = {"device": "drive0", "job-id": OVER, "sync": "full", "auto-dismiss": False}
    await vm.qmp("drive-backup", {**arguments, "target": str(tmp_path / "over.qcow2")})
    listed = (await blockdeck("jobs", vm.monitor, "--json", "--read-only")).json["jobs"]
    assert [job["id"] for job in listed] == [OVER]
    assert (await blockdeck("devices", vm.monitor, "--read-only")).status == 0
    words = ["device=drive0", "sync=full", f"target={tmp_path}/b.qcow2"]
    judged = await blockdeck("check", vm.monitor, *words, "--json", "--read-only")
    assert judged.json["command"]["execute"] == "drive-backup"
    batch = await blockdeck("check", vm.monitor, "--batch", "--read-only", given="{}\n")
    assert batch.json["verdict"] == "reject"
    assert [job["id"] for job in await vm.qmp("query-jobs")] == [OVER]

    assert (await blockdeck("devices", vm.monitor)).status == 0
    assert await vm.qmp("query-jobs") == []
    audit = (own_home / "state/blockdeck/audit.jsonl").read_text()
    assert '"command": "job-dismiss"' in audit
