"""`blockdeck serve`: the screen in a browser."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.failure import Failure
from tui.cli.output import note, say
from tui.cli.settings import read_settings

if TYPE_CHECKING:
    from tui.qmp.address import MonitorAddress

_CODE = Path(__file__).resolve().parents[2]


def serve_screen(
    monitor: "MonitorAddress | None",
    *,
    host: str,
    port: int,
    may_write: bool,
    directory: str | None,
) -> int:
    """Serve until it is ended by a signal.

    Raises:
        Failure: textual-serve is not installed, or there are mistakes in the settings.
        OSError: the port cannot be listened on.
    """
    try:
        from tui.web.server import ScreenServer, is_loopback
    except ModuleNotFoundError as error:
        advice = "Install BlockDeck with the extra `serve`: pipx install 'blockdeck[serve]'"
        raise Failure(f"{error.name} is not installed", advice) from error
    # The screen has a process of its own, which would tell its mistakes to nobody.
    read_settings(for_ui=True)
    if not is_loopback(host):
        note(f"There is no password: whoever reaches {host} sees the VMs of this host.")
    if may_write:
        note("Who opens the page can start and cancel backups.")
    command = _command(monitor, may_write=may_write, directory=directory)
    ScreenServer(command, host, port, lambda url: say(f"Serving on {url}, until Ctrl+C")).serve()
    return 0


def _command(monitor: "MonitorAddress | None", *, may_write: bool, directory: str | None) -> str:
    """What shows the screen, for a shell."""
    path = os.pathsep.join(filter(None, [str(_CODE), os.environ.get("PYTHONPATH", "")]))
    words = ["exec", "env", f"PYTHONPATH={path}", sys.executable, "-P", "-m", "tui"]
    if not may_write:
        words.append("--read-only")
    if directory:
        words += ["--directory", directory]
    return shlex.join([*words, *(["--", str(monitor)] if monitor else [])])
