"""What belongs to libvirt or Proxmox is left alone, and who may look at the rest is told."""

import os
import shutil
from pathlib import Path

import pytest

from tests.discovery.looking import as_nobody, at, scout, the_vm
from tests.discovery.starting import Starter, held_by_another, qmp
from tui.discovery.models import MonitorState
from tui.discovery.places import Place
from tui.discovery.scout import Scout

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


async def test_libvirt_is_left_alone(start: Starter, tmp_path: Path) -> None:
    home = tmp_path / "libvirt/qemu/domain-1-web"
    home.mkdir(parents=True)
    path, log = home / "monitor.sock", tmp_path / "sent"
    await start(
        *("-name", "guest=web,debug-threads=on"),
        *("-chardev", f"socket,id=charmonitor,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "chardev=charmonitor,id=monitor,mode=control"),
    )
    vm = the_vm(await scout(tmp_path).look(), "web")
    assert vm.manager == "libvirt"
    assert at(vm, path).state is MonitorState.MANAGED
    assert "never connected to" in at(vm, path).sentence
    assert log.read_text() == ""
    assert vm.best is not None
    assert vm.best.state is MonitorState.THROUGH_LIBVIRT
    assert vm.remedy is not None
    assert "<qemu:commandline" in vm.remedy.text
    assert "-qmp" in vm.remedy.text


async def test_libvirt_beside_is_free(start: Starter, tmp_path: Path) -> None:
    home = tmp_path / "libvirt/qemu/domain-1-web"
    home.mkdir(parents=True)
    await start(
        *("-name", "guest=web"),
        *("-chardev", f"socket,id=charmonitor,path={home / 'monitor.sock'},server=on,wait=off"),
        *("-mon", "chardev=charmonitor,id=monitor,mode=control"),
        *qmp(tmp_path / "mine.sock"),
    )
    vm = the_vm(await scout(tmp_path).look(), "web")
    assert vm.best == at(vm, tmp_path / "mine.sock")
    assert vm.run_state == "prelaunch"
    assert vm.remedy is None


async def test_proxmox_s_monitor_is_never_connected_to(start: Starter, tmp_path: Path) -> None:
    home = tmp_path / "run/qemu-server"
    home.mkdir(parents=True)
    path, log = home / "100.qmp", tmp_path / "sent"
    # Proxmox's own QEMU knows `-id`; here the file tells of its number.
    await start(
        *("-name", "web,debug-threads=on"),
        *("-chardev", f"socket,id=qmp,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "chardev=qmp,mode=control"),
    )
    vm = the_vm(await scout(tmp_path).look(), "web")
    assert at(vm, path).state is MonitorState.MANAGED
    assert log.read_text() == ""
    assert vm.manager == "Proxmox"
    assert vm.remedy is not None
    assert vm.remedy.text.startswith("qm set 100 --args '-qmp unix:/run/qemu-server/web.qmp2,")


async def test_a_manager_s_socket_without_a_vm_is_not_connected_to_either(
    start: Starter, tmp_path: Path
) -> None:
    home = tmp_path / "run/qemu-server"
    home.mkdir(parents=True)
    path, log = home / "100.qmp", tmp_path / "sent"
    await start(
        *("-chardev", f"socket,id=qmp,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "chardev=qmp,mode=control"),
    )
    # Its process is hidden from the look, as another container's may be.
    unseen = Scout(places=(Place(directory=home),), wanted=lambda _: False)
    (lone,) = (await unseen.look()).vms
    assert lone.manager == "Proxmox"
    assert lone.monitors[0].state is MonitorState.MANAGED
    assert lone.best is None
    assert log.read_text() == ""


@needs_root
async def test_without_the_right_to_it_who_has_it_is_told(start: Starter, tmp_path: Path) -> None:
    public = Path("/tmp") / f"blockdeck-test-{os.getpid()}"
    public.mkdir(mode=0o755)
    try:
        public.chmod(0o755)
        path = public / "root.qmp"
        await start("-name", "web", *qmp(path))
        path.chmod(0o755)
        with as_nobody():
            found = await scout().look()
    finally:
        shutil.rmtree(public)
    monitor = at(the_vm(found, "web"), path)
    assert monitor.state is MonitorState.NO_PERMISSION
    assert "belongs to root:root" in monitor.sentence
    assert monitor.advice == "Run BlockDeck as root."
    (note,) = found.notes
    assert "You are nobody, not root" in note


@needs_root
async def test_another_user_s_client_is_told_by_its_user(start: Starter, tmp_path: Path) -> None:
    public = Path("/tmp") / f"blockdeck-test-{os.getpid()}"
    public.mkdir(mode=0o755)
    try:
        public.chmod(0o755)
        path = public / "root.qmp"
        await start("-name", "web", *qmp(path))
        path.chmod(0o777)
        with held_by_another(path), as_nobody():
            found = await scout().look()
    finally:
        shutil.rmtree(public)
    monitor = at(the_vm(found, "web"), path)
    assert monitor.state is MonitorState.BUSY
    assert monitor.holder is not None
    assert (monitor.holder.pid, monitor.holder.user) == (None, "root")
