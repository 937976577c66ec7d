"""`blockdeck leftovers`."""

import json

from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, Vm
from tests.waiting import until_answered
from tests.worker.test_blockdev import in_state, nodes
from tui.paths import state_directory
from tui.records.audit import AUDIT_FILE


async def test_nothing_left_over(qemu: QemuStarter) -> None:
    vm = await qemu()
    done = await blockdeck("leftovers", vm.monitor)
    assert (done.status, done.out, done.err) == (0, "Nothing is left over.\n", "")
    assert (await blockdeck("leftovers", vm.monitor, "--json")).json["leftovers"] == []


async def test_leftovers_are_told_with_their_remedies_and_not_touched(vm: Vm) -> None:
    options = {"driver": "file", "filename": "/no/such/directory/t", "size": 512}
    await vm.qmp("blockdev-create", job_id="making", options=options)
    await until_answered(in_state(vm, "concluded"))
    for words in ([], ["--read-only"]):
        done = await blockdeck("leftovers", vm.monitor, *words)
        assert (done.status, done.err) == (0, "")
        for told in (
            "concluded job making (made by another client)",
            "cleaning  job-dismiss id=making: QEMU forgets the job.",
            "node evil (made by another client)",
            "cleaning  blockdev-del node-name=evil",
            "lost      Nothing on the disk",
        ):
            assert told in done.out
    report = (await blockdeck("leftovers", vm.monitor, "--json")).json
    assert report["vm"]["name"] == "testvm"
    job, node = report["leftovers"]
    assert (job["kind"], job["name"], job["ours"]) == ("concluded job", "making", False)
    assert job["command"] == {"execute": "job-dismiss", "arguments": {"id": "making"}}
    assert (node["name"], node["obstacle"], node["after"]) == ("evil", None, [])
    assert [j["id"] for j in await vm.qmp("query-jobs")] == ["making"]


async def test_the_hostile_name_of_a_node_s_file_is_escaped(vm: Vm) -> None:
    done = await blockdeck("leftovers", vm.monitor)
    assert "\x1b" not in done.out
    assert "\\x1b[31m[red]" in done.out


async def test_those_named_are_cleaned_up_until_one_fails(vm: Vm) -> None:
    await vm.qmp("blockdev-add", driver="null-co", node_name="spare")
    words = ("leftovers", vm.monitor, "--clean", "spare", "--clean", "nothing", "--clean", "evil")
    done = await blockdeck(*words, "--read-only")
    assert (done.status, done.out) == (1, "")
    assert "spare is not cleaned up" in done.err
    done = await blockdeck(*words)
    assert (done.status, done.out) == (1, "node spare: cleaned up\n")
    assert "nothing is no leftover" in done.err
    assert "spare" not in await nodes(vm)
    assert "evil" in await nodes(vm)
    # What was cleaned up is written down.
    entries = (state_directory() / AUDIT_FILE).read_text().splitlines()
    assert {json.loads(line)["command"] for line in entries} == {"blockdev-del"}


async def test_cleaning_gives_no_json(vm: Vm) -> None:
    done = await blockdeck("leftovers", vm.monitor, "--json", "--clean", "evil")
    assert done.status == 2
    assert "evil" in await nodes(vm)
