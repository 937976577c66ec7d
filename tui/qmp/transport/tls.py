"""Speaks TLS with a monitor, as QEMU's `tls-creds-x509` serve it. There is no way back to plain.

The credentials are files with the names that QEMU gives them, and only the CA among them vouches
for the server: no public CA has a say in who may pose as a monitor.
"""

import asyncio
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from tui.qmp.address import TlsAddress
from tui.qmp.errors import (
    ConnectFailure,
    HostUnreachable,
    LoginRefused,
    MonitorBusy,
    NotQmp,
    Untrusted,
)
from tui.qmp.line import Line
from tui.qmp.relay import Far, Relay
from tui.qmp.transport.private_key import keep_private
from tui.qmp.transport.tcp import dial_tcp
from tui.qmp.urls import TLS_FILES

_PLACES = ("~/.pki/qemu", "/etc/pki/qemu")
"""Where credentials are looked for; the first that has a CA certificate counts."""

_KIND = "Or its tls-creds are psk or anon: BlockDeck speaks with tls-creds-x509 alone."

_FAREWELL_SECONDS = 0.2

# Of OpenSSL's x509_vfy.h.
_NOT_YET_VALID, _EXPIRED, _REVOKED = 9, 10, 23
_NO_ISSUER = (2, 18, 19, 20, 21)
_WRONG_NAME = (62, 64)


@dataclass(frozen=True)
class Credentials:
    """The files in force; `cert` and `key` are None where there is no client certificate."""

    ca: Path
    cert: Path | None
    key: Path | None


async def dial_tls(address: TlsAddress, seconds: float) -> Line:
    """Connect, and see that the server is who it should be.

    Raises:
        ConnectFailure: there is no line within the given seconds, or it is not to be trusted.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    found = await asyncio.to_thread(find_credentials, address)
    context = await asyncio.to_thread(_context, address, found)
    sock = await dial_tcp(address, seconds)
    try:
        reader, writer = await asyncio.open_connection(
            sock=sock,
            ssl=context,
            server_hostname=_name(address),
            ssl_handshake_timeout=max(deadline - loop.time(), 0.05),
        )
    except (OSError, ValueError) as error:
        sock.close()
        raise _failure(address, error, found, seconds) from error
    except BaseException:
        sock.close()
        raise

    async def close() -> None:
        writer.close()
        try:
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await writer.wait_closed()
        finally:
            # Many servers never answer the farewell that TLS asks for.
            writer.transport.abort()

    far = Far(reader, _Awakening(writer), (OSError,), _broken, close)
    return Relay(far, advice=_about_the_client(found))


class _Awakening:
    """Sends so that QEMU before 8.0 hears all of it, and not only when more follows.

    Such a QEMU takes little at a time, and nothing wakes it for what GnuTLS has decrypted already:
    only bytes that wait in the socket do. So the last byte travels in a record of its own.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def write(self, data: bytes, /) -> None:
        for piece in (data[:-1], data[-1:]):
            if piece:
                self._writer.write(piece)

    async def drain(self) -> None:
        await self._writer.drain()


# --- credentials --------------------------------------------------------------------------------


def find_credentials(address: TlsAddress) -> Credentials:
    """The files that count for an address. Looks at the file system.

    Raises:
        Untrusted: there is no CA certificate to tell a friend from a stranger by.
        LoginRefused: a client certificate was named that is not there.
    """
    directory = address.dir or _usual_place()
    ca = address.ca or directory / TLS_FILES["ca"]
    if not ca.exists():
        looked = [str(ca)] if address.ca or address.dir else [f"{p}/ca-cert.pem" for p in _PLACES]
        raise Untrusted(
            address,
            f"There is no CA certificate to know the server by: {' or '.join(looked)}.",
            "Copy ca-cert.pem from the tls-creds of that QEMU, or name the directory it is in: "
            f"tls://{address.host}:{address.port}?dir=/path",
        )
    pair = [
        given or directory / TLS_FILES[name]
        for name, given in (("cert", address.cert), ("key", address.key))
    ]
    missing = [path for path in pair if not path.exists()]
    if not missing:
        return Credentials(ca, pair[0], pair[1])
    if len(missing) == 2 and not (address.cert or address.key):
        return Credentials(ca, None, None)
    raise LoginRefused(
        address,
        f"There is no {missing[0]}.",
        "A client certificate takes both files: client-cert.pem and client-key.pem.",
    )


def _usual_place() -> Path:
    # No "~" is left where the home directory is unknown.
    places = [Path(os.path.expanduser(place)) for place in _PLACES]  # noqa: PTH111
    return next((p for p in places if (p / TLS_FILES["ca"]).exists()), places[0])


