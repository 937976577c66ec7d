"""What belongs to libvirt or Proxmox is left alone, and who may look at the rest is told."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.discovery.looking import NOBODY, as_nobody, at, scout, the_vm
from tests.discovery.starting import Starter, held_by_another, qmp
from tui.discovery.models import FoundVm, MonitorState
from tui.discovery.places import Place
from tui.discovery.processes import user_name
from tui.discovery.scout import Scout
from tui.qmp.address import UnixAddress

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


# --- strangers ----------------------------------------------------------------------------------


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory as `/tmp` is one: anybody may make a socket there."""
    with tempfile.TemporaryDirectory(prefix="bd-public-") as name:
        Path(name).chmod(0o1777)
        yield Path(name)


async def look_at_lone_sockets(place: Path) -> list[FoundVm]:
    """The sockets of a place, whose QEMUs are hidden from the look, as in another container."""
    there = (Place(directory=place, depth=2),)
    return list((await Scout(places=there, wanted=lambda _: False).look()).vms)


def logged(path: Path, log: Path) -> tuple[str, ...]:
    """Options for a monitor that writes down what it says."""
    chardev = f"socket,id=c,path={path},server=on,wait=off,logfile={log}"
    return "-chardev", chardev, "-mon", "c,mode=control"


@needs_root
@pytest.mark.parametrize("directory", ["", "made-by-nobody"])
async def test_a_stranger_s_socket_in_a_public_place_is_not_asked(
    start: Starter, public: Path, directory: str
) -> None:
    place = public / directory
    place.mkdir(exist_ok=True)
    if directory:
        os.chown(place, NOBODY, NOBODY)
    path, log = place / "prod.qmp", public / "sent"
    await start("-name", "prod", *logged(path, log))
    os.chown(path, NOBODY, NOBODY)
    (lone,) = await look_at_lone_sockets(public)
    assert (lone.user, lone.strange, lone.name) == ("nobody", True, "")
    (monitor,) = lone.monitors
    assert monitor.state is MonitorState.NOT_ASKED
    assert "The user nobody made it where anybody may make one" in monitor.sentence
    assert log.read_text() == ""
    # Nothing takes it for a VM to go on with; the operator still may.
    assert not lone.usable
    assert lone.best == monitor
    # As an address that was used before it is judged the same.
    (again,) = (await Scout(places=(), wanted=lambda _: False).look([UnixAddress(path=path)])).vms
    assert (again.strange, again.monitors[0].state) == (True, MonitorState.NOT_ASKED)
    assert log.read_text() == ""


@needs_root
async def test_a_stranger_s_link_in_a_public_place_is_not_followed(
    start: Starter, public: Path, tmp_path: Path
) -> None:
    path, log = tmp_path / "root.qmp", tmp_path / "sent"
    await start(*logged(path, log))
    link = public / "prod.qmp"
    link.symlink_to(path)
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    (lone,) = await look_at_lone_sockets(public)
    assert (lone.user, lone.strange) == ("root", True)
    assert lone.monitors[0].state is MonitorState.NOT_ASKED
    assert log.read_text() == ""


@needs_root
async def test_a_stranger_s_socket_elsewhere_is_asked_with_a_warning(
    start: Starter, tmp_path: Path
) -> None:
    path, log = tmp_path / "guest.qmp", tmp_path / "sent"
    await start("-name", "guest", *logged(path, log))
    os.chown(path, NOBODY, NOBODY)
    (lone,) = await look_at_lone_sockets(tmp_path)
    assert (lone.user, lone.strange, lone.name) == ("nobody", False, "guest")
    assert lone.monitors[0].state is MonitorState.FREE
    assert lone.notes == ("The user nobody made it, and sees whatever is sent there.",)


@needs_root
async def test_a_link_on_the_way_is_no_public_place(start: Starter, tmp_path: Path) -> None:
    # The permissions of a link say that anybody may write to it.
    real, link = tmp_path / "run", tmp_path / "var-run"
    real.mkdir()
    link.symlink_to(real)
    await start("-name", "guest", *logged(real / "guest.qmp", tmp_path / "sent"))
    os.chown(real / "guest.qmp", NOBODY, NOBODY)
    (lone,) = await look_at_lone_sockets(link)
    assert (lone.strange, lone.name) == (False, "guest")


async def test_one_s_own_socket_in_a_public_place_is_asked(start: Starter, public: Path) -> None:
    path, log = public / "mine.qmp", public / "sent"
    await start("-name", "mine", *logged(path, log))
    (lone,) = await look_at_lone_sockets(public)
    assert (lone.name, lone.strange, lone.notes) == ("mine", False, ())
    assert lone.usable
    assert lone.user == user_name(os.geteuid())
