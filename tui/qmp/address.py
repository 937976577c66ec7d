"""Where a QMP monitor is: a socket's path, a TCP host and port, or a URL."""

import os
import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tui.qmp.host_port import AddressError, TcpAddress, read_tcp
from tui.qmp.urls import (
    MAX_SOCKET_PATH,
    LibvirtAddress,
    SshAddress,
    TlsAddress,
    caution,
    parse_url,
)

__all__ = [
    "MAX_SOCKET_PATH",
    "AddressError",
    "LibvirtAddress",
    "MonitorAddress",
    "SshAddress",
    "TcpAddress",
    "TlsAddress",
    "UnixAddress",
    "caution",
    "parse_address",
]


class UnixAddress(BaseModel):
    """A monitor on a Unix socket, as in `-qmp unix:/run/vm.sock,server=on,wait=off`."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    path: Path

    def __str__(self) -> str:
        path = str(self.path)
        first = path.partition("/")[0]
        needs_marking = not self.path.is_absolute() and (":" in first or first.startswith("~"))
        return f"./{path}" if needs_marking else path


MonitorAddress = UnixAddress | TcpAddress | TlsAddress | SshAddress | LibvirtAddress


def parse_address(text: str) -> MonitorAddress:
    """Read an address as people type it or paste it from a `-qmp` option.

    A text with `://` is a URL, one with a slash a path, `HOST:PORT` is TCP, anything else is a path
    in the working directory. `unix:` and `tcp:` decide it outright, and QEMU's options after them
    (`,server=on`) are left out; in such a path `,,` stands for a comma, as in QEMU's own options.

    Raises:
        AddressError: nothing was given, or it cannot be an address.
    """
    text = text.strip()
    if not text:
        raise AddressError("Enter the path of a QMP socket or HOST:PORT.")
    url = parse_url(text)
    if url is not None:
        return url
    if text.startswith("unix:"):
        return _unix(_without_options(text.removeprefix("unix:")))
    if text.startswith("tcp:"):
        return read_tcp(_without_options(text.removeprefix("tcp:")))
    if "/" in text or text == "~" or ":" not in text:
        return _unix(text)
    return read_tcp(text)


def _without_options(text: str) -> str:
    """The part before QEMU's first single comma, with `,,` read as one comma."""
    kept = re.match(r"(?:[^,]|,,)*", text, re.DOTALL)
    return kept.group().replace(",,", ",") if kept else text


def _unix(text: str) -> UnixAddress:
    if not text:
        raise AddressError("Enter the path of the socket after unix:, as in unix:/run/vm.sock.")
    if "\0" in text:
        raise AddressError("The path of a socket cannot contain a NUL character.")
    # Path("./~x") forgets its dot, so that Path.expanduser() would take a file for a user.
    path = Path(os.path.expanduser(text))  # noqa: PTH111
    try:
        length = len(os.fsencode(path))
    except UnicodeEncodeError:
        raise AddressError("The path contains characters that no file name can have.") from None
    if length > MAX_SOCKET_PATH:
        raise AddressError(
            f"The path has {length} bytes, and a socket's path can have {MAX_SOCKET_PATH} at most: "
            "start BlockDeck in the socket's directory and give its name alone."
        )
    return UnixAddress(path=path)
