"""Which process is behind a monitor."""

import asyncio

from tui.host.process import QemuProcess, holder_pid, listener_pid, qemu_process
from tui.qmp.address import TcpAddress, UnixAddress
from tui.qmp.session import QmpSession


async def process_behind(session: QmpSession) -> QemuProcess | None:
    """The QEMU at the other end of a session; None where it is not on this host, or not to tell."""
    pid, address = session.peer_pid, session.address
    if pid is None and isinstance(address, TcpAddress):
        pid = await asyncio.to_thread(listener_pid, address.host, address.port)
    process = await asyncio.to_thread(qemu_process, pid)
    if process is None and isinstance(address, UnixAddress):
        holder = await asyncio.to_thread(holder_pid, address.path)
        process = await asyncio.to_thread(qemu_process, holder)
    return process


def same_process(one: QemuProcess | None, other: QemuProcess | None) -> bool:
    """Whether two looks saw the same process, or neither saw one."""
    if one is None or other is None:
        return one is other
    return (one.pid, one.created) == (other.pid, other.created)
