"""Keeps secrets out of what is written down."""

import re
from collections.abc import Mapping

REDACTED = "(redacted)"

_SECRET_KEYS = frozenset({"data", "rawdata", "password", "passwd", "passphrase"})
_HARMLESS_DATA = frozenset({"transaction"})
"""Commands whose `data` holds arguments and no secret."""

_IN_TEXT = (
    # user:password@host of a URL
    re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*(?=@)"),
    # a Ceph key in QEMU's name for an image: rbd:pool/image:id=admin:key=…
    re.compile(r"((?:^|:)key)=[^:\"]*(?=:|\"|$)"),
)


def redacted(command: str, arguments: Mapping[str, object]) -> dict[str, object]:
    """The arguments of a command as they may be kept: what can be a secret is left out.

    QEMU takes a secret as a member `data` of `object-add`, or as a `password`; names of secret
    objects, as in `password-secret`, are none. A password can be part of a URL, too.
    """
    hidden = _SECRET_KEYS - {"data"} if command in _HARMLESS_DATA else _SECRET_KEYS
    return {name: _value(name, value, hidden) for name, value in arguments.items()}


def _value(name: str, value: object, hidden: frozenset[str]) -> object:
    if name in hidden:
        return REDACTED
    if isinstance(value, Mapping):
        return {key: _value(str(key), inner, hidden) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_value("", inner, hidden) for inner in value]
    return redacted_text(value) if isinstance(value, str) else value


def redacted_text(text: str) -> str:
    """A file name or message without a password that is part of it."""
    url, key = _IN_TEXT
    text = url.sub(rf"\1:{REDACTED}", text)
    return key.sub(rf"\1={REDACTED}", text) if text.startswith(("rbd:", "json:")) else text
