"""The VMs of another host are listed and asked over SSH as those of this one are."""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.running import blockdeck
from tests.discovery.looking import at, is_ours
from tests.discovery.starting import Client, Starter, held_by_another, qmp
from tests.journeys.sshd import Sshd
from tests.qmp.connecting import connect, refused
from tests.transports.over_ssh import HOST, know, ssh_server
from tests.transports.ports import free_port
from tests.waiting import until, until_answered
from tui.demo.qemu import Qemu
from tui.discovery.elsewhere import look_elsewhere
from tui.discovery.far_look import NotTold, read_look
from tui.discovery.models import Findings, FoundDisk, FoundVm, Kind, Manager, MonitorState
from tui.qmp.address import SshAddress
from tui.qmp.errors import ConnectFailure, NoSocketNamed

UNSHARE = shutil.which("unshare") or ""
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


async def look(place: SshAddress, *recent: SshAddress, asks: bool = True) -> Findings:
    """All of the test's own that whoever logs in there may see."""
    return await look_elsewhere(place, recent, wanted=is_ours, asks=asks)


def vm_of(found: Findings, qemu: Qemu) -> FoundVm:
    """The one VM of a process, out of all those of this machine."""
    (vm,) = (vm for vm in found.vms if vm.pid == qemu.pid)
    return vm


async def once_free(place: SshAddress, qemu: Qemu) -> FoundVm:
    """The VM of a process that has answered.

    On a machine that is busy QEMU may take longer to greet than a look waits for it.
    """

    async def seen() -> FoundVm | None:
        vm = vm_of(await look(place, place), qemu)
        return vm if vm.version is not None else None

    vm = await until_answered(seen)
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
        assert (vm.run_state, vm.version is not None) == ("prelaunch", True)
        used = place.model_copy(update={"path": str(held)})
        other = vm_of(await look(place, used), db)
        busy = at(other, on(place, held))
        assert (busy.state, busy.recent) == (MonitorState.BUSY, True)
        assert busy.holder is not None
        assert busy.holder.pid == pid
        assert (other.run_state, other.version) == (None, None)
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
        vm = vm_of(await look(place), web)
    assert [disk.file for disk in vm.disks] == [str(disk)]
    assert vm.started is not None
    assert abs(vm.started - psutil.Process(web.pid).create_time()) < 5


async def test_those_without_a_monitor_get_the_line_that_makes_one(start: Starter) -> None:
    mute = await start("-name", "mute")
    with host() as place:
        vm = vm_of(await look(place), mute)
    assert vm.monitors == ()
    assert vm.remedy is not None
    assert vm.remedy.text.startswith("-qmp unix:")


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
        found = await look(place)
    assert vm_of(found, public).best == at(vm_of(found, public), f"tls://{HOST}:{ports[0]}")
    (monitor,) = vm_of(found, own).monitors
    assert monitor.state is MonitorState.NO_ADDRESS
    assert f"takes TLS on port {ports[1]} there" in monitor.sentence
    assert f"connect to tls://localhost:{ports[1]}" in monitor.advice


