"""Which QEMU is behind a monitor."""

import asyncio

from tui.host.process import QemuProcess, holder_pid, listener_pid, qemu_process
from tui.qmp.address import TcpAddress, TlsAddress, UnixAddress
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession


async def process_behind(session: QmpSession) -> QemuProcess | None:
    """The QEMU at the other end of a session; None where it is not on this host, or not to tell."""
    pid, address = session.peer_pid, session.address
    if pid is None and isinstance(address, TcpAddress | TlsAddress):
        pid = await asyncio.to_thread(listener_pid, address.host, address.port)
    process = await asyncio.to_thread(qemu_process, pid)
    if process is None and isinstance(address, UnixAddress):
        holder = await asyncio.to_thread(holder_pid, address.path)
        process = await asyncio.to_thread(qemu_process, holder)
    return process


async def mark_of(process: QemuProcess | None, ask: Queries) -> str:
    """What tells a QEMU from the one that was behind the same monitor before.

    Where its process is not seen, the thread of its first virtual CPU stands for it: another
    process has another. A storage daemon has none, and is told by its monitor alone.

    Raises:
        QmpError: QEMU could not be asked.
    """
    if process is not None:
        return f"{process.pid}@{process.created}"
    return f"{ask.session.address} {await ask.cpu_thread() or ''}".rstrip()
