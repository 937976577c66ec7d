"""VMs with a file system or a network of their own, as in containers."""

import os
import shutil
from pathlib import Path

import pytest

from tests.discovery.looking import scout, the_vm
from tests.discovery.starting import Starter, held_by_another
from tests.waiting import until
from tui.discovery.models import FoundVm, MonitorState
from tui.qmp.address import UnixAddress
from tui.qmp.session import QmpSession

UNSHARE = shutil.which("unshare") or ""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not UNSHARE,
    reason="only root can give a process namespaces of its own",
)


async def look() -> FoundVm:
    return the_vm(await scout().look(), "boxed")


async def test_a_monitor_in_another_file_system_is_reached_through_its_process(
    start: Starter, tmp_path: Path
) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    inside = f'mount -t tmpfs none {hidden} && exec "$0" "$@"'
    qemu = await start.wrapped(
        *(UNSHARE, "--mount", "sh", "-c", inside),
        options=("-name", "boxed", "-qmp", f"unix:{hidden}/qmp,server=on,wait=off"),
    )
    assert not (hidden / "qmp").exists()
    vm = await look()
    assert "file system of its own" in "".join(vm.notes)
    assert vm.best is not None
    assert vm.best.address == UnixAddress(path=Path(f"/proc/{qemu.pid}/root{hidden}/qmp"))
    assert vm.run_state == "prelaunch"
    async with await QmpSession.connect(vm.best.address, on_event=print) as session:
        assert await session.execute("query-name") == {"name": "boxed"}


async def test_what_is_busy_in_another_network_is_left_alone(
    start: Starter, tmp_path: Path
) -> None:
    path, log = tmp_path / "qmp", tmp_path / "sent"
    await start.wrapped(
        *(UNSHARE, "--net"),
        options=(
            *("-name", "boxed", "-mon", "c,mode=control"),
            *("-chardev", f"socket,id=c,path={path},server=on,wait=off,logfile={log}"),
            *("-qmp", "tcp:127.0.0.1:4444,server=on,wait=off"),
        ),
    )
    with held_by_another(path) as pid:
        vm = await look()
        states = [monitor.state for monitor in vm.monitors]
        assert states == [MonitorState.BUSY, MonitorState.NO_ADDRESS]
        assert f"pid {pid}" in vm.monitors[0].sentence
        assert "network namespace" in vm.monitors[1].sentence
        await until(lambda: log.read_text().count('"QMP"') == 1)
