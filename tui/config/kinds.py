"""The kinds of values that a setting can have, each with its own words for a mistake."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, StringConstraints

from tui.qmp.address import UnixAddress, parse_address


def _speed(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        # Pydantic takes only ValueError for a mistake in the value.
        raise ValueError('must be a speed, as in "50MiB"; "0" is without limit')  # noqa: TRY004
    # Nothing of the settings need be a speed; the rules that speeds are judged by come with this.
    from tui.backup.draft import parse_speed

    return parse_speed(str(value))


def _monitor(text: str) -> str:
    try:
        has_password = "://" in text and urlsplit(text).password is not None
    except ValueError:
        has_password = False
    if has_password:
        raise ValueError("a password has no place in this file")
    address = parse_address(text)
    if isinstance(address, UnixAddress) and not address.path.is_absolute():
        raise ValueError("the path of the socket must begin with /")
    return text


def _directory(text: str) -> str:
    if not text.startswith("/") or "\0" in text:
        raise ValueError("must be a directory on QEMU's host, beginning with /")
    return text


def _socket(text: str) -> str:
    if not text.startswith("/") or "\0" in text:
        raise ValueError("must be the path of a socket on this host, beginning with /")
    return text


Speed = Annotated[int, BeforeValidator(_speed)]
"""Bytes a second, written as in the form: `"50M"`, `"1.5 GiB/s"`; 0 is without limit."""

Monitor = Annotated[str, AfterValidator(_monitor)]
"""A monitor as on the command line; a socket by its whole path."""

Directory = Annotated[str, AfterValidator(_directory)]
"""An absolute path on the host of QEMU."""

Socket = Annotated[str, AfterValidator(_socket)]
"""The whole path of a socket on this host."""

VmName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
"""A name that no path and no HOST:PORT looks like."""
