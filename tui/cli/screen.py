"""Opens the UI, when there is a terminal for it."""

import logging
import os
import sys
from pathlib import Path

from tui.cli.failure import Failure
from tui.qmp.address import MonitorAddress
from tui.terminal import prepare_environment, refusal
from tui.text import plain


class _PlainFormatter(logging.Formatter):
    """A log is read in terminals too: what is foreign in it is escaped."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        record.message = plain(record.message)
        return super().formatMessage(record)


def show_ui(
    address: MonitorAddress | None,
    *,
    directory: str | None = None,
    mouse: bool = True,
    log: Path | None = None,
    read_only: bool = False,
) -> int:
    """Show the UI until it is left.

    Raises:
        Failure: there is no terminal for it.
        OSError: the log cannot be written.
    """
    require_terminal()
    if log is not None:
        log_to(log)
    prepare_environment()
    # Half a second of import, which only the screen is worth.
    from tui.app import run_app

    return run_app(address, mouse=mouse, directory=directory, read_only=read_only)


def require_terminal() -> None:
    """Refuse to go on where the UI cannot be shown.

    Raises:
        Failure: with what to use instead.
    """
    said = refusal(os.environ, sys.stdin, sys.stderr)
    if said is not None:
        raise Failure(said)


def log_to(path: Path) -> None:
    """Send log records and warnings to a file.

    Raises:
        OSError: the file cannot be written.
    """
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(_PlainFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
