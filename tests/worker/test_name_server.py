"""A name server that hangs holds up the VMs whose names it was asked for, and no others."""

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

from tests.qemu import QemuStarter
from tests.qmp.naming import HANGING, NameServer
from tests.waiting import until
from tests.worker.disks import null
from tests.worker.watching import BRISK, running, worker_of
from tests.worker.watching import until as until_seen
from tui.qmp.address import MonitorAddress, SshAddress, TcpAddress
from tui.worker import VmWorker

FEW_THREADS = 2
"""The pool that the whole program shares, as small as it may be on a small machine."""


async def test_a_vm_of_this_host_is_loaded_while_ten_names_hang(qemu: QemuStarter) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(FEW_THREADS))
    addresses: list[MonitorAddress] = [
        *(TcpAddress(host=f"tcp{number}{HANGING}", port=4444) for number in range(5)),
        *(SshAddress(host=f"ssh{number}{HANGING}", path="/run/vm.sock") for number in range(5)),
    ]
    vm = await qemu(*null())
    async with contextlib.AsyncExitStack() as stack:
        server = stack.enter_context(NameServer().hanging())
        workers = [VmWorker(address, pace=BRISK) for address in addresses]
        for worker in workers:
            await stack.enter_async_context(running(worker))
        await until(lambda: len(set(server.asked)) == len(addresses))
        here = worker_of(vm)
        await stack.enter_async_context(running(here))
        await until_seen(here, lambda: here.snapshot.loaded)
        assert not any(worker.snapshot.loaded for worker in workers)
        # Those that were given up and are tried again wait for the answer that is on its way.
        assert sorted(server.asked) == sorted({str(name) for name in server.asked})
