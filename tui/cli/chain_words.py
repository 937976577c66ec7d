"""The words `blockdeck chain` takes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui.cli.output import prepare_streams

if TYPE_CHECKING:
    from tui.cli.chain import ChainRequest

_PLACE = click.argument("place", type=click.Path(path_type=Path), metavar="DIR|MANIFEST")
_DIRECTORY = click.argument("place", type=click.Path(path_type=Path), metavar="DIR")
_SPEED = click.option("--speed", metavar="RATE", help="Bytes a second for each disk, as 50M.")
_COMPRESS = click.option("--compress", is_flag=True, help="Compress the data; much slower.")
_CHECKSUM = click.option(
    "--checksum/--no-checksum", default=True, help="Take checksums afterwards; it is the default."
)
_FREEZE = click.option(
    "--freeze", is_flag=True, help="Freeze the guest by its agent while the backup begins."
)
_AGENT = click.option(
    "--agent",
    type=click.Path(path_type=Path),
    metavar="SOCKET",
    help="Freeze by the agent at this socket; --freeze finds it on QEMU's command line.",
)
_FLEECE = click.option(
    "--fleece",
    metavar="DIR",
    default="",
    help="For a slow DIR: save what the guest overwrites in this one, on fast storage, first. "
    "QEMU 7.1 and later.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def chain_commands(monitor: Callable[..., Any]) -> click.Group:
    """`blockdeck chain` and the words below it; `monitor` is the argument MONITOR."""
    chain = click.Group(
        "chain",
        help="Full backups, and increments that stand on them, kept together in a directory.",
        short_help="Make chains of full and incremental backups.",
    )
    chain.command("start")(monitor(_start))
    chain.command("next")(monitor(_next))
    chain.command("finish")(monitor(_finish))
    chain.command("seal")(_seal)
    chain.command("list")(_list)
    return chain


def _request(monitor: Any, place: Path, as_json: bool, **more: Any) -> "ChainRequest":
    from tui.backup.draft import parse_speed
    from tui.chain.plan import PointOptions
    from tui.cli.chain import ChainRequest

    prepare_streams()
    speed, compress = more.pop("speed", None), more.pop("compress", False)
    fleece = more.pop("fleece", "")
    try:
        rate = parse_speed(speed) if speed else 0
        options = PointOptions(speed=rate, compress=compress, fleece=fleece)
    except ValueError as error:
        raise click.UsageError(f"--speed: {error}") from error
    return ChainRequest(monitor, place, options=options, as_json=as_json, **more)


@_DIRECTORY
@click.option("--disk", "disks", multiple=True, metavar="NAME", help="Only this disk; repeatable.")
@_SPEED
@_COMPRESS
@_CHECKSUM
@_FREEZE
@_AGENT
@_FLEECE
@_JSON
def _start(**words: Any) -> int:
    """Begin a chain in DIR: one full backup of all disks at one moment.

    Without --disk it is of all disks that the guest can write to. Bitmaps in the VM record from
    that moment on what is written, for the increments to come.
    """
    from tui.cli.chain import start_chain

    return asyncio.run(start_chain(_request(**words)))


@_PLACE
@click.option("--full", is_flag=True, help="Make a full point, on which no earlier one is needed.")
@_SPEED
@_COMPRESS
@_CHECKSUM
@_FREEZE
@_AGENT
@_FLEECE
@_JSON
def _next(**words: Any) -> int:
    """Make the next point of a chain: what was written since the last one."""
    from tui.cli.chain import next_point

    return asyncio.run(next_point(_request(**words)))


@_PLACE
@_CHECKSUM
@_JSON
def _finish(**words: Any) -> int:
    """See to the end of a point that was interrupted while its backup ran."""
    from tui.cli.chain import finish_point

    return asyncio.run(finish_point(_request(**words)))


@_PLACE
@_JSON
def _seal(place: Path, as_json: bool) -> int:
    """Take the checksums that a chain lacks, so that `blockdeck verify` sees later rot."""
    from tui.cli.chain import seal_chain
    from tui.cli.images_run import run_interruptibly

    prepare_streams()
    return run_interruptibly(seal_chain(place, as_json=as_json))


@_PLACE
@click.option(
    "--point",
    "serial",
    type=click.IntRange(min=1),
    metavar="N",
    help="All about this point: its bitmap, what was asked for, the commands that QEMU was sent.",
)
@_JSON
def _list(place: Path, serial: int | None, as_json: bool) -> int:
    """List the chains in DIR, or one, with their points; no VM is asked.

    Images without a manifest are listed by what they stand on. Exits with 1 when something that was
    complete cannot be restored, as far as names, sizes and headers tell: verify reads all of it.
    """
    from tui.cli.chain_list import list_chains

    prepare_streams()
    return list_chains(place, serial, as_json=as_json)
