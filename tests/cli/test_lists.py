"""`blockdeck devices` and `blockdeck jobs`."""

from pathlib import Path

from tests.cli.conftest import MiB
from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, Vm


async def test_every_disk_is_listed_with_the_name_to_use(vm: Vm) -> None:
    done = await blockdeck("devices", vm.monitor)
    assert (done.status, done.err) == (0, "")
    rows = {line.split()[0]: line for line in done.out.splitlines()}
    assert "64.0 MiB" in rows["drive0"]
    assert "daily" in rows["drive0"]
    assert "ready" in rows["drive0"]
    assert "no medium" in rows["(cd0)"]
    assert "detached" in rows["evil"]


async def test_the_file_is_named_also_where_qemu_gives_nodes_inside_nodes(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    image = tmp_path / "part.raw"
    image.write_bytes(b"x" * MiB)
    vm = await qemu("-drive", f"if=none,id=part,format=raw,size=65536,file={image}")
    assert (await vm.qmp("query-block"))[0]["inserted"]["file"].startswith("json:")
    done = await blockdeck("devices", vm.monitor, env={"COLUMNS": "200"})
    assert str(image) in done.out
    assert "json:" not in done.out


async def test_a_name_is_no_escape_sequence_and_no_markup(vm: Vm) -> None:
    for words in (["devices", vm.monitor], ["devices", vm.monitor, "--json"]):
        done = await blockdeck(*words)
        assert "\x1b" not in done.out
        assert "\u202e" not in done.out
        assert "[31m[red]" in done.out


async def test_what_the_locale_cannot_show_is_escaped(vm: Vm) -> None:
    done = await blockdeck("devices", vm.monitor, env={"LC_ALL": "C"})
    assert done.status == 0
    assert done.out.isascii()


async def test_devices_as_json(vm: Vm) -> None:
    report = (await blockdeck("devices", vm.monitor, "--json")).json
    assert report["vm"]["name"] == "testvm"
    assert report["vm"]["monitor"] == str(vm.monitor)
    disks = {disk["use"] or disk["device"]: disk for disk in report["devices"]}
    drive = disks["drive0"]
    assert drive["obstacle"] is None
    assert drive["inserted"]["virtual-size"] == 64 << 20
    assert drive["inserted"]["bitmaps"][0]["name"] == "daily"
    assert drive["inserted"]["chain"][0]["format"] == "qcow2"
    assert disks["cd0"]["inserted"] is None
    assert disks["cd0"]["use"] is None
    assert disks["cd0"]["obstacle"] == "no medium"
    assert disks["evil"]["device"] == ""
    assert disks["evil"]["attached"] is False


async def test_a_vm_without_disks_and_jobs(vm: Vm) -> None:
    done = await blockdeck("jobs", vm.monitor)
    assert (done.status, done.out) == (0, "QEMU knows of no block jobs.\n")
    assert (await blockdeck("jobs", vm.monitor, "--json")).json["jobs"] == []


async def test_jobs_of_others_also_when_they_have_ended(vm: Vm, tmp_path: Path) -> None:
    await vm.qmp(
        "drive-backup",
        job_id="theirs",
        device="drive0",
        sync="full",
        speed=65536,
        target=str(tmp_path / "out.qcow2"),
        format="qcow2",
        auto_dismiss=False,
    )
    (job,) = (await blockdeck("jobs", vm.monitor, "--json")).json["jobs"]
    assert (job["id"], job["type"], job["ours"]) == ("theirs", "backup", False)
    assert (job["device"], job["outcome"], job["speed"]) == ("drive0", None, 65536)
    await vm.qmp("block-job-cancel", device="theirs", force=True)
    done = await blockdeck("jobs", vm.monitor)
    assert "theirs" in done.out
    assert "cancelled" in done.out