def _context(address: TlsAddress, found: Credentials) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    reading = found.ca
    if found.key is not None:
        keep_private(address, found.key)
    try:
        context.load_verify_locations(found.ca)
        revoked = found.ca.with_name("ca-crl.pem")
        if revoked.exists():
            reading = revoked
            context.load_verify_locations(revoked)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        if found.cert and found.key:
            reading = found.key
            context.load_cert_chain(found.cert, found.key, password=_no_password)
    except _PasswordWanted as error:
        raise LoginRefused(
            address,
            f"{found.key} is protected by a password, which BlockDeck does not ask for.",
            "Give it a key without one, readable to you alone.",
        ) from error
    except OSError as error:
        words = error.strerror if error.errno and not isinstance(error, ssl.SSLError) else ""
        raise Untrusted(
            address,
            f"{reading} cannot be used: {words or 'it is no valid certificate or key'}.",
            "A key must belong to its certificate; both are PEM files.",
        ) from error
    return context


class _PasswordWanted(Exception):
    """OpenSSL would ask for a password on the terminal, which is the screen."""


def _no_password() -> str:
    raise _PasswordWanted


# --- what went wrong ----------------------------------------------------------------------------


def _failure(
    address: TlsAddress, error: Exception, found: Credentials, seconds: float
) -> ConnectFailure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(address, error, found)
    if isinstance(error, ssl.SSLError):
        if "ALERT" in (error.reason or ""):
            return LoginRefused(
                address,
                f"{address.host} refused the TLS connection: {_plain_reason(error)}.",
                f"{_about_the_client(found)} {_KIND}",
            )
        return NotQmp(
            address,
            f"Port {address.port} of {address.host} does not speak TLS; nothing was sent to it.",
            "A chardev speaks TLS with tls-creds=ID. Without, HOST:PORT reaches it, unencrypted "
            "and open to everybody on the way.",
        )
    if isinstance(error, ConnectionAbortedError | TimeoutError):
        return MonitorBusy(
            address,
            f"Connected, but no TLS handshake within {seconds:g} s: another client holds this "
            "monitor (QMP serves one client at a time), or its QEMU is stopped.",
        )
    if isinstance(error, OSError):
        return HostUnreachable(
            address,
            f"{address.host} closed the connection during the TLS handshake.",
            f"{_about_the_client(found)} {_KIND}",
        )
    return Untrusted(address, f"{_name(address)} cannot be the name in a certificate.")


def _untrusted(
    address: TlsAddress, error: ssl.SSLCertVerificationError, found: Credentials
) -> ConnectFailure:
    advice = "Nothing was sent to it. "
    match error.verify_code:
        case code if code in _WRONG_NAME:
            sentence = f"The certificate of the server is not for {_name(address)}."
            advice += (
                "If you know that the right host has another name there, give that name: "
                f"tls://{address.host}:{address.port}?tls-hostname=NAME"
            )
        case code if code == _EXPIRED:
            sentence = "The certificate of the server, or of its CA, has expired."
            advice += "Have a new one made, or check this host's clock."
        case code if code == _NOT_YET_VALID:
            sentence = "The certificate of the server, or of its CA, is not valid yet."
            advice += "Check this host's clock."
        case code if code == _REVOKED:
            sentence = "The certificate of the server has been revoked."
        case code if code in _NO_ISSUER:
            sentence = f"The certificate of the server was not issued by the CA in {found.ca}."
            advice += "It is another server than you think, or this is the CA of another."
        case _:
            sentence = f"The certificate of the server is not accepted: {error.verify_message}."
    return Untrusted(address, sentence, advice.strip())


def _about_the_client(found: Credentials) -> str:
    """What to look at when the server closes the door behind a handshake that went well."""
    if found.cert is None:
        return (
            "It may ask for a client certificate (verify-peer=on), and there is no "
            f"{TLS_FILES['cert']} and {TLS_FILES['key']} in {found.ca.parent}."
        )
    return (
        f"It may not accept the client certificate {found.cert}: it must not have expired, and "
        "its CA must be the one in the server's tls-creds."
    )


def _broken(error: Exception | None) -> str:
    if error is None:
        return ""
    if isinstance(error, ssl.SSLError):
        return f"The TLS connection to QEMU broke: {_plain_reason(error)}"
    words = error.strerror if isinstance(error, OSError) else ""
    return f"The TLS connection to QEMU broke: {words or 'it was cut'}"


def _plain_reason(error: ssl.SSLError) -> str:
    return (error.reason or "no reason given").lower().replace("_", " ")


def _name(address: TlsAddress) -> str:
    """The name that the server's certificate must have."""
    return address.tls_hostname or address.host.partition("%")[0]
