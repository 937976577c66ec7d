"""From the name of a host to its addresses. A name server that hangs holds up nobody else."""

import asyncio
import functools
import ipaddress
import socket
from collections.abc import Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from tui.qmp.aside import aside


class Place(NamedTuple):
    """An address of a host, with the port that was asked for.

    Attributes:
        family: `AF_INET` or `AF_INET6`.
        target: what a socket of the family connects to.
    """

    family: socket.AddressFamily
    target: tuple[str, int] | tuple[str, int, int, int]


class NameServerSilent(OSError):
    """No answer about the name came in time."""


_Answer = list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]]

# One look-up of a name is under way at most, however many ask: each may hang for minutes.
_under_way: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, "asyncio.Future[_Answer]"]] = (
    WeakKeyDictionary()
)


async def look_up(host: str, port: int, seconds: float) -> Sequence[Place]:
    """The addresses of a host, the preferred one first; never none.

    Raises:
        NameServerSilent: the name server gave no answer within the given seconds.
        OSError: there is no such host.
        UnicodeError: the name can be no host's.
    """
    if _is_address(host):
        # Nobody has to be asked.
        found = _ask(host)
    else:
        try:
            async with asyncio.timeout(seconds):
                found = await asyncio.shield(_asking(host))
        except TimeoutError as error:
            raise NameServerSilent(
                f"The name server gave no address for {host} within {seconds:g} s"
            ) from error
    return [Place(family, _with_port(target, port)) for family, _, _, _, target in found]


def _asking(host: str) -> "asyncio.Future[_Answer]":
    names = _under_way.setdefault(asyncio.get_running_loop(), {})
    if host not in names:
        names[host] = aside(functools.partial(_ask, host), f"look-up of {host}")
        names[host].add_done_callback(lambda _: names.pop(host))
    return names[host]


def _ask(host: str) -> "_Answer":
    # Typeshed knows a second shape of addresses, that of a Python built without IPv6.
    return socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)  # type: ignore[return-value]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _with_port(
    target: tuple[str, int] | tuple[str, int, int, int], port: int
) -> tuple[str, int] | tuple[str, int, int, int]:
    return (target[0], port, *target[2:])
