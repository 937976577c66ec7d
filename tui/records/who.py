"""Who is at work here: the user, the host, the program."""

import os
import pwd
import socket

from pydantic import BaseModel, ConfigDict

from tui import __version__


class Who(BaseModel):
    """The operator, as this process knows them.

    `user` is the name of the user this runs as, or the number where it has none; `sudo_user` who
    became that user by sudo.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    user: str
    sudo_user: str | None
    host: str
    pid: int
    blockdeck: str


def who() -> Who:
    """Ask the system; what the environment claims of the user is not believed."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    return Who(
        user=user,
        sudo_user=os.environ.get("SUDO_USER"),
        host=socket.gethostname(),
        pid=os.getpid(),
        blockdeck=__version__,
    )
