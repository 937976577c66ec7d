"""The TCP connection under SSH. asyncssh's own would look names up in the pool of all threads."""

import asyncio
import socket
from collections.abc import Callable

from tui.qmp.names import Place, look_up

NAME_SECONDS = 10.0
"""How long a name server may take."""

CONNECT_SECONDS = 12.0
"""How long it may take until one of the addresses is connected to."""


class Direct:
    """Stands where asyncssh takes a connection to tunnel through: it is asked for host and port.

    Args:
        family: `AddressFamily` of the configuration.
        local: `BindAddress` of the configuration.
    """

    def __init__(self, family: int, local: tuple[str, int] | None) -> None:
        self._family = family
        self._local = local

    async def create_connection(
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        """Connect to the first address of the host that can be connected to.

        Raises:
            OSError: there is none.
        """
        found = await look_up(host, port, NAME_SECONDS)
        places = [p for p in found if self._family in (socket.AF_UNSPEC, p.family)]
        failure: OSError | None = None
        for place in places:
            try:
                # Every address gets its share of the time, as one of them may lead nowhere.
                async with asyncio.timeout(CONNECT_SECONDS / len(places)):
                    return await self._connect(factory, place)
            except OSError as error:
                failure = error
        raise failure or socket.gaierror(socket.EAI_NONAME, "no address of the family wanted")

    async def _connect(
        self, factory: Callable[[], asyncio.Protocol], place: Place
    ) -> tuple[asyncio.BaseTransport, asyncio.Protocol]:
        host, port = place.target[:2]
        return await asyncio.get_running_loop().create_connection(
            factory,
            host,
            port,
            family=place.family,
            flags=socket.AI_NUMERICHOST,
            local_addr=self._local,
        )
