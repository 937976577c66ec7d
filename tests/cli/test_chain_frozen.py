"""`blockdeck chain --freeze`: the guest is at rest while a point begins, and never longer."""

import json
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.fake import FREEZE, THAW, FakeAgent, fake_agent
from tests.chain.disks import STEP, MirroredDisk
from tests.chain.test_points import bitmaps
from tests.cli.running import blockdeck, finish, start
from tests.faults.scene import graph
from tests.qemu import QemuStarter, Vm
from tests.waiting import until
from tests.worker.test_blockdev import nodes


@pytest.fixture
def disk(tmp_path: Path) -> MirroredDisk:
    """A disk whose image keeps bitmaps."""
    return MirroredDisk.make(tmp_path, "n0", "qcow2")


@pytest.fixture
async def standing(qemu: QemuStarter, disk: MirroredDisk) -> Vm:
    """A VM with it, which has not been let run yet."""
    return await qemu(*disk.options)


@pytest.fixture
async def vm(standing: Vm) -> Vm:
    """The same, running."""
    await standing.qmp("cont")
    return standing


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where its chains are kept."""
    directory = tmp_path / "backups"
    directory.mkdir()
    return directory


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[FakeAgent]:
    """The agent of its guest."""
    async with fake_agent(tmp_path) as answering:
        yield answering


def begun_at(vm: Vm) -> list[float]:
    """When jobs of backups were made, as QEMU's clock has it."""
    return [
        event["timestamp"]["seconds"] + event["timestamp"]["microseconds"] / 1e6
        for event in vm.events
        if event["event"] == "JOB_STATUS_CHANGE"
        and event["data"]["status"] == "created"
        and event["data"]["id"].startswith("blockdeck-")
    ]


async def test_a_point_begins_while_the_guest_is_frozen(
    vm: Vm, disk: MirroredDisk, place: Path, agent: FakeAgent
) -> None:
    for words in (("start",), ("next",)):
        await disk.write(vm, 0, STEP, 7)
        vm.events.clear()
        done = await blockdeck(
            *("chain", *words, vm.monitor, place, "--agent", agent.path, "--json")
        )
        assert (done.status, done.err) == (0, "")
        point = done.lines[-1]["points"][-1]
        assert not agent.frozen
        assert 0 < point["frozen_seconds"] < 20
        assert point["arguments"]["freeze"]
        assert point["arguments"]["agent"] == str(agent.path)
        await vm.qmp("query-status")
        backups = {job for job in begun_at(vm) if job > agent.done[FREEZE] - 1}
        # The last job that was made is the backup; those that make its target come before.
        assert agent.done[FREEZE] <= max(backups) <= agent.done[THAW]
    assert agent.calls.count(FREEZE) == agent.calls.count(THAW) == 2


async def test_what_cannot_be_frozen_leaves_nothing_behind(
    standing: Vm, place: Path, agent: FakeAgent, tmp_path: Path
) -> None:
    vm, before = standing, await nodes(standing)
    words = ("chain", "start", vm.monitor, place)
    for more, runs, why in (
        (("--agent", agent.path), False, "the guest is prelaunch: its agent cannot answer"),
        (("--freeze",), True, "no socket for a guest agent"),
        (("--agent", tmp_path / "none"), True, "No such file"),
        (("--agent", agent.path), True, "has been disabled"),
    ):
        agent.refuses = {FREEZE}
        if runs:
            await vm.qmp("cont")
        done = await blockdeck(*words, *more)
        assert done.status == 1
        assert why in done.err
        assert list(place.iterdir()) == []
        assert await nodes(vm) == before
        named = await vm.qmp("query-named-block-nodes", flat=True)
        assert [n for n in named if n.get("dirty-bitmaps")] == []
        assert await vm.qmp("query-jobs") == []
    assert not agent.frozen


async def test_a_guest_that_was_thawed_too_soon_is_told_and_the_point_goes_on(
    vm: Vm, place: Path, agent: FakeAgent
) -> None:
    # As the agent of Windows does by itself.
    agent.thaws_by_itself = True
    done = await blockdeck("chain", "start", vm.monitor, place, "--agent", agent.path)
    assert done.status == 1
    assert "thawed early, and not by us" in done.err
    assert "The backup goes on all the same" in done.err
    assert "the point is as one of a guest that was not frozen" in done.err
    (manifest,) = place.glob("*.chain.json")
    (point,) = json.loads(manifest.read_text())["points"]
    assert (point["state"], point["frozen_seconds"]) == ("complete", None)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_who_interrupts_a_freeze_leaves_nothing_behind(
    vm: Vm, place: Path, agent: FakeAgent, number: signal.Signals
) -> None:
    before = await graph(vm)
    agent.takes[FREEZE] = 3
    process = await start("chain", "start", vm.monitor, place, "--agent", agent.path)
    await until(lambda: FREEZE in agent.begun)
    process.send_signal(number)
    done = await finish(process)
    assert (done.status, done.out) == (130, "")
    assert done.err == "blockdeck: interrupted\nNo backup was begun.\n"
    assert not agent.frozen
    assert THAW in agent.calls
    assert list(place.iterdir()) == []
    assert await graph(vm) == before
    assert await bitmaps(vm) == {"n0": []}
    assert await vm.qmp("query-jobs") == []


async def test_how_long_the_guest_was_frozen_is_told_at_once(
    vm: Vm, place: Path, agent: FakeAgent
) -> None:
    done = await blockdeck("chain", "start", vm.monitor, place, "--agent", agent.path)
    assert done.status == 0
    assert re.fullmatch(r"the guest was frozen for \d+\.\d s\n", done.err)


async def test_where_it_is_only_tried_the_point_goes_on_without_a_freeze(
    vm: Vm, place: Path, agent: FakeAgent
) -> None:
    words = ("chain", "start", vm.monitor, place, "--try-freeze")
    none = await blockdeck(*words)
    assert none.status == 0
    assert "no socket for a guest agent" in none.err
    assert "Going on without freezing the guest." in none.err
    done = await blockdeck(*words, "--agent", agent.path)
    assert done.status == 0
    assert "the guest was frozen for" in done.err
    assert agent.calls.count(FREEZE) == agent.calls.count(THAW) == 1
    listed = await blockdeck("chain", "list", place)
    rows = [line for line in listed.out.splitlines() if " full " in line]
    frozen = [re.search(r"\d\d:\d\d:\d\d +(\d+\.\d s|-) ", row) for row in rows]
    assert sorted(found[1] == "-" for found in frozen if found) == [False, True]


async def test_the_agent_of_the_settings_is_taken(
    vm: Vm, place: Path, agent: FakeAgent, own_home: Path
) -> None:
    file = own_home / "config/blockdeck/config.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'[vms.web]\nmonitor = "{vm.monitor}"\nagent = "{agent.path}"\n')
    done = await blockdeck("chain", "start", "web", place, "--freeze")
    assert done.status == 0, done.err
    assert agent.calls.count(FREEZE) == agent.calls.count(THAW) == 1
