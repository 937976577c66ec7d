"""Addresses that are URLs: over TLS, over SSH, through libvirt."""

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field

from tui.qmp.host_port import AddressError, TcpAddress, read_port, read_tcp, written

MAX_SOCKET_PATH = 107
"""Longest path of a Unix socket in bytes (`sockaddr_un.sun_path` less its closing NUL)."""

_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_PLACE = re.compile(
    r"(?:(?P<user>[^@/?]*)@)?(?:\[(?P<bracketed>[^\[\]@/?]*)\]|(?P<host>[^\[\]@:/?]*))"
    r"(?::(?P<port>[^/?]*))?(?P<path>/[^?]*)?(?:\?(?P<query>.*))?",
    re.DOTALL,
)
# A host or user may end up in a ProxyCommand of ~/.ssh/config, which a shell reads.
_NAME = re.compile(r"[\w.:%][\w.:%-]*")
_USER = re.compile(r"[\w.][\w.@\\-]*")
# One name with a colon in it that is not written %3A.
_ON_A_PORT = re.compile(r"/[^/]*:[^/]*", re.DOTALL)
_LIBVIRT = re.compile(
    r"(?P<base>qemu(?:\+[a-z0-9]+)?://[^/?#]*/(?P<path>[^?#]*))(?:\?(?P<query>.*))?", re.DOTALL
)
_DRIVERS = ("system", "session", "embed")
_MOST_NAMED = 10

TLS_FILES: Final = {"ca": "ca-cert.pem", "cert": "client-cert.pem", "key": "client-key.pem"}
"""What QEMU calls the files in the `dir` of its own `tls-creds-x509` with `endpoint=client`."""


class TlsAddress(BaseModel):
    """A monitor on a TCP port that takes TLS alone: a chardev with `tls-creds=`.

    Attributes:
        dir: where the credentials are, named as QEMU names them; None is one of the usual places.
        ca: the CA that vouches for the server, where it is not in `dir`; so are `cert` and `key`.
        tls_hostname: the name the server's certificate must have, where it is not `host`.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)
    dir: Path | None = None
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    tls_hostname: str | None = None

    def __str__(self) -> str:
        options = {
            **{name: getattr(self, name) for name in ("dir", *TLS_FILES)},
            "tls-hostname": self.tls_hostname,
        }
        given = [f"{name}={quote(str(value))}" for name, value in options.items() if value]
        return f"tls://{written(self.host, self.port)}" + ("?" + "&".join(given) if given else "")


class SshAddress(BaseModel):
    """A monitor of another host, reached over SSH: on a Unix socket, or on a TCP port.

    With neither there is nothing to connect to, but the host tells which monitors it has.

    Attributes:
        path: of the Unix socket; absolute there.
        tcp: the port, as it is called there.
        user: None where the SSH configuration decides; so is `port`, which is that of SSH.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    host: str = Field(min_length=1)
    path: str = ""
    tcp: TcpAddress | None = None
    user: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)

    @property
    def login(self) -> str:
        """Who logs in where, as `ssh` takes it."""
        return f"{self.user}@{self.host}" if self.user else self.host

    @property
    def inside(self) -> str:
        """The monitor as it is called on its host; empty where none is named."""
        return self.path or str(self.tcp or "")

    @property
    def alone(self) -> "SshAddress":
        """The host, without any monitor of it."""
        return self.model_copy(update={"path": "", "tcp": None})

    def at(self, place: str | TcpAddress) -> "SshAddress":
        """The monitor at a path, or at a port, of this host."""
        on_a_port = isinstance(place, TcpAddress)
        named = {"path": "", "tcp": place} if on_a_port else {"path": place, "tcp": None}
        return self.model_copy(update=named)

    def __str__(self) -> str:
        user = f"{quote(self.user)}@" if self.user else ""
        where = quote(self.path)
        if self.tcp is not None:
            # In a path a colon is written %3A, so that the two are told apart.
            where = f"/{written(quote(self.tcp.host, safe=':'), self.tcp.port)}"
        return f"ssh://{user}{written(self.host, self.port)}{where}"


class LibvirtAddress(BaseModel):
    """The monitor of a libvirt domain, which only libvirt speaks to.

    Attributes:
        uri: the connection to libvirt, as libvirt has it.
        domain: the name or the UUID; without, libvirt tells which domains run.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    uri: str
    domain: str = ""

    @property
    def local(self) -> bool:
        """Whether the domain's QEMU runs on this host."""
        return bool(re.match(r"qemu(\+unix)?:///", self.uri))

    def __str__(self) -> str:
        if not self.domain:
            return self.uri
        joint = "&" if "?" in self.uri else "?"
        return f"{self.uri}{joint}domain={quote(self.domain, safe='')}"


def caution(*addresses: object) -> str:
    """What connecting does to the VMs before anything else is done; empty where it is nothing."""
    domains = [a.domain for a in addresses if isinstance(a, LibvirtAddress) and a.domain]
    if not domains:
        return ""
    if len(domains) == 1:
        which, until = f"the domain {domains[0]}", "until it ends: "
    else:
        more = f" and {len(domains) - _MOST_NAMED} more" if len(domains) > _MOST_NAMED else ""
        which = f"{len(domains)} domains ({', '.join(domains[:_MOST_NAMED])}{more})"
        until = "until they end: "
    return (
        f"libvirt will mark {which} as tainted (custom-monitor) {until}"
        "whoever supports libvirt may then ask who spoke to its QEMU."
    )


