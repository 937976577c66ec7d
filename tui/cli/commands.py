"""`blockdeck`, and all its commands. What they do is imported when one of them is used."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui import __version__
from tui.cli.agent_words import agent
from tui.cli.backup_words import backup, check
from tui.cli.bitmap_words import bitmaps
from tui.cli.chain_words import chain
from tui.cli.help import EXAMPLES, Front, show_front_help
from tui.cli.image_words import prune, restore, verify
from tui.cli.list_words import devices, discover, history, jobs, leftovers
from tui.cli.options import JSON, Monitor
from tui.cli.output import prepare_streams
from tui.cli.screen_words import demo, screen_options, serve

if TYPE_CHECKING:
    from tui.qmp.address import MonitorAddress

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_VERSION = click.version_option(__version__, message="blockdeck %(version)s")


def _show_help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        show_front_help(context, commands)


@click.command("blockdeck", context_settings=_SETTINGS, add_help_option=False)
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
@_VERSION
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


@click.group(cls=Front, context_settings=_SETTINGS, screen=open_ui, epilog=EXAMPLES)
@_VERSION
def commands() -> None:
    """Back up the disks of a running QEMU over QMP, on a screen or without one.

    A socket that is named like a command is written ./demo or -- demo.
    """


@click.command()
@click.option("--show", "act", flag_value="show", default=True, help="Print what is in force.")
@click.option("--path", "act", flag_value="path", help="Print where the file is, or would be.")
@click.option("--init", "act", flag_value="init", help="Write a file to begin with, if none is.")
@JSON
@click.option("--directory", metavar="DIR", help="As if this option were given to the screen.")
@click.option("--read-only", is_flag=True, help="As if this option were given.")
def config(act: str, as_json: bool, directory: str | None, read_only: bool) -> int:
    """Show the settings in force, and where each comes from.

    Nothing needs a file. In it are named VMs, target directories, speeds, theme, colours, keys,
    refresh and read-only VMs; docs/configuration.md tells all. Environment variables such as
    BLOCKDECK_BACKUP__SPEED come before the file, options before both.
    """
    from tui.cli.config import say_path, show_settings, write_example

    prepare_streams()
    if act == "path":
        return say_path()
    if act == "init":
        return write_example()
    options: dict[str, Any] = {"backup": {"directory": directory}} if directory else {}
    if read_only:
        options["read_only"] = True
    return show_settings(options, as_json=as_json)


for _command in (
    *(demo, serve, discover, devices, jobs, history, leftovers, bitmaps, agent, check, backup),
    *(config, chain, verify, restore, prune),
):
    commands.add_command(_command)
