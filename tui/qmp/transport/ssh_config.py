"""What OpenSSH's files say of a host, and where BlockDeck is stricter.

A host that is not known is never trusted, whatever `StrictHostKeyChecking` says, and nobody is
asked for a password.
"""

import functools
import os
from collections.abc import Iterable
from pathlib import Path

import asyncssh

from tui.qmp.address import SshAddress
from tui.qmp.transport.private_key import keep_private
from tui.qmp.transport.ssh_stranger import Shown

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
"""What counts where `~/.ssh/config` says nothing."""

_USER_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")
_SYSTEM_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")

_KEYS = ("ed25519_sk", "ecdsa_sk", "ed448", "ed25519", "ecdsa", "rsa", "dsa")
"""The keys that are offered where none is named: `~/.ssh/id_...`."""

_ALIVE_SECONDS, _ALIVE_COUNT = 10, 3
"""How often a silent host is asked for a sign of life, and how often in vain."""

_MOST_JUMPS = 16


def config_files() -> list[Path]:
    """The files of the configuration that there are; of a setting the first one counts."""
    files = (_home("~/.ssh/config"), SYSTEM_CONFIG)
    return [path for path in files if path.is_file() and os.access(path, os.R_OK)]


def way_to(address: SshAddress) -> list[SshAddress]:
    """The hosts that `ProxyJump` puts on the way, the nearest first. Reads files.

    Raises:
        ValueError: a file, or a host in it, cannot be understood.
    """
    way: list[SshAddress] = []
    place = address
    while isinstance(told := _configured(place)().tunnel, str):
        # The first of them may have a way of its own; the others are reached from the one before.
        jumps = [_jump(text) for text in told.split(",")]
        if any(jump in (place, *way) for jump in jumps) or len(way) > _MOST_JUMPS:
            raise ValueError(f"ProxyJump leads in a circle at {jumps[0].login}")
        way = [*jumps, *way]
        place = jumps[0]
    return way


def options_for(
    place: SshAddress, shown: Shown, tunnel: asyncssh.SSHClientConnection | None
) -> asyncssh.SSHClientConnectionOptions:
    """What the configuration says of a host, but for what is stricter here. Reads files.

    Raises:
        LoginRefused: a private key may be read by others.
        ValueError: a file cannot be understood.
    """
    make = _configured(place)
    told = make()
    for key in _named(told, "IdentityFile") or (f"~/.ssh/id_{kind}" for kind in _KEYS):
        keep_private(place, _home(key))
    shown.hosts = _known_hosts(
        [
            *(_named(told, "UserKnownHostsFile", _USER_HOSTS)),
            *(_named(told, "GlobalKnownHostsFile", _SYSTEM_HOSTS)),
        ]
    )
    shown.alias = told.host_key_alias
    return make(
        tunnel=tunnel,
        client_factory=lambda: shown,
        known_hosts=shown.hosts,
        keepalive_interval=told.keepalive_interval or _ALIVE_SECONDS,
        keepalive_count_max=told.keepalive_count_max or _ALIVE_COUNT,
        agent_forwarding=False,
        password_auth=False,
        kbdint_auth=False,
    )


def _configured(place: SshAddress) -> "functools.partial[asyncssh.SSHClientConnectionOptions]":
    return functools.partial(
        asyncssh.SSHClientConnectionOptions,
        config=config_files(),
        host=place.host,
        username=place.user or (),
        port=place.port or (),
    )


def _named(
    told: asyncssh.SSHClientConnectionOptions, setting: str, default: Iterable[str] = ()
) -> list[str]:
    """The files that a setting names; none where it says `none`."""
    named = told.config.get(setting)
    return [str(path) for path in named] if isinstance(named, list) else list(default)


def _jump(text: str) -> SshAddress:
    """A host of `ProxyJump`: `[user@]host[:port]`.

    Raises:
        ValueError: it is none.
    """
    user, _, place = text.strip().removeprefix("ssh://").rpartition("@")
    host, port = place, ""
    if place.startswith("["):
        host, _, port = place[1:].partition("]")
    elif place.count(":") == 1:
        host, _, port = place.partition(":")
    return SshAddress(
        host=host, user=user or None, port=int(port.lstrip(":")) if port else None, path=""
    )


def _known_hosts(named: Iterable[str]) -> asyncssh.SSHKnownHosts:
    """The known hosts; none, rather than any, where there is no file.

    Raises:
        ValueError: a file has something else in it.
    """
    paths = [_home(path) for path in named]
    readable = [str(path) for path in paths if path.is_file() and os.access(path, os.R_OK)]
    return asyncssh.read_known_hosts(readable) if readable else asyncssh.import_known_hosts("")


def _home(path: str) -> Path:
    # No "~" is left where the home directory is unknown.
    return Path(os.path.expanduser(path))  # noqa: PTH111
