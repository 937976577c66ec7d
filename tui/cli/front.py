"""`blockdeck` without a command: the way into the UI."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui import __version__
from tui.cli.options import Monitor
from tui.cli.screen_words import screen_options

if TYPE_CHECKING:
    from tui.qmp.address import MonitorAddress

COMMANDS = frozenset(
    {
        *("agent", "backup", "bitmaps", "chain", "check", "config", "demo", "devices", "discover"),
        *("history", "jobs", "leftovers", "prune", "restore", "serve", "verify"),
    }
)
"""The words that are commands, which need not be imported to open the UI."""

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
VERSION = click.version_option(__version__, message="blockdeck %(version)s")


def _show_help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from tui.cli.commands import commands
        from tui.cli.help import show_front_help

        show_front_help(context, commands)


@click.command("blockdeck", context_settings=SETTINGS, add_help_option=False)
@click.argument("monitors", type=Monitor(), nargs=-1, metavar="[MONITOR]...")
@click.option("--directory", metavar="DIR", help="Suggest backup targets in this directory.")
@screen_options
@click.option(
    *("-h", "--help"),
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_help,
    help="Show this and exit.",
)
@VERSION
def open_ui(
    monitors: "tuple[MonitorAddress, ...]",
    directory: str | None,
    mouse: bool,
    log: Path | None,
    record: Path | None,
    read_only: bool,
) -> int:
    """Open the UI, on monitors side by side or on the connect screen."""
    from tui.cli.screen import show_ui

    return show_ui(
        *monitors, directory=directory, mouse=mouse, log=log, record=record, read_only=read_only
    )
