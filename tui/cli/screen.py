"""Opens the UI, when there is a terminal for it."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli.failure import Failure
from tui.cli.output import note
from tui.cli.settings import read_settings
from tui.garbage import collect_none, keep_what_is_there
from tui.qmp.address import MonitorAddress, caution
from tui.terminal import in_a_browser, prepare_environment, refusal
from tui.text import plain

if TYPE_CHECKING:
    from tui.cast import Cast
    from tui.demo.fault_lab import FaultLab


class _PlainFormatter(logging.Formatter):
    """A log is read in terminals too: what is foreign in it is escaped."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's own name)
        record.message = plain(record.message)
        return super().formatMessage(record)


def show_ui(
    *addresses: MonitorAddress,
    directory: str | None = None,
    mouse: bool = True,
    log: Path | None = None,
    record: Path | None = None,
    read_only: bool = False,
    lab: "FaultLab | None" = None,
    tour: float | None = None,
) -> int:
    """Show the UI until it is left.

    Raises:
        Failure: there is no terminal for it, a mistake in the settings, or something at the place
            of the recording.
        OSError: the log or the recording cannot be written.
    """
    require_terminal()
    collect_none()
    if caution(*addresses):
        note(caution(*addresses))
    settings = read_settings(for_ui=True).settings
    if log is not None:
        log_to(log)
    prepare_environment()
    cast = _begin(record) if record is not None else None
    # Half a second of import, which only the screen is worth.
    from tui.run import run_app

    keep_what_is_there()
    options: dict[str, Any] = {"directory": directory, "read_only": read_only}
    options |= {"settings": settings, "lab": lab, "tour": tour}
    try:
        return run_app(*addresses, mouse=mouse, cast=cast, **options)
    finally:
        if cast is not None:
            cast.close()
            if cast.problem is not None:
                note(f"{cast.path} is not whole: {cast.problem.strerror}")


def _begin(path: Path) -> "Cast":
    from tui.cast import Cast

    try:
        return Cast(path)
    except FileExistsError as error:
        raise Failure(f"there is something at {path} already; it is left as it is") from error


def require_terminal() -> None:
    """Refuse to go on where the UI cannot be shown.

    Raises:
        Failure: with what to use instead.
    """
    if in_a_browser():
        return
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
