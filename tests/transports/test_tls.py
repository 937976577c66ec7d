"""TLS: whoever cannot show who he is learns nothing, and is told apart in words."""

import asyncio
import datetime
import socket
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.qmp.connecting import connect, refused
from tests.transports.certificates import Authority
from tests.transports.over_tls import tls_monitor
from tests.transports.ports import free_port
from tests.transports.reaching import on_a_port
from tui.qmp.address import TcpAddress, TlsAddress
from tui.qmp.errors import (
    ConnectFailure,
    LoginRefused,
    MonitorBusy,
    NobodyListens,
    NotQmp,
    Untrusted,
)

HOST = "127.0.0.1"


@pytest.fixture
def authority() -> Authority:
    """The CA of the operator."""
    return Authority()


# --- the server must be who it should be --------------------------------------------------------


async def test_a_server_of_another_ca_is_a_stranger(place: Path, authority: Authority) -> None:
    stranger = Authority().server(place / "server", HOST)
    client = authority.client(place / "client")
    async with tls_monitor(place, stranger) as (port, _):
        failure = await refused(TlsAddress(host=HOST, port=port, dir=client))
    assert isinstance(failure, Untrusted)
    assert f"was not issued by the CA in {client}/ca-cert.pem" in failure.sentence
    assert "Nothing was sent" in failure.advice


async def test_a_certificate_must_be_for_the_host_that_was_asked(
    place: Path, authority: Authority
) -> None:
    server = authority.server(place / "server", "other.test")
    client = authority.client(place / "client")
    async with tls_monitor(place, server) as (port, _):
        failure = await refused(TlsAddress(host=HOST, port=port, dir=client))
        assert isinstance(failure, Untrusted)
        assert failure.sentence == f"The certificate of the server is not for {HOST}."
        assert "tls-hostname=NAME" in failure.advice
        known = TlsAddress(host=HOST, port=port, dir=client, tls_hostname="other.test")
        async with await connect(known) as session:
            assert await session.execute("query-name") == {}


@pytest.mark.parametrize("kind", ["anon", "psk"])
async def test_credentials_of_another_kind_are_told_as_a_reason(
    place: Path, authority: Authority, kind: str
) -> None:
    (place / "keys.psk").write_text("operator:" + "5a" * 16 + "\n")
    files = f",dir={place}" if kind == "psk" else ""
    creds = f"tls-creds-{kind},id=tls0,endpoint=server{files}"
    chardev = f"socket,id=c0,host={HOST},port={{port}},server=on,wait=off,tls-creds=tls0"
    options = ("-object", creds, "-chardev", chardev, "-mon", "chardev=c0,mode=control")
    async with on_a_port(place, *options) as (_, port):
        address = TlsAddress(host=HOST, port=port, dir=authority.alone(place / "client"))
        failure = await refused(address)
    assert "tls-creds are psk or anon" in failure.advice
    assert "tls-creds-x509 alone" in failure.advice


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
async def test_a_key_that_others_may_read_is_not_used(
    place: Path, authority: Authority, mode: int
) -> None:
    server, client = authority.server(place / "server", HOST), authority.client(place / "client")
    key = client / "client-key.pem"
    key.chmod(mode)
    async with tls_monitor(place, server) as (port, _):
        failure = await refused(TlsAddress(host=HOST, port=port, dir=client))
        assert isinstance(failure, LoginRefused)
        assert f"{key} may be read by others (mode {mode:04o})" in failure.sentence
        key.chmod(0o400)
        async with await connect(TlsAddress(host=HOST, port=port, dir=client)) as session:
            assert await session.execute("query-name") == {}


async def test_an_expired_server_is_refused(place: Path, authority: Authority) -> None:
    server = authority.server(place / "server", HOST, expired=True)
    client = authority.client(place / "client")
    failure = await _refused_by_a_stand_in(server, client)
    assert isinstance(failure, Untrusted)
    assert "has expired" in failure.sentence


async def test_a_revoked_server_is_refused(place: Path, authority: Authority) -> None:
    server = authority.server(place / "server", HOST)
    client = authority.client(place / "client")
    _revoke(authority, server / "server-cert.pem", client / "ca-crl.pem")
    async with tls_monitor(place, server) as (port, _):
        failure = await refused(TlsAddress(host=HOST, port=port, dir=client))
    assert isinstance(failure, Untrusted)
    assert "revoked" in failure.sentence


async def test_without_a_ca_nobody_is_trusted(place: Path, own_home: Path) -> None:
    failure = await refused(TlsAddress(host=HOST, port=free_port()))
    assert isinstance(failure, Untrusted)
    assert "~/.pki/qemu/ca-cert.pem or /etc/pki/qemu/ca-cert.pem" in failure.sentence


async def test_the_usual_place_is_looked_at(
    place: Path, authority: Authority, own_home: Path
) -> None:
    server = authority.server(place / "server", "localhost")
    authority.client(own_home / ".pki/qemu")
    async with (
        tls_monitor(place, server) as (port, _),
        await connect(TlsAddress(host="localhost", port=port)) as session,
    ):
        assert await session.execute("query-name") == {}


# --- the server lets nobody in whom it does not know --------------------------------------------


async def test_a_missing_client_certificate_is_named(place: Path, authority: Authority) -> None:
    server = authority.server(place / "server", HOST)
    alone = authority.alone(place / "alone")
    async with tls_monitor(place, server) as (port, _):
        failure = await refused(TlsAddress(host=HOST, port=port, dir=alone))
    assert isinstance(failure, LoginRefused | NobodyListens)
    assert "ask for a client certificate" in failure.advice
    assert str(alone) in failure.advice


