"""Addresses of monitors on a TCP port: `HOST:PORT`."""

import re

from pydantic import BaseModel, ConfigDict, Field

_BRACKETED = re.compile(r"\[(?P<host>[^\[\]]*)\](?::(?P<port>.*))?", re.DOTALL)


class AddressError(ValueError):
    """The text is no address of a monitor; the message is one sentence for the operator."""


class TcpAddress(BaseModel):
    """A monitor on a TCP port, as in `-qmp tcp:localhost:4444,server=on,wait=off`."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    host: str = Field(min_length=1)
    port: int = Field(ge=1, le=65535)

    def __str__(self) -> str:
        return written(self.host, self.port)


def written(host: str, port: int | None) -> str:
    """A host, with its port if there is one; in brackets where its own colons would mislead."""
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


def read_tcp(text: str) -> TcpAddress:
    """Read `HOST:PORT`, `[IPV6]:PORT` or `:PORT`.

    Raises:
        AddressError: it is none of these.
    """
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed:
        host, port = bracketed["host"], bracketed["port"] or ""
    else:
        host, _, port = text.rpartition(":") if ":" in text else (text, "", "")
        if ":" in host:
            raise AddressError("Put an IPv6 address in brackets, as in [::1]:4444.")
        # QEMU itself takes no host as "any"; its own machine is what is meant here.
        host = host or "localhost"
    if not host or any(character.isspace() for character in host) or "\0" in host:
        raise AddressError("The host before the port is missing or contains spaces.")
    if not port:
        raise AddressError("The port is missing: write HOST:PORT, as in localhost:4444.")
    return TcpAddress(host=host, port=read_port(port))


def read_port(port: str) -> int:
    """The number of a TCP port.

    Raises:
        AddressError: it is none.
    """
    if not (port.isascii() and port.isdigit()):
        raise AddressError(f"The port must be a number, not {port[:40]!r}.")
    # Numbers of any length arrive here, and int() refuses to read thousands of digits.
    if len(port.lstrip("0")) > 5 or not 1 <= int(port) <= 65535:
        raise AddressError(f"The port must be between 1 and 65535, not {port[:20]}.")
    return int(port)
