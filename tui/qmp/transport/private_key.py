"""A private key that others may read is used no more: whoever has read it is whoever owns it."""

import os
import stat
from pathlib import Path

from tui.qmp.address import SshAddress, TlsAddress
from tui.qmp.errors import LoginRefused

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PRIVATE = b"PRIVATE KEY"


def keep_private(address: SshAddress | TlsAddress, path: Path) -> None:
    """See that nobody else may read a key, by OpenSSH's own rule: that of another user is theirs.

    What is not there, and what is no private key, is let pass.

    Raises:
        LoginRefused: somebody else may.
    """
    try:
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid != os.geteuid() or not mode & _OTHERS or not stat.S_ISREG(status.st_mode):
            return
        with path.open("rb") as file:
            # IdentityFile may name a public key, whose other half the agent has.
            if _PRIVATE not in file.read(4096):
                return
    except OSError:
        # Whoever reads it next says why it cannot.
        return
    raise LoginRefused(
        address,
        f"The private key {path} may be read by others (mode {mode:04o}), so it is not used.",
        f"Whoever has read it can log in as you: think of a new one. Then: chmod 600 {path}",
    )
