"""The VMs of this host are found, with every form of monitor that a command line may have."""

import os
import time
from pathlib import Path

import psutil
import pytest

from tests.discovery.looking import at, scout, the_vm
from tests.discovery.starting import Starter, qmp
from tests.qemu import QemuStarter, qemu_img
from tests.transports.certificates import Authority
from tui.discovery.models import Kind, MonitorState
from tui.qmp.address import TcpAddress, TlsAddress, UnixAddress
from tui.qmp.errors import CommandRefused
from tui.qmp.session import QmpSession

UUID = "6f1ed2c1-8f0a-4d43-9c3c-0b1f5e3a2b11"


async def test_a_vm_with_every_form_of_monitor(start: Starter, tmp_path: Path) -> None:
    relative = f"{os.path.relpath(tmp_path)}/relative.sock"
    qemu = await start(
        *("-name", "web", "-uuid", UUID),
        *qmp(tmp_path / "plain.sock"),
        *("-qmp-pretty", f"unix:{tmp_path / 'pretty.sock'},server,nowait"),
        *("-chardev", f"socket,id=c,path={tmp_path / 'a,,b.sock'},server=on,wait=off"),
        *("-mon", "chardev=c,mode=control"),
        *("-qmp", "tcp:127.0.0.1:0,server=on,wait=off"),
        *("-qmp", f"unix:{relative},server=on,wait=off"),
        *("-qmp", "null"),
        *("-monitor", f"unix:{tmp_path / 'hmp-monitor.sock'},server=on,wait=off"),
    )
    found = await scout(tmp_path).look()
    (vm,) = found.vms
    assert found.whole
    assert (vm.name, vm.uuid, vm.pid, vm.kind) == ("web", UUID, qemu.pid, Kind.VM)
    assert (vm.run_state, vm.user) == ("prelaunch", psutil.Process(qemu.pid).username())
    assert vm.version is not None
    assert vm.version[0].isdigit()
    assert vm.started is not None
    assert abs(vm.started - time.time()) < 60
    assert at(vm, tmp_path / "plain.sock").source == "-qmp"
    assert at(vm, tmp_path / "pretty.sock").source == "-qmp-pretty"
    assert at(vm, tmp_path / "a,b.sock").source == "-mon"
    assert at(vm, (tmp_path / "relative.sock").resolve()).state is MonitorState.FREE
    (tcp,) = (m for m in vm.monitors if isinstance(m.address, TcpAddress))
    assert tcp.state is MonitorState.FREE
    (null,) = (m for m in vm.monitors if m.address is None)
    assert null.state is MonitorState.NO_ADDRESS
    assert len(vm.monitors) == 6
    assert {m.state for m in vm.monitors if m.address} == {MonitorState.FREE}
    assert vm.usable
    assert vm.remedy is None


async def test_each_address_that_was_found_can_be_connected_to(
    start: Starter, tmp_path: Path
) -> None:
    await start(
        *qmp(tmp_path / "plain.sock"),
        *("-qmp-pretty", f"unix:{tmp_path / 'pretty.sock'},server,nowait"),
        *("-chardev", "socket,id=c,host=127.0.0.1,port=0,server=on,wait=off"),
        *("-mon", "chardev=c,mode=control"),
    )
    (vm,) = (await scout().look()).vms
    assert len(vm.monitors) == 3
    for monitor in vm.monitors:
        assert monitor.address is not None
        async with await QmpSession.connect(monitor.address, on_event=print) as session:
            assert await session.execute("query-name") == {}
            # The longest of all replies; a pretty monitor takes thousands of lines for it.
            schema = await session.execute("query-qmp-schema")
            assert isinstance(schema, list)
            assert len(schema) > 500
            with pytest.raises(CommandRefused):
                await session.execute("query-nonsense")


@pytest.mark.parametrize(
    ("listens_on", "host"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "localhost")]
)
async def test_a_tls_monitor_is_found_and_can_be_connected_to(
    start: Starter, own_home: Path, tmp_path: Path, listens_on: str, host: str
) -> None:
    authority = Authority()
    server = authority.server(tmp_path / "server", "localhost", "127.0.0.1")
    authority.client(own_home / ".pki/qemu")
    await start(
        *("-name", "web", "-object"),
        f"tls-creds-x509,id=tls0,endpoint=server,dir={server},verify-peer=on",
        *("-chardev", f"socket,id=c,host={listens_on},port=0,server=on,wait=off,tls-creds=tls0"),
        *("-mon", "chardev=c,mode=control"),
    )
    vm = the_vm(await scout().look(), "web")
    (monitor,) = vm.monitors
    assert isinstance(monitor.address, TlsAddress)
    assert monitor.address.host == host
    assert (monitor.state, vm.run_state) == (MonitorState.NOT_ASKED, None)
    assert "TLS" in monitor.sentence
    assert vm.best == monitor
    assert vm.usable
    async with await QmpSession.connect(monitor.address, on_event=print) as session:
        assert await session.execute("query-name") == {"name": "web"}
        (held,) = the_vm(await scout().look(), "web").monitors
        assert (held.state, held.ours) == (MonitorState.BUSY, True)
    # As it was used before, it is used again, with the certificates that were named then.
    used = monitor.address.model_copy(update={"dir": own_home / ".pki/qemu"})
    vm = the_vm(await scout().look([used]), "web")
    assert vm.best is not None
    assert (vm.best.address, vm.recent) == (used, True)