@pytest.mark.parametrize("fault", ["expired", "of another CA"])
async def test_a_client_certificate_that_is_not_accepted_is_named(
    place: Path, authority: Authority, fault: str
) -> None:
    server = authority.server(place / "server", HOST)
    issuer = authority if fault == "expired" else Authority()
    client = issuer.client(place / "client", expired=fault == "expired")
    authority.alone(client)
    async with tls_monitor(place, server) as (port, _):
        failure = await refused(TlsAddress(host=HOST, port=port, dir=client))
    assert isinstance(failure, LoginRefused | NobodyListens)
    assert f"may not accept the client certificate {client}/client-cert.pem" in failure.advice


async def test_where_the_server_asks_for_none_no_certificate_is_needed(
    place: Path, authority: Authority
) -> None:
    server = authority.server(place / "server", HOST)
    alone = authority.alone(place / "alone")
    async with (
        tls_monitor(place, server, verify_peer=False) as (port, _),
        await connect(TlsAddress(host=HOST, port=port, dir=alone)) as session,
    ):
        assert await session.execute("query-name") == {}


async def test_a_key_without_its_certificate_is_a_mistake(
    place: Path, authority: Authority
) -> None:
    client = authority.client(place / "client")
    (client / "client-cert.pem").unlink()
    failure = await refused(TlsAddress(host=HOST, port=free_port(), dir=client))
    assert failure.sentence == f"There is no {client}/client-cert.pem."


async def test_files_that_cannot_be_used_are_named(place: Path, authority: Authority) -> None:
    client = authority.client(place / "client")
    Authority().client(place / "other")
    address = TlsAddress(host=HOST, port=free_port(), dir=client)
    failure = await refused(address.model_copy(update={"key": place / "other/client-key.pem"}))
    assert f"{place}/other/client-key.pem cannot be used" in failure.sentence
    failure = await refused(address.model_copy(update={"ca": client / "client-key.pem"}))
    assert f"{client}/client-key.pem cannot be used" in failure.sentence
    _protect(client / "client-key.pem")
    failure = await refused(address)
    assert "protected by a password" in failure.sentence


# --- never in plain text ------------------------------------------------------------------------


async def test_a_plain_monitor_is_refused(place: Path, authority: Authority) -> None:
    client = authority.client(place / "client")
    async with on_a_port(place, "-qmp", "tcp:127.0.0.1:{port},server=on,wait=off") as (_, port):
        failure = await refused(TlsAddress(host=HOST, port=port, dir=client))
    assert isinstance(failure, NotQmp)
    assert "does not speak TLS" in failure.sentence


@pytest.mark.parametrize("says", [b"", b'{"QMP": {"version": {}, "capabilities": []}}\r\n'])
async def test_nothing_but_tls_is_ever_sent(place: Path, authority: Authority, says: bytes) -> None:
    heard = bytearray()
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(says)
        while raw := await reader.read(65536):
            heard.extend(raw)
        writer.close()
        await writer.wait_closed()
        over.set()

    client = authority.client(place / "client")
    async with await asyncio.start_server(serve, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        await refused(TlsAddress(host=HOST, port=port, dir=client), timeout=0.5)
        await asyncio.wait_for(over.wait(), 10)
    # A record of a handshake (22), and perhaps alerts (21); the first is TLS's ClientHello (1).
    assert heard[:2] == b"\x16\x03"
    assert heard[5] == 1
    assert b"qmp" not in heard.lower()
    assert b"execute" not in heard


async def test_a_client_that_speaks_plainly_is_told_to_use_tls(
    place: Path, authority: Authority
) -> None:
    server = authority.server(place / "server", HOST)
    async with tls_monitor(place, server) as (port, _):
        failure = await refused(TcpAddress(host=HOST, port=port), timeout=0.5)
    assert isinstance(failure, ConnectFailure)
    assert "TLS" in failure.sentence + failure.advice


# --- the way ------------------------------------------------------------------------------------


async def test_a_monitor_that_another_client_holds_is_busy(
    place: Path, authority: Authority
) -> None:
    server = authority.server(place / "server", HOST)
    client = authority.client(place / "client")
    async with tls_monitor(place, server) as (port, _):
        address = TlsAddress(host=HOST, port=port, dir=client)
        async with await connect(address) as session:
            await session.execute("query-name")
            failure = await refused(address, timeout=0.5)
    assert isinstance(failure, MonitorBusy)


async def test_nobody_listens(place: Path, authority: Authority) -> None:
    client = authority.client(place / "client")
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port = taken.getsockname()[1]
        failure = await refused(TlsAddress(host=HOST, port=port, dir=client))
    assert isinstance(failure, NobodyListens)


async def _refused_by_a_stand_in(server: Path, client: Path) -> ConnectFailure:
    """QEMU itself does not start with a certificate that has expired."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(server / "server-cert.pem", server / "server-key.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError("a handshake was finished")

    async with await asyncio.start_server(serve, HOST, 0, ssl=context) as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(ConnectFailure) as failure:
            await connect(TlsAddress(host=HOST, port=port, dir=client))
        return failure.value


def _revoke(authority: Authority, certificate: Path, into: Path) -> None:
    revoked = x509.load_pem_x509_certificate(certificate.read_bytes())
    issuer = x509.load_pem_x509_certificate(authority.ca.cert_pem.bytes())
    key = serialization.load_pem_private_key(authority.ca.private_key_pem.bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(revoked.serial_number)
        .revocation_date(now)
        .build()
    )
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now)
        .next_update(now + datetime.timedelta(days=9))
        .add_revoked_certificate(entry)
        .sign(key, hashes.SHA256())
    )
    into.write_bytes(crl.public_bytes(serialization.Encoding.PEM))


def _protect(path: Path) -> None:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
