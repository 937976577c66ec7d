"""Opens a TCP connection to a monitor and tells why it could not be opened."""

import asyncio
import socket
from collections.abc import Sequence

from tui.qmp.address import TcpAddress, TlsAddress
from tui.qmp.errors import ConnectFailure, HostUnknown, HostUnreachable, NobodyListens
from tui.qmp.names import NameServerSilent, Place, look_up


async def dial_tcp(address: TcpAddress | TlsAddress, seconds: float) -> socket.socket:
    """A connected, non-blocking socket, which the caller has to close.

    Raises:
        ConnectFailure: there is none within the given seconds.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    places = await _resolve(address, seconds)
    failure: OSError | None = None
    for number, place in enumerate(places):
        # Every address gets its share of the time, or a dead IPv6 route would take it all.
        share = max(deadline - loop.time(), 0) / (len(places) - number)
        sock = socket.socket(place.family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            async with asyncio.timeout(share):
                await loop.sock_connect(sock, place.target)
            return sock
        except OSError as error:
            sock.close()
            failure = error
        except BaseException:
            sock.close()
            raise
    raise _tcp_failure(address, failure, seconds) from failure


async def _resolve(address: TcpAddress | TlsAddress, seconds: float) -> Sequence[Place]:
    try:
        return await look_up(address.host, address.port, seconds)
    except NameServerSilent as error:
        raise HostUnknown(address, f"{error}.") from error
    except (OSError, UnicodeError) as error:
        raise HostUnknown(
            address, f"The host {address.host} is unknown.", "Check the name, or give its address."
        ) from error


def _tcp_failure(
    address: TcpAddress | TlsAddress, error: OSError | None, seconds: float
) -> ConnectFailure:
    if isinstance(error, ConnectionRefusedError):
        return NobodyListens(
            address,
            f"Nobody listens on {TcpAddress(host=address.host, port=address.port)}.",
            "Check the port; a monitor on another host must listen on its network address.",
        )
    if isinstance(error, TimeoutError):
        return HostUnreachable(
            address,
            f"{address.host} did not answer within {seconds:g} s.",
            "The host may be down, or a firewall drops the connection.",
        )
    words = error.strerror if error else "no address to connect to"
    return HostUnreachable(address, f"{address.host} cannot be reached: {words}.")
