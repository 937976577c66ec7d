"""Which QEMU is behind a monitor."""

import asyncio

import psutil

from tui.host.process import QemuProcess, holder_pid, listener_pid, qemu_process
from tui.qmp.address import TcpAddress, TlsAddress, UnixAddress
from tui.qmp.names import look_up
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession

_NAME_SECONDS = 3.0


async def process_behind(session: QmpSession) -> QemuProcess | None:
    """The QEMU at the other end of a session; None where it is not on this host, or not to tell."""
    pid, address = session.peer_pid, session.address
    if pid is None and isinstance(address, TcpAddress | TlsAddress):
        addresses = await _addresses(address.host, address.port)
        pid = await asyncio.to_thread(listener_pid, addresses, address.port)
    process = await asyncio.to_thread(qemu_process, pid)
    if process is None and isinstance(address, UnixAddress):
        holder = await asyncio.to_thread(holder_pid, address.path)
        process = await asyncio.to_thread(qemu_process, holder)
    return process


async def _addresses(host: str, port: int) -> list[str]:
    """The addresses of a host; none where its name, known before, is not answered any more."""
    try:
        return [place.target[0] for place in await look_up(host, port, _NAME_SECONDS)]
    except (OSError, UnicodeError):
        return []


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


def has_ended(mark: str) -> bool:
    """Whether a QEMU that `mark_of` told by its process runs no more; False where nothing tells."""
    pid, at, created = mark.partition("@")
    if not (at and pid.isdecimal()):
        return False
    try:
        # It may be another process by now.
        return psutil.Process(int(pid)).create_time() != float(created)
    except psutil.NoSuchProcess:
        return True
    except ValueError:
        return False
