"""A host whose key is not known: what it showed, and what to say of it."""

import asyncssh

from tui.qmp.address import SshAddress
from tui.qmp.errors import Untrusted

_SSH_PORT = 22


class Shown(asyncssh.SSHClient):
    """What a host showed that is not known, so that words can be found about it.

    Attributes:
        hosts: the known hosts; to be set before it is asked.
        alias: `HostKeyAlias` of the configuration, by which it is known on any port.
        key: the host's key; None until one was shown that is not known.
        known: the keys that are known of this host.
        entry: what it is called in `known_hosts`.
    """

    def __init__(self) -> None:
        self.hosts = asyncssh.import_known_hosts("")
        self.alias: str | None = None
        self.key: asyncssh.SSHKey | None = None
        self.known: tuple[asyncssh.SSHKey, ...] = ()
        self.entry = ""

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Remember the key, and refuse it: asyncssh asks about those alone that are not known."""
        self.key = key
        # Asked for a port that has no entry it would tell the keys of port 22, another server's.
        self.entry = self.alias or (host if port == _SSH_PORT else f"[{host}]:{port}")
        self.known = tuple(asyncssh.match_known_hosts(self.hosts, self.entry, "", None)[0])
        return False


def stranger(
    address: SshAddress, place: SshAddress, error: asyncssh.HostKeyNotVerifiable, shown: Shown
) -> Untrusted:
    """Why `place`, on the way to `address` or the host itself, is not to be trusted."""
    if shown.key is None:
        return Untrusted(address, f"{place.host} is not to be trusted: {error.reason}.")
    fingerprint = shown.key.get_fingerprint()
    kind = shown.key.get_algorithm().removeprefix("ssh-").partition("@")[0]
    if shown.known:
        known = " or ".join(sorted(key.get_fingerprint() for key in shown.known))
        return Untrusted(
            address,
            f"THE KEY OF {place.host} HAS CHANGED. It shows the {kind} key {fingerprint}; "
            f"known_hosts has {known}. Somebody may pose as this host.",
            "Only if you know why it changed, a new installation for example: "
            f"ssh-keygen -R '{shown.entry}', then {by_hand(place)}",
        )
    return Untrusted(
        address,
        f"{place.host} is not among your known hosts. It shows the {kind} key {fingerprint}.",
        "Compare that fingerprint with what ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub says on the "
        f"host itself. If it is the same, accept it with: {by_hand(place)}",
    )


def by_hand(place: SshAddress) -> str:
    """The same login by OpenSSH, which asks what BlockDeck does not."""
    port = f"-p {place.port} " if place.port is not None else ""
    return f"ssh {port}{place.login} true"
