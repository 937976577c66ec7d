"""`blockdeck`, and all its commands. What they do is imported when one of them is used."""

from typing import Any

import click

from tui.cli.agent_words import agent
from tui.cli.backup_words import backup, check
from tui.cli.bitmap_words import bitmaps
from tui.cli.chain_words import chain
from tui.cli.front import SETTINGS, VERSION, open_ui
from tui.cli.help import EXAMPLES, Front
from tui.cli.image_words import prune, restore, verify
from tui.cli.list_words import devices, discover, history, jobs, leftovers
from tui.cli.options import JSON
from tui.cli.output import prepare_streams
from tui.cli.screen_words import demo, serve


@click.group(cls=Front, context_settings=SETTINGS, screen=open_ui, epilog=EXAMPLES)
@VERSION
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
