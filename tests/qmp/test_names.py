"""Names are looked up aside: one that hangs holds up nobody but those who ask for it."""

import asyncio
import socket

import pytest

from tests.qmp.connecting import refused
from tests.qmp.naming import HANGING, NameServer
from tests.waiting import until
from tui.qmp.address import TcpAddress
from tui.qmp.errors import HostUnknown
from tui.qmp.names import NameServerSilent, Place, look_up


async def test_an_address_is_nothing_to_ask_for() -> None:
    assert list(await look_up("127.0.0.1", 4444, 5)) == [Place(socket.AF_INET, ("127.0.0.1", 4444))]
    assert list(await look_up("::1", 4444, 5)) == [Place(socket.AF_INET6, ("::1", 4444, 0, 0))]


async def test_a_name_has_the_port_that_was_asked_for() -> None:
    ports = (4444, 4445)
    for places, port in zip(
        await asyncio.gather(*(look_up("localhost", port, 5) for port in ports)), ports, strict=True
    ):
        assert {place.target[1] for place in places} == {port}
        assert {place.target[0] for place in places} <= {"127.0.0.1", "::1"}


async def test_however_many_ask_one_look_up_is_under_way() -> None:
    name = f"vm{HANGING}"
    with NameServer().hanging() as server:
        asking = [asyncio.create_task(look_up(name, 4444, 60)) for _ in range(5)]
        await until(lambda: server.asked)
        with pytest.raises(NameServerSilent, match=r"within 0\.05 s"):
            await look_up(name, 4444, 0.05)
        # Nor does whoever gives up take the answer from the others.
        asking.pop().cancel()
        server.release()
        told = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(one) for one in told] == [socket.gaierror] * 4
        assert server.asked == [name]
        # The next one asks anew.
        with pytest.raises(socket.gaierror):
            await look_up(name, 4444, 60)
        assert server.asked == [name, name]


async def test_what_hangs_is_named() -> None:
    with NameServer().hanging():
        failure = await refused(TcpAddress(host=f"vm{HANGING}", port=4444), timeout=0.1)
    assert isinstance(failure, HostUnknown)
    assert failure.sentence == f"The name server gave no address for vm{HANGING} within 0.1 s."


async def test_a_name_that_is_none_is_unknown() -> None:
    for name in ("nonexistent.invalid", "a..b", "x" * 70):
        assert isinstance(await refused(TcpAddress(host=name, port=4444)), HostUnknown)
