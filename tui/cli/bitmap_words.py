"""The words that `blockdeck bitmaps` takes. What it does is imported when it is used."""

import asyncio
from typing import TYPE_CHECKING

import click

from tui.cli.options import JSON, MONITOR, READ_ONLY
from tui.cli.output import prepare_streams

if TYPE_CHECKING:
    from tui.qmp.address import MonitorAddress

_VERBS = click.Choice(["add", "clear", "enable", "disable", "merge", "remove"])


@click.command()
@MONITOR
@click.argument("verb", required=False, type=_VERBS, metavar="[ACT")
@click.argument("node", required=False, metavar="NODE")
@click.argument("names", nargs=-1, metavar="NAME [OTHER...]]")
@click.option("--granularity", metavar="SIZE", help="For add: a power of two, as 64KiB.")
@click.option("--persistent", is_flag=True, help="For add: the image keeps it when QEMU ends.")
@click.option("--disabled", is_flag=True, help="For add: it records nothing before it is enabled.")
@JSON
@click.option("--yes", "agreed", is_flag=True, help="Do it. Without this it is only told.")
@READ_ONLY
def bitmaps(
    monitor: "MonitorAddress",
    verb: str | None,
    node: str | None,
    names: tuple[str, ...],
    *,
    granularity: str | None,
    persistent: bool,
    disabled: bool,
    as_json: bool,
    agreed: bool,
    read_only: bool,
) -> int:
    """List the dirty bitmaps of every node, or change one.

    ACT is add, clear, enable, disable, merge or remove; NODE is a node or a disk. merge takes after
    NAME those that are merged into it, NODE:NAME where they are on another node. What is lost, and
    which chain would break, is told first; nothing is done without --yes.
    """
    from tui.cli.bitmaps import change_bitmap, list_bitmaps, read_act

    prepare_streams()
    if verb is None or node is None:
        if verb is not None:
            raise click.UsageError(f"{verb} takes a node and a bitmap.")
        return asyncio.run(list_bitmaps(monitor, as_json=as_json))
    if as_json:
        raise click.UsageError("--json is for the list.")
    try:
        act = read_act(
            *(verb, node, names),
            granularity=granularity,
            persistent=persistent,
            disabled=disabled,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    return asyncio.run(change_bitmap(monitor, act, agreed=agreed, read_only=read_only))
