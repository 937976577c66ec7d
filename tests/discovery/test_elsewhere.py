"""The VMs of another host are listed over SSH as those of this one, and none is connected to."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cli.running import blockdeck
from tests.discovery.looking import at
from tests.discovery.starting import Starter, held_by_another, qmp
from tests.journeys.sshd import Sshd
from tests.qmp.connecting import connect, refused
from tests.transports.over_ssh import HOST, know, ssh_server
from tests.transports.ports import free_port
from tests.waiting import until_answered
from tui.demo.qemu import Qemu
from tui.discovery.elsewhere import look_elsewhere
from tui.discovery.far_look import NotTold, read_look
from tui.discovery.models import Findings, FoundVm, Kind, Manager, MonitorState
from tui.qmp.address import SshAddress
from tui.qmp.errors import ConnectFailure, NoSocketNamed

UUID = "5e3c2d0a-6a07-4b3c-9a37-0d9e2a0f4c11"


@contextlib.contextmanager
def host(more: str = "") -> Iterator[SshAddress]:
    """This machine, as another one."""
    with ssh_server(more) as sshd:
        know(sshd)
        yield there(sshd)


def there(sshd: Sshd, path: object = "") -> SshAddress:
    """A socket behind it, or the host alone."""
    return SshAddress(host=HOST, port=sshd.port, path=str(path))


def on(place: SshAddress, path: Path) -> str:
    """The address of a socket there."""
    return str(place.model_copy(update={"path": str(path)}))


def vm_of(found: Findings, qemu: Qemu) -> FoundVm:
    """The one VM of a process, out of all those of this machine."""
    (vm,) = (vm for vm in found.vms if vm.pid == qemu.pid)
    return vm


async def once_free(place: SshAddress, qemu: Qemu) -> FoundVm:
    """The VM of a process, which another look at this machine may hold for a moment."""

    async def look() -> FoundVm | None:
        vm = vm_of(await look_elsewhere(place, recent=[place]), qemu)
        return vm if any(m.state is MonitorState.FREE for m in vm.monitors) else None

    vm = await until_answered(look)
    assert vm is not None
    return vm


async def test_a_free_one_and_one_that_is_held_by_whom(start: Starter, tmp_path: Path) -> None:
    free, held = tmp_path / "web.sock", tmp_path / "db.sock"
    web = await start("-name", "guest=we b,,[/x]", "-uuid", UUID, *qmp(free))
    db = await start("-name", "db", *qmp(held))
    with host() as place, held_by_another(held) as pid:
        vm = await once_free(place, web)
        assert (vm.name, vm.uuid, vm.kind) == ("we b,[/x]", UUID, Kind.VM)
        assert at(vm, on(place, free)).state is MonitorState.FREE
        assert (vm.usable, vm.remedy) == (True, None)
        used = [place.model_copy(update={"path": str(held)})]
        other = vm_of(await look_elsewhere(place, recent=used), db)
        busy = at(other, on(place, held))
        assert (busy.state, busy.recent) == (MonitorState.BUSY, True)
        assert busy.holder is not None
        assert busy.holder.pid == pid
        assert f"(pid {pid}, user {other.user})" in busy.sentence
        assert other.remedy is not None
        assert "/db.qmp2,server=on,wait=off" in other.remedy.text
        assert vm.best is not None
        assert vm.best.address is not None
        async with await connect(vm.best.address) as session:
            assert await session.execute("query-name") == {"name": "we b,[/x]"}


async def test_the_same_is_told_of_a_process_as_at_home(start: Starter, tmp_path: Path) -> None:
    disk = tmp_path / "d.raw"
    disk.touch()
    web = await start("-name", "web", "-drive", f"file={disk},format=raw,if=none,id=d0")
    with host() as place:
        vm = vm_of(await look_elsewhere(place), web)
    assert [disk.file for disk in vm.disks] == [str(disk)]
    assert vm.started is not None
    assert abs(vm.started - psutil.Process(web.pid).create_time()) < 5


async def test_those_without_a_monitor_get_the_line_that_makes_one(start: Starter) -> None:
    mute = await start("-name", "mute")
    tcp = await start("-name", "tcp", "-qmp", "tcp:127.0.0.1:0,server=on,wait=off")
    with host() as place:
        found = await look_elsewhere(place)
        vm = vm_of(found, mute)
        assert vm.monitors == ()
        assert vm.remedy is not None
        assert vm.remedy.text.startswith("-qmp unix:")
        (monitor,) = vm_of(found, tcp).monitors
        assert monitor.state is MonitorState.NO_ADDRESS
        assert "listens on TCP port 0" in monitor.sentence
        assert f"{place.login}" in monitor.advice


async def test_a_monitor_that_takes_tls_is_reached_without_ssh(start: Starter) -> None:
    ports = free_port(), free_port()
    creds = ("-object", "tls-creds-anon,id=tls0,endpoint=server,verify-peer=off")
    public, own = [
        await start(
            *creds,
            "-chardev",
            f"socket,id=c,host={ip},port={port},server=on,wait=off,tls-creds=tls0",
            *("-mon", "chardev=c,mode=control"),
        )
        for ip, port in zip(("0.0.0.0", "127.0.0.1"), ports, strict=True)
    ]
    with host() as place:
        found = await look_elsewhere(place)
    assert vm_of(found, public).best == at(vm_of(found, public), f"tls://{HOST}:{ports[0]}")
    (monitor,) = vm_of(found, own).monitors
    assert monitor.state is MonitorState.NO_ADDRESS
    assert f"listens on TCP port {ports[1]} there" in monitor.sentence


async def test_a_storage_daemon_is_told_from_a_vm(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "daemon.sock"
    daemon = await start.storage_daemon(
        *("--chardev", f"socket,id=c,path={path},server=on,wait=off", "--monitor", "chardev=c"),
        ready=path,
    )
    with host() as place:
        vm = await once_free(place, daemon)
        assert vm.kind is Kind.STORAGE_DAEMON
        assert at(vm, on(place, path)).state is MonitorState.FREE


async def test_a_relative_path_is_one_in_qemu_s_directory(start: Starter, tmp_path: Path) -> None:
    options = ("-name", "rel", "-qmp", "unix:rel.sock,server=on,wait=off")
    (tmp_path / "other").mkdir()
    vms = [
        await start.wrapped("/usr/bin/env", "-C", str(directory), options=options)
        for directory in (tmp_path, tmp_path / "other")
    ]
    with host() as place, held_by_another(tmp_path / "other/rel.sock"):
        # Both are bound to the same name, and each is judged by its own.
        vm = await once_free(place, vms[0])
        assert at(vm, on(place, tmp_path / "rel.sock")).state is MonitorState.FREE
        vm = vm_of(await look_elsewhere(place), vms[1])
        assert at(vm, on(place, tmp_path / "other/rel.sock")).state is MonitorState.BUSY


async def test_left_to_managers(start: Starter, tmp_path: Path) -> None:
    home, domain = tmp_path / "run/qemu-server", tmp_path / "libvirt/qemu/domain-1-web"
    for directory in (home, domain):
        directory.mkdir(parents=True)
    path, log = home / "100.qmp", tmp_path / "sent"
    proxmox = await start(
        *("-chardev", f"socket,id=qmp,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "chardev=qmp,mode=control"),
    )
    libvirt = await start(
        *("-name", "guest=web"),
        *("-chardev", f"socket,id=charmonitor,path={domain}/monitor.sock,server=on,wait=off"),
        *("-mon", "chardev=charmonitor,mode=control"),
    )
    with host() as place:
        found = await look_elsewhere(place)
        vm = vm_of(found, proxmox)
        assert (vm.manager, vm.best) == (Manager.PROXMOX, None)
        assert at(vm, on(place, path)).state is MonitorState.MANAGED
        assert vm.remedy is not None
        assert vm.remedy.text.startswith("qm set 100 --args ")
        vm = vm_of(found, libvirt)
        assert (vm.manager, vm.best) == (Manager.LIBVIRT, None)
        through = f"qemu+ssh://{HOST}:{place.port}/system?domain=web."
        assert vm.monitors[0].advice.endswith(through)
    assert log.read_text() == ""


async def test_what_cannot_be_connected_to_now_says_why(start: Starter, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("stopped", "gone", "waits")]
    stopped, gone = [await start(*qmp(path)) for path in paths[:2]]
    log = tmp_path / "sent"
    waits = await start(
        *("-chardev", f"socket,id=c,path={paths[2]},server=on,wait=on,logfile={log}"),
        *("-mon", "chardev=c,mode=control"),
        ready=paths[2],
    )
    os.kill(stopped.pid, signal.SIGSTOP)
    paths[1].rename(tmp_path / "elsewhere")
    with host() as place:
        found = await look_elsewhere(place)
    os.kill(stopped.pid, signal.SIGCONT)
    told = [vm_of(found, vm).monitors[0] for vm in (stopped, gone, waits)]
    assert [monitor.state for monitor in told] == [
        MonitorState.SILENT,
        MonitorState.NO_PERMISSION,
        MonitorState.NOT_ASKED,
    ]
    assert f"kill -CONT {stopped.pid}" in told[0].advice
    assert "may not see" in told[1].sentence
    assert "would start the VM" in told[2].sentence
    assert log.read_text() == ""


async def test_sockets_in_the_usual_places_are_listed_too(start: Starter) -> None:
    place_of_many = Path("/tmp") / f"bd-lone-{os.getpid()}"
    place_of_many.mkdir()
    path = place_of_many / "dead.qmp"
    try:
        dead = await start(*qmp(path))
        await dead.kill()
        with host() as place:
            found = await look_elsewhere(place)
            (lone,) = (vm for vm in found.vms if vm.monitors and vm.monitors[0].text == str(path))
        assert (lone.kind, lone.pid) == (Kind.SOCKET, None)
        assert lone.monitors[0].state is MonitorState.DEAD
    finally:
        path.unlink(missing_ok=True)
        place_of_many.rmdir()


async def test_a_host_that_runs_no_commands_says_so() -> None:
    with host("ForceCommand echo hello\n") as place, pytest.raises(ConnectFailure) as failure:
        await look_elsewhere(place)
    assert "runs no commands" in failure.value.sentence
    assert f"{place}/path/to/qmp.sock" in failure.value.advice


async def test_what_a_login_prints_before_is_left_out(start: Starter) -> None:
    mute = await start("-name", "mute")
    with host('ForceCommand echo "Welcome!"; eval "$SSH_ORIGINAL_COMMAND"\n') as place:
        assert vm_of(await look_elsewhere(place), mute).name == "mute"


@pytest.mark.parametrize("said", [b"", b"\xff\n", b"blockdeck-look\nhost 0 zz\nhost 0 31\nx\n"])
def test_whatever_else_is_answered_is_no_look(said: bytes) -> None:
    with pytest.raises(NotTold):
        read_look(said)


async def test_a_host_alone_is_no_monitor(start: Starter) -> None:
    with host() as place:
        failure = await refused(place)
        assert isinstance(failure, NoSocketNamed)
        assert failure.advice.startswith(f"blockdeck discover {place} ")


async def test_a_command_lists_it(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    web, mute = await start("-name", "web", *qmp(path)), await start("-name", "mute")
    with host() as place:
        done = await blockdeck("discover", place, "--json")
        assert done.status == 0
        (vm,) = (vm for vm in done.json["vms"] if vm["pid"] == web.pid)
        assert vm["monitors"][0]["address"] == on(place, path)
        done = await blockdeck("discover", place)
        (line,) = (line for line in done.out.splitlines() if f" {web.pid} " in line)
        assert line.split()[0] == "web"
        assert any(f" {mute.pid} " in line for line in done.out.splitlines())
        assert "-qmp unix:" in done.err
        # What it lists can be given to another command.
        address = vm["monitors"][0]["address"]
        assert (await blockdeck("devices", address, "--json")).status == 0


async def test_a_command_says_why_it_cannot() -> None:
    done = await blockdeck("discover", "/run/vm.sock")
    assert (done.status, "no host that can be asked" in done.err) == (2, True)
    with ssh_server() as sshd:
        know(sshd, trusted=False)
        done = await blockdeck("discover", there(sshd))
    assert done.status == 3
    assert "not among your known hosts" in done.err
