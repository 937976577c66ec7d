"""What a real libvirt starts is found, its monitor is left to it, and the remedy is one."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.discovery.looking import NOBODY, at
from tests.waiting import until_answered
from tui.discovery.models import FoundVm, Manager, MonitorState
from tui.discovery.scout import Scout
from tui.qmp.address import UnixAddress

# libvirt is made for the QEMU that it is installed with, not for another one on the PATH.
SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"
EMULATOR, LIBVIRTD, VIRSH = (
    shutil.which(name, path=SYSTEM) for name in ("qemu-system-x86_64", "libvirtd", "virsh")
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (EMULATOR and LIBVIRTD and VIRSH), reason="there is no libvirt on this machine"
    ),
]

NAME = "real [x]"
DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices><emulator>{emulator}</emulator></devices>
</domain>
"""


class Libvirt:
    """A libvirt of the test's own: the session of a user without privileges.

    Attributes:
        home: where all its files are.
        environment: what leads its clients to it.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        places = {"RUNTIME_DIR": "run", "CONFIG_HOME": "config"}
        places |= {"CACHE_HOME": "cache", "DATA_HOME": "data"}
        self.environment = {"PATH": SYSTEM, "HOME": str(home), "LC_ALL": "C"}
        for name, place in places.items():
            (home / place).mkdir()
            self.environment[f"XDG_{name}"] = str(home / place)
        self.user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        if os.geteuid() == 0:
            for path in (home, *home.iterdir()):
                os.chown(path, NOBODY, NOBODY)
        else:
            self.user = {}

    async def virsh(self, *words: str) -> str:
        """Run a command of virsh; what it says."""
        return await asyncio.to_thread(self._virsh, words)

    def _virsh(self, words: tuple[str, ...]) -> str:
        command = [str(VIRSH), "-c", "qemu:///session", *words]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env=self.environment,
            cwd=self.home,
            **self.user,
        )
        return done.stdout if done.returncode == 0 else f"failed: {done.stderr}"

    async def define(self, xml: str) -> None:
        """Make, or change, a domain."""
        file = self.home / "domain.xml"
        file.write_text(xml)
        file.chmod(0o644)
        said = await self.virsh("define", str(file))
        assert "defined" in said, said


@pytest.fixture
async def libvirt() -> AsyncIterator[Libvirt]:
    # The path of a socket is short, and pytest's directories are root's own.
    with tempfile.TemporaryDirectory(prefix="bd-virt-", ignore_cleanup_errors=True) as directory:
        own = Libvirt(Path(directory))
        with (own.home / "log").open("wb") as log:
            daemon = await asyncio.create_subprocess_exec(
                str(LIBVIRTD),
                stdout=log,
                stderr=log,
                env=own.environment,
                cwd=own.home,
                start_new_session=True,
                **own.user,
            )
        try:
            await until_answered(lambda: answers(own))
            yield own
        finally:
            await own.virsh("destroy", NAME)
            if daemon.returncode is None:
                daemon.terminate()
            await daemon.wait()


async def answers(libvirt: Libvirt) -> bool:
    return "failed" not in await libvirt.virsh("list")


def is_of(libvirt: Libvirt, pid: int) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(str(libvirt.home) in word for word in psutil.Process(pid).cmdline())
    return False


async def look(libvirt: Libvirt) -> FoundVm:
    """The domain, as it is found."""
    scout = Scout(places=(), wanted=lambda pid: is_of(libvirt, pid))
    (vm,) = (await scout.look()).vms
    return vm


async def test_libvirt_keeps_its_monitor_and_the_remedy_makes_one(libvirt: Libvirt) -> None:
    await libvirt.define(DOMAIN.format(name=NAME, emulator=EMULATOR))
    said = await libvirt.virsh("start", NAME)
    assert "started" in said, said

    vm = await look(libvirt)
    assert (vm.name, vm.manager) == (NAME, Manager.LIBVIRT)
    assert vm.uuid == (await libvirt.virsh("domuuid", NAME)).strip()
    (monitor,) = vm.monitors
    assert monitor.state is MonitorState.MANAGED
    assert isinstance(monitor.address, UnixAddress)
    assert monitor.address.path.name == "monitor.sock"
    if os.geteuid() == 0:
        assert monitor.holder is not None
        assert monitor.holder.program == "libvirtd"
    assert not vm.usable
    assert (await libvirt.virsh("domstate", NAME)).strip() == "running"

    assert vm.remedy is not None
    xml = await libvirt.virsh("dumpxml", "--inactive", NAME)
    mended = xml.replace("</domain>", f"{vm.remedy.text}\n</domain>")
    await libvirt.define(mended)
    await libvirt.virsh("destroy", NAME)
    said = await libvirt.virsh("start", NAME)
    assert "started" in said, said
    vm = await look(libvirt)
    assert vm.run_state == "running"
    assert vm.best is not None
    assert vm.best.state is MonitorState.FREE
    assert str(vm.best.address) in vm.best.text
    assert at(vm, vm.best.address).source == "-qmp"
    assert vm.remedy is None
    assert isinstance(vm.best.address, UnixAddress)
    vm.best.address.path.unlink()
