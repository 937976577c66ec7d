"""`blockdeck bitmaps`."""

import json

from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, Vm
from tests.ui.test_bitmaps_screen import of_node
from tui.chain.manifest import bitmap_name
from tui.paths import state_directory
from tui.records.audit import AUDIT_FILE

OURS = bitmap_name("0123abcd", 3)


async def node_of(vm: Vm) -> str:
    """The node that QEMU named itself."""
    (disk,) = (d for d in await vm.qmp("query-block") if d["device"] == "drive0")
    return str(disk["inserted"]["node-name"])


async def test_none(qemu: QemuStarter) -> None:
    vm = await qemu()
    done = await blockdeck("bitmaps", vm.monitor)
    assert (done.status, done.out, done.err) == (0, "No node has a dirty bitmap.\n", "")
    assert (await blockdeck("bitmaps", vm.monitor, "--json")).json["bitmaps"] == []


async def test_every_bitmap_is_listed(vm: Vm) -> None:
    node = await node_of(vm)
    await vm.qmp("block-dirty-bitmap-add", node="evil", name=OURS)
    await vm.write("evil", 0, 65536, 1)
    done = await blockdeck("bitmaps", vm.monitor)
    assert (done.status, done.err) == (0, "")
    for told in ("drive0", "daily", "recording", "image", OURS, "64.0 KiB", "0123abcd #3"):
        assert told in done.out
    report = (await blockdeck("bitmaps", vm.monitor, "--json")).json
    assert report["vm"]["name"] == "testvm"
    daily, ours = report["bitmaps"]
    assert (daily["node"], daily["disk"], daily["name"]) == (node, "drive0", "daily")
    assert (daily["persistent"], daily["chain"], daily["point"]) == (True, None, None)
    assert (ours["node"], ours["count"], ours["chain"], ours["point"]) == (
        *("evil", 65536),
        *("0123abcd", 3),
    )


async def test_nothing_is_done_without_a_yes_but_all_is_told(vm: Vm) -> None:
    await vm.qmp("block-dirty-bitmap-add", node="evil", name=OURS)
    words = ("bitmaps", vm.monitor, "remove", "evil", OURS)
    done = await blockdeck(*words)
    assert done.status == 1
    assert "BREAKS CHAIN 0123abcd" in done.out
    assert "nothing was done" in done.err
    assert "--yes" in done.err
    done = await blockdeck(*words, "--yes", "--read-only")
    assert done.status == 1
    assert OURS in await of_node(vm, "evil")
    done = await blockdeck(*words, "--yes")
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith(f"remove {OURS} on evil: done\n")
    assert await of_node(vm, "evil") == {}
    # What was done is written down.
    entries = (state_directory() / AUDIT_FILE).read_text().splitlines()
    assert {json.loads(line)["command"] for line in entries} == {"block-dirty-bitmap-remove"}


async def test_each_act(vm: Vm) -> None:
    node = await node_of(vm)

    async def do(*words: str) -> None:
        done = await blockdeck("bitmaps", vm.monitor, *words, "--yes")
        assert (done.status, done.err) == (0, ""), done

    # A disk's name stands for its node.
    await do("add", "drive0", "new", "--granularity", "4KiB", "--persistent", "--disabled")
    made = (await of_node(vm, node))["new"]
    assert (made["granularity"], made["persistent"], made["recording"]) == (4096, True, False)
    await do("enable", "drive0", "new")
    await vm.write("drive0", 0, 65536, 1)
    await do("disable", node, "new")
    await do("clear", "drive0", "daily")
    await do("merge", "drive0", "daily", "new")
    after = await of_node(vm, node)
    assert (after["new"]["recording"], after["daily"]["count"]) == (False, 65536)
    await do("add", "drive0", "third")
    await do("merge", "drive0", "third", "new", f"{node}:daily")
    assert (await of_node(vm, node))["third"]["count"] == 65536
    await do("remove", "drive0", "daily")
    assert set(await of_node(vm, node)) == {"new", "third"}


async def test_what_cannot_be_done_says_why(vm: Vm) -> None:
    for words, status, told in (
        (("add", "drive0", "daily"), 1, "the node has a bitmap of that name"),
        (("add", "drive0", "new", "--granularity", "1000"), 1, "a power of two"),
        (("add", "drive0", "new", "--granularity", "much"), 2, "is no size"),
        (("add", "drive0", OURS), 1, "the chains' own"),
        (("add", "evil", "new", "--persistent"), 1, "only a qcow2 image keeps bitmaps"),
        (("add", "nothing", "new"), 1, "there is no node and no disk nothing"),
        (("add", "cd0", "new"), 1, "there is no node and no disk cd0"),
        (("clear", "drive0", "none"), 1, "there is no such bitmap"),
        (("clear", "drive0", "daily", "--persistent"), 2, "are for add"),
        (("clear", "drive0", "daily", "other"), 2, "takes one bitmap"),
        (("merge", "drive0", "daily"), 1, "choose what to merge"),
        (("clear", "drive0"), 2, "name the bitmap"),
        (("clear",), 2, "takes a node and a bitmap"),
        (("destroy", "drive0", "daily"), 2, "'destroy'"),
    ):
        done = await blockdeck("bitmaps", vm.monitor, *words, "--yes")
        assert (done.status, done.out) == (status, ""), (words, done)
        assert told in done.err, (words, done)
    assert set(await of_node(vm, await node_of(vm))) == {"daily"}