UrlAddress = TlsAddress | SshAddress | LibvirtAddress


def parse_url(text: str) -> UrlAddress | None:
    """Read an address that is a URL; None where the text is none.

    Raises:
        AddressError: it is a URL, and a bad one.
    """
    url = _URL.match(text)
    if not url:
        return None
    scheme, rest = url["scheme"], url["rest"]
    if scheme == "tls":
        return _tls(rest)
    if scheme == "ssh":
        return _ssh(rest)
    if scheme == "qemu" or scheme.startswith("qemu+"):
        return _libvirt(text)
    raise AddressError(
        f"{scheme}:// is not known. Use a path, HOST:PORT, tls://, ssh:// or libvirt's qemu://."
    )


def _tls(rest: str) -> TlsAddress:
    place = _read_place("tls", rest, "tls://host:4444")
    if place["path"] not in (None, "/"):
        raise AddressError("After the port of tls://HOST:PORT comes nothing but ?options.")
    if not place["port"]:
        raise AddressError("The port is missing: write tls://HOST:PORT, as in tls://host:4444.")
    options: dict[str, str] = {}
    for piece in (place["query"] or "").split("&") if place["query"] else ():
        name, _, value = piece.partition("=")
        if name not in ("dir", *TLS_FILES, "tls-hostname"):
            raise AddressError(
                f"tls:// does not know ?{name[:40]}=; it knows dir, ca, cert, key, tls-hostname."
            )
        if not value:
            raise AddressError(f"A value is missing after {name}=.")
        options[name.replace("-", "_")] = _decoded(value)
    paths = {n: Path(_home(v)) for n, v in options.items() if n != "tls_hostname"}
    return TlsAddress(
        host=_host(place),
        port=read_port(place["port"]),
        tls_hostname=options.get("tls_hostname"),
        **paths,
    )


def _ssh(rest: str) -> SshAddress:
    place = _read_place(
        "ssh", rest, "ssh://user@host/path/to/qmp.sock or ssh://user@host/localhost:4444"
    )
    written_there = place["path"] or ""
    path = _decoded(written_there)
    tcp = _tcp_there(path) if _ON_A_PORT.fullmatch(written_there) else None
    path = "" if path == "/" or tcp else path
    if place["query"] is not None:
        raise AddressError("ssh:// takes no options; write a question mark in a path as %3F.")
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise AddressError(f"The path of a socket can have {MAX_SOCKET_PATH} bytes at most.")
    user = _decoded(place["user"]) if place["user"] is not None else None
    if user is not None and not _USER.fullmatch(user):
        raise AddressError("That is no user's name (a password has no place in an address).")
    port = place["port"]
    return SshAddress(
        user=user,
        host=_host(place),
        port=read_port(port) if port is not None else None,
        path=path,
        tcp=tcp,
    )


def _tcp_there(path: str) -> TcpAddress:
    try:
        return read_tcp(path.removeprefix("/"))
    except AddressError as error:
        raise AddressError(f"{error} In a path, write a colon as %3A.") from None


def _libvirt(text: str) -> LibvirtAddress:
    found = _LIBVIRT.fullmatch(text)
    form = "qemu:///system?domain=NAME"
    if not found or found["path"] not in _DRIVERS:
        raise AddressError(f"libvirt's address ends in /system or /session: {form}.")
    pieces = found["query"].split("&") if found["query"] else []
    named = [piece.removeprefix("domain=") for piece in pieces if piece.startswith("domain=")]
    if len(named) > 1:
        raise AddressError(f"Say which one domain, by its name or UUID: {form}.")
    others = "&".join(piece for piece in pieces if not piece.startswith("domain="))
    uri = found["base"] + (f"?{others}" if others else "")
    if "\0" in uri:
        raise AddressError("An address cannot contain a NUL character.")
    return LibvirtAddress(uri=uri, domain=_decoded(named[0]) if named else "")


def _read_place(scheme: str, rest: str, form: str) -> "re.Match[str]":
    place = _PLACE.fullmatch(rest)
    if not place or (scheme == "tls" and place["user"] is not None):
        raise AddressError(f"That is no {scheme}:// address; it looks like {form}.")
    return place


def _host(place: "re.Match[str]") -> str:
    host = place["bracketed"] or place["host"] or ""
    if not _NAME.fullmatch(host):
        raise AddressError("The host is missing, or it is no host's name.")
    return host


def _decoded(text: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
        decoded.encode()
    except UnicodeError:
        raise AddressError("The address contains characters that no name can have.") from None
    if "\0" in decoded:
        raise AddressError("An address cannot contain a NUL character.")
    return decoded


def _home(path: str) -> str:
    # Path("./~x") forgets its dot, so that Path.expanduser() would take a file for a user.
    return os.path.expanduser(path)  # noqa: PTH111
