"""`blockdeck serve`: the screen in a browser."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.failure import Failure
from tui.cli.output import note, say
from tui.cli.settings import read_settings
from tui.demo.child import demo_process
from tui.demo.errors import DemoError

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
    words = ["--directory", directory] if directory else []
    if monitor:
        words += ["--", str(monitor)]
    return _serve([], words, host=host, port=port, may_write=may_write)


def serve_demo_screen(*, host: str, port: int, may_write: bool) -> int:
    """Serve a demo VM, which is started first and ends with the serving.

    Raises:
        Failure: as for `serve_screen`, or there is no demo VM.
        OSError: the port cannot be listened on.
    """
    try:
        with demo_process() as info:
            words = ["demo", "--at", info.model_dump_json()]
            return _serve(words, [], host=host, port=port, may_write=may_write)
    except DemoError as error:
        raise Failure(str(error)) from error


def _serve(command: list[str], options: list[str], *, host: str, port: int, may_write: bool) -> int:
    try:
        from tui.web.server import ScreenServer, is_loopback
    except ModuleNotFoundError as error:
        advice = "Install BlockDeck's extra, in its checkout: pipx install --force '.[serve]'"
        raise Failure(f"{error.name} is not installed", advice) from error
    # The screen has a process of its own, which would tell its mistakes to nobody.
    read_settings(for_ui=True)
    if not is_loopback(host):
        note(f"There is no password: whoever reaches {host} sees the VMs of this host.")
    if may_write:
        note("Who opens the page can start and cancel backups.")
    words = [*command, *([] if may_write else ["--read-only"]), *options]
    serving = ScreenServer(
        _for_a_shell(words), host, port, lambda url: say(f"Serving on {url}, until Ctrl+C")
    )
    serving.serve()
    return 0


def _for_a_shell(words: list[str]) -> str:
    path = os.pathsep.join(filter(None, [str(_CODE), os.environ.get("PYTHONPATH", "")]))
    return shlex.join(
        ["exec", "env", f"PYTHONPATH={path}", sys.executable, "-P", "-m", "tui", *words]
    )