async def test_the_disks_are_those_that_qemu_has(start: Starter, tmp_path: Path) -> None:
    used, image = tmp_path / "used.qcow2", tmp_path / "image.qcow2"
    for file in (used, image):
        qemu_img("create", "-q", "-f", "qcow2", file, "1M")
    await start(
        *("-name", "web", *qmp(tmp_path / "web.sock")),
        *("-drive", f"if=none,id=root,format=qcow2,file={used}"),
    )
    await start("-name", "dumb", "-drive", f"if=none,id=d,format=qcow2,file={image}")
    found = await scout().look()
    assert [(d.name, d.file) for d in the_vm(found, "web").disks] == [("root", str(used))]
    assert [(d.name, d.file) for d in the_vm(found, "dumb").disks] == [("", str(image))]


@pytest.mark.usefixtures("alone")
async def test_sockets_that_were_handed_over_are_found_by_their_number(qemu: QemuStarter) -> None:
    vm = await qemu("-name", "handed")
    found = the_vm(await scout().look(), "handed")
    assert at(found, vm.monitor).text.startswith("fd=")
    assert at(found, vm.monitor).state is MonitorState.FREE
    # The test speaks through the second one.
    second = at(found, vm.second)
    assert second.state is MonitorState.BUSY
    assert second.holder is not None
    assert second.holder.pid == os.getpid()
    assert found.run_state == "prelaunch"


async def test_a_storage_daemon_is_found(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "daemon.sock"
    daemon = await start.storage_daemon(
        *("--chardev", f"socket,id=c,path={path},server=on,wait=off", "--monitor", "c"),
        *("--blockdev", "driver=null-co,node-name=n,read-zeroes=on"),
        ready=path,
    )
    (found,) = (await scout().look()).vms
    assert (found.kind, found.pid, found.run_state) == (Kind.STORAGE_DAEMON, daemon.pid, None)
    assert found.version is not None
    assert at(found, path).state is MonitorState.FREE


async def test_a_monitor_from_a_configuration_file_is_seen_by_its_socket(
    start: Starter, tmp_path: Path
) -> None:
    config = tmp_path / "vm.cfg"
    config.write_text(
        '[chardev "c"]\n  backend = "socket"\n'
        f'  path = "{tmp_path / "hidden-qmp.sock"}"\n  server = "on"\n  wait = "off"\n'
        '[mon "m"]\n  chardev = "c"\n  mode = "control"\n'
    )
    await start("-name", "web", "-readconfig", str(config))
    vm = the_vm(await scout().look(), "web")
    assert str(config) in "".join(vm.notes)
    assert at(vm, tmp_path / "hidden-qmp.sock").source == "open socket"
    assert vm.usable


@pytest.mark.slow
async def test_thirty_vms_are_listed(start: Starter, tmp_path: Path) -> None:
    for number in range(30):
        await start("-name", f"vm{number:02}", *qmp(tmp_path / f"vm{number:02}.sock"))
    # The second look finds what the first has asked, and left as it was.
    for _ in range(2):
        found = await scout(tmp_path).look()
        assert [vm.name for vm in found.vms] == [f"vm{number:02}" for number in range(30)]
        assert all(vm.run_state == "prelaunch" and vm.usable for vm in found.vms)


HOSTILE = "a[/x][red]\n\x1b]0;owned\x07\u202e\x9b79q"


async def test_a_hostile_name_and_path_are_found_as_they_are(
    start: Starter, tmp_path: Path
) -> None:
    directory = tmp_path / HOSTILE.replace("/", "|")
    directory.mkdir()
    path = directory / "qmp"
    await start("-name", f"guest={HOSTILE}", *qmp(path))
    vm = the_vm(await scout(tmp_path).look(), HOSTILE)
    assert at(vm, path).state is MonitorState.FREE
    assert vm.run_state == "prelaunch"


async def test_monitors_used_before_are_marked_and_listed(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    await start("-name", "web", *qmp(path))
    elsewhere = TcpAddress(host="192.0.2.1", port=4444)
    gone = UnixAddress(path=tmp_path / "gone.sock")
    found = await scout().look([UnixAddress(path=path), elsewhere, gone])
    assert the_vm(found, "web").recent
    alone = [vm.monitors[0] for vm in found.vms if vm.kind is Kind.SOCKET]
    lone = {str(monitor.address): monitor.state for monitor in alone}
    # Another host is not connected to before the operator wants it.
    assert lone == {str(elsewhere): MonitorState.NOT_ASKED, str(gone): MonitorState.DEAD}
    assert all(vm.recent for vm in found.vms)


async def test_a_name_and_a_path_that_are_no_text(start: Starter, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    path = tmp_path / name
    await start("-name", name, *qmp(path))
    vm = the_vm(await scout(tmp_path, asks=False).look(), name)
    assert at(vm, path).state is MonitorState.FREE
    # QEMU itself cannot say such a name in its JSON.
    (vm,) = (await scout(tmp_path).look()).vms
    assert vm.monitors[0].address == UnixAddress(path=path)
