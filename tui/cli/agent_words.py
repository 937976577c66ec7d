"""The words that `blockdeck agent` takes. What it does is imported when it is used."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.options import JSON, MONITOR
from tui.cli.output import prepare_streams

if TYPE_CHECKING:
    from tui.qmp.address import MonitorAddress


@click.command()
@MONITOR
@click.option(
    "--agent",
    "socket",
    type=click.Path(path_type=Path),
    metavar="SOCKET",
    help="The agent's socket; by default the one of the settings, or else on QEMU's command line.",
)
@JSON
@click.option("--thaw", "thaws", is_flag=True, help="Thaw the guest, whoever froze it.")
@click.option(
    "--read-only", is_flag=True, help="Send nothing but questions: the guest is not thawed."
)
def agent(
    monitor: "MonitorAddress", socket: Path | None, as_json: bool, thaws: bool, read_only: bool
) -> int:
    """Ask the guest's agent whether its file systems are frozen, or thaw them."""
    from tui.cli.agent import ask_agent, thaw_guest

    prepare_streams()
    if thaws:
        if as_json:
            raise click.UsageError("--json is for the question.")
        return asyncio.run(thaw_guest(monitor, socket, read_only=read_only))
    return asyncio.run(ask_agent(monitor, socket, as_json=as_json))
