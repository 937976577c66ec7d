"""A worker freezes the guest by its agent, shows it meanwhile, and writes it down."""

import json
from pathlib import Path

import pytest

from tests.agent.fake import FREEZE, SYNC, THAW, fake_agent
from tests.qemu import PC, QemuStarter
from tests.worker.disks import null
from tests.worker.watching import running, until, worker_of
from tui.agent import AgentError, AgentSilent, FreezeLapsed, NoAgent
from tui.qmp.errors import ReadOnly
from tui.records.audit import AUDIT_FILE, AuditLog
from tui.vm.snapshot import Link

PORT = "org.qemu.guest_agent.0"


def with_agent_port(socket: Path | str) -> tuple[str, ...]:
    """The options of a VM with a port for an agent; no guest opens it."""
    return (
        *PC,
        *("-chardev", f"socket,id=qga0,path={socket},server=on,wait=off"),
        *("-device", "virtio-serial", "-device", f"virtserialport,chardev=qga0,name={PORT}"),
    )


async def test_frozen_shown_and_written_down(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null())
    await vm.qmp("cont")
    audit = AuditLog(tmp_path / AUDIT_FILE)
    async with fake_agent(tmp_path) as agent, worker_of(vm, audit=audit) as worker:
        async with worker.freezing.frozen(agent.path) as freeze:
            assert agent.frozen
            assert worker.snapshot.frozen_since == freeze.since
        assert not agent.frozen
        assert worker.snapshot.frozen_since is None
    await audit.close()
    entries = [json.loads(line) for line in (tmp_path / AUDIT_FILE).read_text().splitlines()]
    told = [(e["command"], e.get("reply")) for e in entries]
    assert told[0][0] == told[1][0] == FREEZE
    assert told[2][0] == told[3][0] == THAW
    assert all(e["arguments"] == {"path": str(agent.path)} for e in entries)


async def test_it_is_not_shown_as_frozen_once_the_limit_has_thawed_it(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null())
    await vm.qmp("cont")
    async with fake_agent(tmp_path) as agent, worker_of(vm) as worker:

        async def stay_too_long() -> None:
            async with worker.freezing.frozen(agent.path, limit=0.2):
                await until(worker, lambda: worker.snapshot.frozen_since is None)
                assert not agent.frozen

        with pytest.raises(FreezeLapsed):
            await stay_too_long()


async def test_a_paused_guest_stays_paused_and_is_not_asked(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null())
    await vm.qmp("cont")
    async with fake_agent(tmp_path) as agent, worker_of(vm) as worker:
        await vm.qmp("stop")
        # It may not have been told yet.
        with pytest.raises(AgentError, match="the guest is paused: its agent cannot answer"):
            async with worker.freezing.frozen(agent.path):
                raise AssertionError
        assert agent.begun == []
    assert (await vm.qmp("query-status"))["status"] == "paused"


async def test_the_socket_is_found_and_a_guest_without_an_agent_is_not_frozen(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    socket = tmp_path / "a,b.sock"
    vm = await qemu(*with_agent_port(str(socket).replace(",", ",,")))
    await vm.qmp("cont")
    async with worker_of(vm) as worker:
        assert worker.freezing.socket() == socket
        with pytest.raises(AgentSilent, match="no agent runs in the guest"):
            async with worker.freezing.frozen():
                raise AssertionError
    assert (await vm.qmp("query-status"))["status"] == "running"


async def test_found_in_json_and_by_libvirt_s_way_of_handing_it_over(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    # libvirt gives a file descriptor; what tells is the name of the socket behind it.
    (tmp_path / "channel").mkdir()
    socket = tmp_path / "channel" / PORT
    chardev = f"socket,id=other,path={socket},server=on,wait=off"
    vm = await qemu(*PC, "-chardev", chardev)
    async with worker_of(vm) as worker:
        assert worker.freezing.socket() == socket
        if worker.snapshot.major < 6:
            # It does not take a device as JSON yet.
            return
    device = json.dumps({"driver": "virtserialport", "chardev": "qga0", "name": PORT})
    chardev = f"socket,id=qga0,path={tmp_path / 'named'},server=on,wait=off"
    vm = await qemu(*PC, "-chardev", chardev, "-device", "virtio-serial", "-device", device)
    async with worker_of(vm) as worker:
        assert worker.freezing.socket() == tmp_path / "named"


async def test_no_socket_is_said(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    await vm.qmp("cont")
    async with worker_of(vm) as worker:
        with pytest.raises(NoAgent, match="no socket for a guest agent"):
            async with worker.freezing.frozen():
                raise AssertionError


async def test_read_only_freezes_nothing(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*null())
    await vm.qmp("cont")
    async with fake_agent(tmp_path) as agent, worker_of(vm, read_only=True) as worker:
        with pytest.raises(ReadOnly):
            async with worker.freezing.frozen(agent.path):
                raise AssertionError
        assert agent.begun == []


async def test_frozen_while_the_line_to_qemu_is_lost_it_is_thawed(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null())
    await vm.qmp("cont")
    async with fake_agent(tmp_path) as agent, running(worker_of(vm)) as worker:
        await until(worker, lambda: worker.snapshot.loaded)
        async with worker.freezing.frozen(agent.path):
            await vm.kill()
            await until(worker, lambda: worker.snapshot.connection.link is Link.LOST)
            assert agent.frozen
        assert not agent.frozen
        assert agent.begun[0] == SYNC
