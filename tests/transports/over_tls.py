"""A QEMU whose monitor takes TLS alone."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.transports.certificates import Authority
from tests.transports.reaching import Reached, on_a_port
from tui.qmp.address import TlsAddress


@contextlib.asynccontextmanager
async def over_tls(place: Path) -> AsyncIterator[Reached]:
    """`tls-creds-x509` with both sides checked."""
    authority = Authority()
    server = authority.server(place / "server", "127.0.0.1")
    client = authority.client(place / "client")
    async with tls_monitor(place, server) as (port, pid):
        yield Reached(TlsAddress(host="127.0.0.1", port=port, dir=client), pid)


@contextlib.asynccontextmanager
async def tls_monitor(
    place: Path, server: Path, *, verify_peer: bool = True
) -> AsyncIterator[tuple[int, int]]:
    """A QEMU with these credentials; its port and pid."""
    verify = "on" if verify_peer else "off"
    creds = f"tls-creds-x509,id=tls0,endpoint=server,dir={server},verify-peer={verify}"
    chardev = "socket,id=c0,host=127.0.0.1,port={port},server=on,wait=off,tls-creds=tls0"
    options = ("-object", creds, "-chardev", chardev, "-mon", "chardev=c0,mode=control")
    async with on_a_port(place, *options) as (vm, port):
        yield port, vm.pid
