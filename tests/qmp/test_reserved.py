"""A monitor that belongs to a VM's manager is not connected to, however its path is written."""

from pathlib import Path

import pytest

from tests.discovery.starting import Starter, starting
from tests.qmp.connecting import connect, refused
from tui.qmp.errors import Reserved
from tui.qmp.reserved import Manager, manager_of_path


@pytest.mark.parametrize(
    ("path", "manager"),
    [
        ("/run/qemu-server/100.qmp", Manager.PROXMOX),
        ("/var/run/qemu-server/100.qmp", Manager.PROXMOX),
        ("/run/./qemu-server//100.qmp", Manager.PROXMOX),
        ("/run/x/../qemu-server/100.qmp", Manager.PROXMOX),
        ("/proc/7/root/run/qemu-server/100.qmp", Manager.PROXMOX),
        ("/run/qemu-server/100.qmp2", None),
        ("/run/qemu-server/100.qga", None),
        ("/run/100.qmp", None),
        ("/var/lib/libvirt/qemu/domain-1-web/monitor.sock", Manager.LIBVIRT),
        ("/var/lib/libvirt/qemu/domain-1-new\nline/monitor.sock", Manager.LIBVIRT),
        ("/home/me/.config/libvirt/qemu/lib/domain-1-web/monitor.sock", Manager.LIBVIRT),
        ("/var/lib/libvirt/qemu/web.monitor", Manager.LIBVIRT),
        ("/var/lib/libvirt/qemu/web.qmp2", None),
        ("/srv/web/monitor.sock", None),
    ],
)
def test_a_path_tells_whose_it_is(path: str, manager: Manager | None) -> None:
    assert manager_of_path(path) is manager


@pytest.mark.parametrize("linked", [False, True])
async def test_it_is_refused_before_a_connection_is_made(tmp_path: Path, linked: bool) -> None:
    home = tmp_path / "run/qemu-server"
    home.mkdir(parents=True)
    path, log = home / "100.qmp", tmp_path / "sent"
    link = tmp_path / "vm.sock"
    link.symlink_to(path)
    async with starting(tmp_path) as start:
        await _with_monitor(start, path, log)
        failure = await refused(link if linked else path)
        assert isinstance(failure, Reserved)
        assert "is Proxmox VE's own monitor. It is never connected to" in failure.sentence
        assert "qm set" in failure.advice
        assert log.read_text() == ""
        # Nothing but its place is in the way.
        path.rename(tmp_path / "free.sock")
        async with await connect(tmp_path / "free.sock") as session:
            assert await session.execute("query-name") == {}


async def _with_monitor(start: Starter, path: Path, log: Path) -> None:
    await start(
        *("-chardev", f"socket,id=c,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "chardev=c,mode=control"),
    )
