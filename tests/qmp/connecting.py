"""Attempts to connect, in this process and in one without privileges."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tui.qmp.address import MonitorAddress, UnixAddress
from tui.qmp.errors import ConnectFailure
from tui.qmp.models import QmpEvent
from tui.qmp.session import QmpSession


def ignore(event: QmpEvent) -> None:
    """Take no interest in events."""


async def connect(
    address: MonitorAddress | Path,
    timeout: float = 5.0,
    on_event: Callable[[QmpEvent], None] = ignore,
) -> QmpSession:
    if isinstance(address, Path):
        address = UnixAddress(path=address)
    return await QmpSession.connect(address, on_event=on_event, timeout=timeout)


async def refused(address: MonitorAddress | Path, timeout: float = 5.0) -> ConnectFailure:
    """The failure of an attempt to connect, which must leave no task behind."""
    before = asyncio.all_tasks()
    with pytest.raises(ConnectFailure) as failure:
        await connect(address, timeout)
    left = {task for task in asyncio.all_tasks() - before if "serve" not in repr(task.get_coro())}
    assert not left, left
    return failure.value


_CONNECT = """
import asyncio, os, sys
from pathlib import Path
from tui.qmp.address import UnixAddress
from tui.qmp.errors import ConnectFailure
from tui.qmp.session import QmpSession
if os.geteuid() == 0 and sys.argv[2] == "nobody":
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    address = UnixAddress(path=Path(sys.argv[1]))
    asyncio.run(QmpSession.connect(address, on_event=print))
except ConnectFailure as failure:
    print(type(failure).__name__, failure.sentence, failure.advice, sep="\\n")
"""


def connect_in_a_child(path: Path, user: str = "nobody") -> list[str]:
    """What connecting says to a user without privileges; standard error has to stay empty."""
    child = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", _CONNECT, path, user],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert child.stderr == ""
    return child.stdout.splitlines()
