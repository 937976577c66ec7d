"""The words `blockdeck` takes. What they do is imported when one of them is used."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui import __version__
from tui.cli.help import EXAMPLES, Front, show_front_help
from tui.cli.output import prepare_streams

if TYPE_CHECKING:
    from tui.qmp.address import MonitorAddress

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_VERSION = click.version_option(__version__, message="blockdeck %(version)s")


class Monitor(click.ParamType[Any]):
    """A QMP monitor: the path of a Unix socket, or HOST:PORT."""

    name = "monitor"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "MonitorAddress":
        """Read the address; a usage error says what is wrong with it."""
        from tui.qmp.address import AddressError, parse_address

        try:
            return parse_address(str(value))
        except AddressError as error:
            self.fail(str(error), param, ctx)


_MONITOR = click.argument("monitor", type=Monitor(), metavar="MONITOR")
_WORDS = click.argument("words", nargs=-1, metavar="ARG=VALUE...")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_READ_ONLY = click.option(
    "--read-only", is_flag=True, help="Send QEMU nothing but questions: nothing is changed."
)
_COMMANDS = click.Choice(["drive-backup", "blockdev-backup"])
_WAY = click.option(
    "--way",
    type=_COMMANDS,
    help="Carry it out by this command. The arguments are those of drive-backup either way; for "
    "blockdev-backup the target is made as a block node first. By default drive-backup, but "
    "blockdev-backup where drive-backup is dangerous: on QEMU 5 and 6, and for a disk that is "
    "opened with snapshot=on.",
)


def _screen_options(command: _Decorated) -> _Decorated:
    log = click.option(
        "--log",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write a log to this file; without it nothing is logged.",
    )
    mouse = click.option(
        "--mouse/--no-mouse",
        default=True,
        help="Without the mouse the terminal's own selection works, and fewer bytes are sent.",
    )
    return _READ_ONLY(mouse(log(command)))


def _show_help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        show_front_help(context, commands)


@click.command("blockdeck", context_settings=_SETTINGS, add_help_option=False)
@click.argument("monitor", type=Monitor(), required=False, metavar="MONITOR")
@click.option("--directory", metavar="DIR", help="Suggest backup targets in this directory.")
@_screen_options
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
    monitor: "MonitorAddress | None",
    directory: str | None,
    mouse: bool,
    log: Path | None,
    read_only: bool,
) -> int:
    """Open the UI, on a monitor or on the connect screen."""
    from tui.cli.screen import show_ui

    return show_ui(monitor, directory=directory, mouse=mouse, log=log, read_only=read_only)


@click.group(cls=Front, context_settings=_SETTINGS, screen=open_ui, epilog=EXAMPLES)
@_VERSION
def commands() -> None:
    """Back up the disks of a running QEMU over QMP, on a screen or without one.

    A socket that is named like a command is written ./demo or -- demo.
    """


@commands.command()
@_screen_options
@click.option("--headless", is_flag=True, help="Print where it is as JSON, and serve until ended.")
def demo(mouse: bool, log: Path | None, read_only: bool, headless: bool) -> int:
    """Start a throwaway demo VM and open the UI on it."""
    from tui.cli.demo import serve_demo, show_demo

    return serve_demo() if headless else show_demo(mouse=mouse, log=log, read_only=read_only)


@commands.command()
@_MONITOR
@_JSON
@_READ_ONLY
def devices(monitor: "MonitorAddress", as_json: bool, read_only: bool) -> int:
    """List every disk, with the reason where one cannot be backed up."""
    from tui.cli.devices import list_devices

    prepare_streams()
    return asyncio.run(list_devices(monitor, as_json=as_json, read_only=read_only))


@commands.command()
@_MONITOR
@_JSON
@_READ_ONLY
def jobs(monitor: "MonitorAddress", as_json: bool, read_only: bool) -> int:
    """List the block jobs that QEMU knows, also those that have ended."""
    from tui.cli.jobs import list_jobs

    prepare_streams()
    return asyncio.run(list_jobs(monitor, as_json=as_json, read_only=read_only))


@commands.command()
@_MONITOR
@_WORDS
@_JSON
@click.option(
    "--batch",
    is_flag=True,
    help="Judge a JSON object of arguments a line of stdin, as a drive-backup without --way.",
)
@_WAY
@click.option(
    "--command",
    type=_COMMANDS,
    help="Judge the arguments of this very command: those of blockdev-backup name a target node "
    "that is there already.",
)
@_READ_ONLY
def check(
    monitor: "MonitorAddress",
    words: tuple[str, ...],
    as_json: bool,
    batch: bool,
    read_only: bool,
    **how: Any,
) -> int:
    """Judge the arguments of a drive-backup and start nothing.

    ARG is QEMU's own name of an argument, as in device=drive0 sync=full target=/backup/a.qcow2
    speed=50M x-perf.max-workers=8. Exits with 1 when QEMU would refuse.
    """
    from tui.cli.words import How, read_words

    prepare_streams()
    if how["way"] and how["command"]:
        raise click.UsageError("--way and --command exclude each other.")
    if batch:
        from tui.cli.batch import check_batch

        if words or as_json:
            raise click.UsageError("--batch reads the arguments from standard input alone.")
        return asyncio.run(check_batch(monitor, How(**how), read_only=read_only))
    from tui.cli.check import check_words

    texts = read_words(words)
    return asyncio.run(
        check_words(monitor, texts, How(**how), as_json=as_json, read_only=read_only)
    )


@commands.command()
@_MONITOR
@_WORDS
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each step.")
@click.option("--no-wait", is_flag=True, help="Return as soon as the backup runs.")
@click.option(
    "--override",
    "overrides",
    multiple=True,
    metavar="RULE",
    help="Start in spite of a danger or risk that this rule warns of. Can be repeated.",
)
@_WAY
@click.option("--directory", metavar="DIR", help="Without a target, suggest one in this directory.")
@_READ_ONLY
def backup(monitor: "MonitorAddress", words: tuple[str, ...], **options: Any) -> int:
    """Run a drive-backup and watch it to its end.

    ARG is QEMU's own name of an argument, as in device=drive0 target=/backup/a.qcow2 speed=50M.
    What is not given is filled in as in the form: sync=full, format=qcow2 and a job-id. The backup
    runs in QEMU: it goes on when this command is interrupted.
    """
    from tui.cli.backup import BackupRequest, back_up
    from tui.cli.words import read_words

    prepare_streams()
    request = BackupRequest(address=monitor, words=read_words(words), **options)
    return asyncio.run(back_up(request))