async def test_a_storage_daemon_is_told_from_a_vm(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "daemon.sock"
    daemon = await start.storage_daemon(
        *("--chardev", f"socket,id=c,path={path},server=on,wait=off", "--monitor", "chardev=c"),
        ready=path,
    )
    with host() as place:
        vm = await once_free(place, daemon)
        assert vm.kind is Kind.STORAGE_DAEMON
        assert (vm.run_state, vm.version is not None) == (None, True)
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
        vm = vm_of(await look(place), vms[1])
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
        found = await look(place)
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
        found = await look(place)
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


def logged(path: Path, log: Path) -> tuple[str, ...]:
    """The options for a monitor that writes down what it says; it greets whoever comes."""
    chardev = f"socket,id=c,path={path},server=on,wait=off,logfile={log}"
    return "-chardev", chardev, "-mon", "chardev=c,mode=control"


async def test_one_is_asked_once_and_let_go_of(start: Starter, tmp_path: Path) -> None:
    path, log = tmp_path / "web.sock", tmp_path / "said"
    disk = tmp_path / "d.raw"
    disk.touch()
    web = await start(
        *("-name", "web", *logged(path, log)),
        *("-drive", f"file={disk},format=raw,if=none,id=d0"),
    )
    with host() as place:
        assert vm_of(await look(place, asks=False), web).run_state is None
        assert log.read_text() == ""
        vm = await once_free(place, web)
        assert vm.disks == (FoundDisk(name="d0", file=str(disk)),)
        asked = log.read_text().count('"QMP"')
        with Client(path) as client:
            assert "QMP" in client.greeting()
        # QEMU sends first, then writes it down.
        await until(lambda: log.read_text().count('"QMP"') == asked + 1)


async def test_what_the_kernel_shows_is_told_before_qemu_has_answered(
    start: Starter, tmp_path: Path
) -> None:
    web = await start(*qmp(tmp_path / "web.sock"))
    told: list[Findings] = []
    with host() as place:
        await look_elsewhere(place, tell=told.append, wanted=is_ours)
    assert (told[0].whole, told[-1].whole) == (False, True)
    assert vm_of(told[0], web).monitors[0].state is MonitorState.FREE
    assert vm_of(told[0], web).run_state is None


async def test_one_answer_of_a_vm_is_enough(start: Starter, tmp_path: Path) -> None:
    path, log = tmp_path / "second.sock", tmp_path / "said"
    web = await start(*qmp(tmp_path / "first.sock"), *logged(path, log))

    async def by_the_first_alone() -> FoundVm | None:
        before = log.read_text()
        vm = vm_of(await look(place), web)
        if vm.monitors[0].state is not MonitorState.FREE:
            return None
        assert log.read_text() == before
        return vm

    with host() as place:
        vm = await until_answered(by_the_first_alone)
    assert vm is not None
    assert vm.monitors[1].state is MonitorState.FREE
    assert vm.run_state == "prelaunch"


async def test_a_manager_s_own_is_known_behind_a_link(start: Starter, tmp_path: Path) -> None:
    home, link, log = tmp_path / "run/qemu-server", tmp_path / "link", tmp_path / "said"
    home.mkdir(parents=True)
    link.symlink_to(home)
    web = await start(*logged(link / "100.qmp", log))
    with host() as place:
        vm = vm_of(await look(place), web)
    assert vm.monitors[0].state is MonitorState.MANAGED
    assert log.read_text() == ""


async def test_where_sshd_connects_nobody_to_sockets_that_is_said(
    start: Starter, tmp_path: Path
) -> None:
    web = await start(*qmp(tmp_path / "web.sock"))
    with host("AllowStreamLocalForwarding no\n") as place:
        vm = vm_of(await look(place), web)
    assert vm.monitors[0].state is MonitorState.SILENT
    assert "AllowStreamLocalForwarding" in vm.monitors[0].advice


@pytest.mark.skipif(
    os.geteuid() != 0 or not UNSHARE,
    reason="only root can give a process a network of its own",
)
async def test_where_the_kernel_does_not_tell_who_holds_it_the_greeting_does(
    start: Starter, tmp_path: Path
) -> None:
    paths, log = (tmp_path / "free.sock", tmp_path / "held.sock"), tmp_path / "said"
    free, held = [
        await start.wrapped(UNSHARE, "--net", options=options)
        for options in (qmp(paths[0]), logged(paths[1], log))
    ]
    with host() as place, held_by_another(paths[1]):
        # Before its queue is full of those that have asked in vain.
        assert vm_of(await look(place), held).monitors[0].state is MonitorState.BUSY
        assert (await once_free(place, free)).run_state == "prelaunch"
        # Those who waited in vain have left before it was their turn, and are not even greeted.
        assert log.read_text().count('"QMP"') == 1


async def test_a_line_that_breaks_before_they_have_answered(start: Starter, tmp_path: Path) -> None:
    web = await start("-name", "web", *qmp(tmp_path / "web.sock"))
    with ssh_server() as sshd:
        know(sshd)

        def cut(found: Findings) -> None:
            if not found.whole:
                sshd.cut()

        found = await look_elsewhere(there(sshd), tell=cut, wanted=is_ours)
    vm = vm_of(found, web)
    assert (vm.name, vm.monitors[0].state) == ("web", MonitorState.SILENT)
    assert f"The SSH connection to {HOST} was lost" in vm.monitors[0].sentence
    assert any("was lost" in note for note in found.notes)


async def test_sockets_in_the_usual_places_are_listed_too(start: Starter) -> None:
    place_of_many = Path("/tmp") / f"bd-lone-{os.getpid()}"
    place_of_many.mkdir()
    path = place_of_many / "dead.qmp"
    try:
        dead = await start(*qmp(path))
        await dead.kill()
        with host() as place:
            found = await look(place)
            (lone,) = (vm for vm in found.vms if vm.monitors and vm.monitors[0].text == str(path))
        assert (lone.kind, lone.pid) == (Kind.SOCKET, None)
        assert lone.monitors[0].state is MonitorState.DEAD
    finally:
        path.unlink(missing_ok=True)
        place_of_many.rmdir()


async def test_a_host_that_runs_no_commands_says_so() -> None:
    with host("ForceCommand echo hello\n") as place, pytest.raises(ConnectFailure) as failure:
        await look(place)
    assert "runs no commands" in failure.value.sentence
    assert f"{place}/path/to/qmp.sock" in failure.value.advice


async def test_what_a_login_prints_before_is_left_out(start: Starter) -> None:
    mute = await start("-name", "mute")
    with host('ForceCommand echo "Welcome!"; eval "$SSH_ORIGINAL_COMMAND"\n') as place:
        assert vm_of(await look(place), mute).name == "mute"


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

        async def told() -> dict[str, Any] | None:
            done = await blockdeck("discover", place, "--json")
            assert done.status == 0
            (vm,) = (vm for vm in done.json["vms"] if vm["pid"] == web.pid)
            assert vm["monitors"][0]["address"] == on(place, path)
            return vm if vm["version"] is not None else None

        told_once = await until_answered(told, within=60)
        assert told_once is not None
        assert told_once["run-state"] == "prelaunch"
        done = await blockdeck("discover", place, "--json", "--no-probe")
        (vm,) = (vm for vm in done.json["vms"] if vm["pid"] == web.pid)
        assert (vm["monitors"][0]["state"], vm["version"]) == ("free", None)
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
