"""The words `blockdeck chain` takes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui.cli.options import JSON, MONITOR
from tui.cli.output import note, prepare_streams

if TYPE_CHECKING:
    from tui.cli.chain import ChainRequest

_Act = TypeVar("_Act", bound=Callable[..., int])

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
    help="Freeze by the agent at this socket; --freeze takes the one of the settings, or finds it "
    "on QEMU's command line.",
)
_FLEECE = click.option(
    "--fleece",
    metavar="DIR",
    default="",
    help="For a slow DIR: save what the guest overwrites in this one, on fast storage, first. "
    "QEMU 7.1 and later.",
)
_TRY_FREEZE = click.option(
    "--try-freeze",
    is_flag=True,
    help="As --freeze; where the guest cannot be frozen, say so and go on without.",
)
_COMPLETION = click.option(
    "--completion-mode",
    type=click.Choice(["grouped", "individual"]),
    default="grouped",
    help="Of several disks: end all backups where one fails, or let each end by itself. The point "
    "is complete only if all succeed.",
)


def _of_a_point(act: _Act) -> _Act:
    """The options of all that makes a point, in the order in which help tells them."""
    options = (_SPEED, _COMPRESS, _CHECKSUM, _FREEZE, _TRY_FREEZE, _AGENT, _FLEECE, _COMPLETION)
    for option in reversed(options):
        act = option(act)
    return act


@click.group(short_help="Make chains of full and incremental backups.")
def chain() -> None:
    """Full backups, and increments that stand on them, kept together in a directory."""


def _request(monitor: Any, place: Path, as_json: bool, **more: Any) -> "ChainRequest":
    from tui.backup.draft import parse_speed, read_back
    from tui.chain.options import PointOptions
    from tui.cli.chain import ChainRequest

    prepare_streams()
    speed, compress = more.pop("speed", None), more.pop("compress", False)
    fleece, grouped = more.pop("fleece", ""), more.pop("completion_mode", "grouped") == "grouped"
    try:
        rate = parse_speed(speed) if speed else 0
        options = PointOptions(rate, compress, fleece, grouped=grouped)
    except ValueError as error:
        raise click.UsageError(f"--speed: {error}") from error
    if speed and not as_json:
        note(f"--speed {speed} {read_back(speed, 'speed')}")
    return ChainRequest(monitor, place, options=options, as_json=as_json, **more)


@chain.command("start")
@MONITOR
@_DIRECTORY
@click.option("--disk", "disks", multiple=True, metavar="NAME", help="Only this disk; repeatable.")
@_of_a_point
@JSON
def _start(**words: Any) -> int:
    """Begin a chain in DIR: one full backup of all disks at one moment.

    Without --disk it is of all disks that the guest can write to. Bitmaps in the VM record from
    that moment on what is written, for the increments to come.
    """
    from tui.cli.chain import start_chain

    return asyncio.run(start_chain(_request(**words)))


@chain.command("next")
@MONITOR
@_PLACE
@click.option("--full", is_flag=True, help="Make a full point, on which no earlier one is needed.")
@_of_a_point
@JSON
def _next(**words: Any) -> int:
    """Make the next point of a chain: what was written since the last one."""
    from tui.cli.chain import next_point

    return asyncio.run(next_point(_request(**words)))


@chain.command("finish")
@MONITOR
@_PLACE
@_CHECKSUM
@JSON
def _finish(**words: Any) -> int:
    """See to the end of a point that was interrupted while its backup ran."""
    from tui.cli.chain import finish_point

    return asyncio.run(finish_point(_request(**words)))


@chain.command("cancel")
@MONITOR
@_PLACE
@click.option("--yes", is_flag=True, help="Do it; without it, only tell what is lost.")
@JSON
def _cancel(monitor: Any, place: Path, yes: bool, as_json: bool) -> int:
    """Cancel the point that is being made; the chain is then as it was before."""
    from tui.cli.chain_cancel import cancel_point

    prepare_streams()
    return asyncio.run(cancel_point(monitor, place, agreed=yes, as_json=as_json))


@chain.command("seal")
@_PLACE
@JSON
def _seal(place: Path, as_json: bool) -> int:
    """Take the checksums that a chain lacks, so that `blockdeck verify` sees later rot."""
    from tui.cli.chain import seal_chain
    from tui.cli.images_run import run_interruptibly

    prepare_streams()
    return run_interruptibly(seal_chain(place, as_json=as_json))


@chain.command("list")
@_PLACE
@click.option(
    "--point",
    "serial",
    type=click.IntRange(min=1),
    metavar="N",
    help="All about this point: its bitmap, what was asked for, the commands that QEMU was sent.",
)
@JSON
def _list(place: Path, serial: int | None, as_json: bool) -> int:
    """List the chains in DIR, or one, with their points; no VM is asked.

    Images without a manifest are listed by what they stand on. Exits with 1 when something that was
    complete cannot be restored, as far as names, sizes and headers tell: verify reads all of it.
    """
    from tui.cli.chain_list import list_chains

    prepare_streams()
    return list_chains(place, serial, as_json=as_json)
