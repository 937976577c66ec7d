"""A monitor on a TCP port of another host: what sshd says of the way there is told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.qmp.connecting import connect, refused
from tests.transports.over_ssh import HOST, know, port_behind, ssh_server
from tests.transports.ports import free_port
from tests.transports.reaching import MONITOR, on_a_port
from tui.qmp.address import SshAddress, TcpAddress
from tui.qmp.errors import (
    MonitorBusy,
    NobodyListens,
    NoSocketNamed,
    NotResponding,
    PermissionRefused,
)

pytestmark = pytest.mark.usefixtures("no_task_is_left")


@pytest.fixture
async def port(place: Path) -> AsyncIterator[int]:
    """The port of a running QEMU's monitor."""
    async with on_a_port(place, *MONITOR) as (_, number):
        yield number


@pytest.mark.parametrize("lines", ["AllowTcpForwarding no\n", "PermitOpen localhost:9\n"])
async def test_a_host_that_does_not_forward_says_so(port: int, lines: str) -> None:
    with ssh_server(lines) as sshd:
        know(sshd)
        failure = await refused(port_behind(sshd, port))
        assert isinstance(failure, PermissionRefused)
        told = f"sshd on {HOST} does not let this user connect to localhost:{port}."
        assert failure.sentence == told
        assert "AllowTcpForwarding yes" in failure.advice
        assert "PermitOpen" in failure.advice


async def test_it_is_let_in_where_this_port_alone_is_forwarded(port: int) -> None:
    with ssh_server(f"PermitOpen localhost:{port}\n") as sshd:
        know(sshd)
        async with await connect(port_behind(sshd, port)) as session:
            assert await session.execute("query-name") == {}


async def test_a_key_without_the_right_to_forward_is_kept_out(port: int) -> None:
    with ssh_server() as sshd:
        know(sshd)
        public = sshd.there / "client_key.pub"
        public.write_text(f"restrict {public.read_text()}")
        failure = await refused(port_behind(sshd, port))
    assert isinstance(failure, PermissionRefused)
    assert "no restrict on the key" in failure.advice


async def test_nobody_listens_there() -> None:
    number = free_port()
    with ssh_server() as sshd:
        know(sshd)
        failure = await refused(port_behind(sshd, number))
    assert isinstance(failure, NobodyListens)
    assert failure.sentence == f"Nobody listens on localhost:{number} on {HOST}."


async def test_a_name_that_the_host_does_not_know_is_told() -> None:
    with ssh_server() as sshd:
        know(sshd)
        tcp = TcpAddress(host="nonexistent.invalid", port=4444)
        failure = await refused(SshAddress(host=HOST, port=sshd.port, tcp=tcp))
    assert isinstance(failure, NotResponding)
    assert failure.sentence.startswith(f"{HOST} cannot connect to nonexistent.invalid:4444: ")


async def test_a_monitor_that_another_client_holds_is_busy(port: int) -> None:
    with ssh_server() as sshd:
        know(sshd)
        async with await connect(port_behind(sshd, port)) as session:
            await session.execute("query-name")
            failure = await refused(port_behind(sshd, port), timeout=0.5)
    assert isinstance(failure, MonitorBusy)


async def test_a_cut_line_is_named(port: int) -> None:
    with ssh_server() as sshd:
        know(sshd)
        async with await connect(port_behind(sshd, port)) as session:
            sshd.cut()
            reason = await asyncio.wait_for(session.closed(), 10)
    assert reason.startswith(f"The SSH connection to {HOST} was lost")


async def test_a_host_alone_tells_of_both_ways_to_name_a_monitor() -> None:
    failure = await refused(SshAddress(host=HOST, port=free_port()))
    assert isinstance(failure, NoSocketNamed)
    assert "/path/to/qmp.sock, or" in failure.sentence
    assert "/localhost:4444" in failure.sentence
