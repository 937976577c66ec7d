"""`qemu:///system`, as root's libvirtd serves it."""

import asyncio
import subprocess
import sys

import pytest

from tests.qmp.connecting import connect
from tests.transports.over_libvirt import Libvirtd, domain
from tests.transports.system_libvirtd import can_run
from tests.transports.test_libvirt import AS_A_STRANGER, address_of
from tests.worker.watching import BRISK, until
from tui.worker import VmWorker

pytestmark = pytest.mark.skipif(not can_run(), reason="takes root, and leave to mount")


async def test_a_worker_watches_a_domain_of_the_system(system_libvirtd: Libvirtd) -> None:
    async with (
        domain(system_libvirtd) as (name, pid),
        VmWorker(address_of(system_libvirtd, name), pace=BRISK) as worker,
    ):
        assert worker.snapshot.name == name
        assert worker.process is not None
        assert worker.process.pid == pid
        async with await connect(address_of(system_libvirtd, name)) as other:
            await other.execute("cont")
        await until(worker, lambda: worker.snapshot.run_state == "running")


async def test_whoever_is_not_of_its_group_is_not_let_in(system_libvirtd: Libvirtd) -> None:
    async with domain(system_libvirtd) as (name, _):
        child = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", AS_A_STRANGER, str(address_of(system_libvirtd, name))],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert child.stdout.startswith("PermissionRefused\n"), child
