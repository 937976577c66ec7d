"""`blockdeck agent`."""

import json
from pathlib import Path

from tests.agent.fake import FREEZE, STATUS, SYNC, THAW, fake_agent
from tests.cli.running import blockdeck
from tests.qemu import Vm
from tui.paths import state_directory
from tui.records.audit import AUDIT_FILE


async def test_how_it_stands_is_asked_and_nothing_done(vm: Vm, tmp_path: Path) -> None:
    await vm.qmp("cont")
    async with fake_agent(tmp_path) as agent:
        done = await blockdeck("agent", vm.monitor, "--agent", agent.path)
        assert (done.status, done.err) == (0, "")
        assert "file systems are thawed" in done.out
        agent.frozen = True
        report = (await blockdeck("agent", vm.monitor, "--agent", agent.path, "--json")).json
        assert (report["socket"], report["status"]) == (str(agent.path), "frozen")
        assert report["vm"]["name"] == "testvm"
        assert set(agent.begun) == {SYNC, STATUS}
        assert agent.frozen


async def test_a_guest_that_was_left_frozen_is_thawed(vm: Vm, tmp_path: Path) -> None:
    await vm.qmp("cont")
    async with fake_agent(tmp_path) as agent:
        agent.frozen = True
        words = ("agent", vm.monitor, "--agent", agent.path, "--thaw")
        done = await blockdeck(*words, "--read-only")
        assert done.status == 1
        assert agent.frozen
        done = await blockdeck(*words)
        assert (done.status, done.out) == (0, "Thawed: 2 file systems were frozen.\n")
        assert not agent.frozen
        assert (await blockdeck(*words)).out == "Nothing was frozen.\n"
        assert FREEZE not in agent.begun
    entries = (state_directory() / AUDIT_FILE).read_text().splitlines()
    assert {json.loads(line)["command"] for line in entries} == {THAW}


async def test_the_socket_of_the_settings_is_taken_unless_another_is_given(
    vm: Vm, tmp_path: Path, own_home: Path
) -> None:
    await vm.qmp("cont")
    file = own_home / "config" / "blockdeck" / "config.toml"
    file.parent.mkdir(parents=True)
    async with fake_agent(tmp_path) as agent:
        file.write_text(f"[vms.web]\nmonitor = '{vm.monitor}'\nagent = '{agent.path}'\n")
        agent.frozen = True
        report = (await blockdeck("agent", "web", "--json")).json
        assert (report["socket"], report["status"]) == (str(agent.path), "frozen")
        done = await blockdeck("agent", vm.monitor, "--thaw")
        assert (done.status, done.out) == (0, "Thawed: 2 file systems were frozen.\n")
        done = await blockdeck("agent", "web", "--agent", tmp_path / "none")
        assert (done.status, done.out) == (1, "")
        assert "none: No such file" in done.err


async def test_why_it_cannot_be_asked(vm: Vm, tmp_path: Path) -> None:
    async with fake_agent(tmp_path) as agent:
        told = ("--agent", agent.path)
        for words, why in (
            (told, "the guest is prelaunch: its agent cannot answer"),
            ((*told, "--thaw"), "the guest is prelaunch: its agent cannot answer"),
            ((), "no socket for a guest agent"),
        ):
            done = await blockdeck("agent", vm.monitor, *words)
            assert (done.status, done.out) == (1, "")
            assert why in done.err
        assert agent.begun == []
        await vm.qmp("cont")
        done = await blockdeck("agent", vm.monitor, "--agent", tmp_path / "none")
        assert (done.status, done.out) == (1, "")
        assert "No such file" in done.err
        assert (await blockdeck("agent", vm.monitor, "--json", "--thaw")).status == 2
