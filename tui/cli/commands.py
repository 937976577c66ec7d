"""The words `blockdeck` takes. What they do is imported when one of them is used."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tui import __version__
from tui.cli.agent_words import agent
from tui.cli.bitmap_words import bitmaps
from tui.cli.chain_words import chain_commands
from tui.cli.help import EXAMPLES, Front, show_front_help
from tui.cli.images import register
from tui.cli.output import prepare_streams

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tui.backup.target_io import TargetIo
    from tui.qmp.address import MonitorAddress

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_VERSION = click.version_option(__version__, message="blockdeck %(version)s")


class Monitor(click.ParamType[Any]):
    """A QMP monitor: a socket's path, HOST:PORT, a URL, or the name of a VM in the settings."""

    name = "monitor"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "MonitorAddress":
        """Read the address; a usage error says what is wrong with it."""
        from tui.cli.settings import settings
        from tui.qmp.address import AddressError

        try:
            return settings().address(str(value))
        except AddressError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Names of VMs, and monitors of this host."""
        from tui.cli.completion import monitors

        return monitors(incomplete)


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
_FLEECE = click.option(
    "--fleece",
    metavar="DIR",
    default="",
    help="For slow targets: save what the guest overwrites in DIR, on fast storage, first. The "
    "guest never waits for the target. QEMU 7.1 and later.",
)


def _as_target_io(_context: click.Context, _option: click.Parameter, value: str) -> "TargetIo":
    from tui.backup.target_io import TargetIo

    return TargetIo(value)


_TARGET_IO = click.option(
    "--target-io",
    type=click.Choice(["writeback", "direct", "io_uring"]),
    default="writeback",
    callback=_as_target_io,
    help="How blockdev-backup writes to the target: through the page cache of QEMU's host "
    "(writeback, the default), or past it, which leaves the host's memory alone (direct, by "
    "Linux AIO, or io_uring).",
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
    record = click.option(
        "--record",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Write what the terminal is sent to a new file, as an asciinema cast.",
    )
    return _READ_ONLY(mouse(log(record(command))))


def _show_help(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        show_front_help(context, commands)


@click.command("blockdeck", context_settings=_SETTINGS, add_help_option=False)
@click.argument("monitors", type=Monitor(), nargs=-1, metavar="[MONITOR]...")
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


@commands.command()
@_screen_options
@click.option("--headless", is_flag=True, help="Print where it is as JSON, and serve until ended.")
@click.option("--tour", is_flag=True, help="Play a story: space holds, arrows step, q leaves.")
@click.option(
    "--pace",
    type=click.FloatRange(0, 10),
    default=1.0,
    show_default=True,
    metavar="TIMES",
    help="Play the tour so many times as slowly; 0 waits for nobody.",
)
@click.option("--at", hidden=True, metavar="JSON", help="The demo VM that runs there already.")
def demo(headless: bool, **options: Any) -> int:
    """Start a throwaway demo VM and open the UI on it."""
    from tui.cli.demo import serve_demo, show_demo

    return serve_demo() if headless else show_demo(**options)


@commands.command()
@click.argument("monitor", type=Monitor(), required=False, metavar="[MONITOR]")
@click.option("--host", default="localhost", show_default=True, help="Listen on this address.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Listen here."
)
@click.option("--may-write", is_flag=True, help="Let who opens the page do what you can do.")
@click.option("--directory", metavar="DIR", help="Suggest backup targets in this directory.")
@click.option(
    "--demo", is_flag=True, help="Serve a throwaway demo VM, which ends with the serving."
)
def serve(monitor: "MonitorAddress | None", demo: bool, **options: Any) -> int:
    """Serve the UI to browsers, read-only unless told otherwise.

    All browsers look on at one screen, and the first has its keys.

    There is no password: on the loopback whoever is logged in on this host can open it. It takes
    the extra blockdeck[serve].
    """
    from tui.cli.serve import serve_demo_screen, serve_screen

    prepare_streams()
    if demo:
        if monitor is not None or options.pop("directory") is not None:
            raise click.UsageError("--demo has a VM and a directory of its own.")
        return serve_demo_screen(**options)
    return serve_screen(monitor, **options)


@commands.command()
@click.argument("host", type=Monitor(), required=False, metavar="[HOST]")
@_JSON
@click.option("--no-probe", is_flag=True, help="Connect to no monitor, not even for a moment.")
def discover(host: "MonitorAddress | None", as_json: bool, no_probe: bool) -> int:
    """List the VMs of this host, and which of their monitors can be connected to.

    HOST is another one: ssh://[user@]host[:port]. It is asked over SSH, and so are its monitors.

    A monitor that is free is asked for a moment how its VM is; one that another client holds, or
    that belongs to libvirt or Proxmox, is never connected to.
    """
    from tui.cli.discover import list_vms, list_vms_of

    prepare_streams()
    if host is not None:
        return asyncio.run(list_vms_of(host, as_json=as_json, asks=not no_probe))
    return asyncio.run(list_vms(as_json=as_json, asks=not no_probe))


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
@click.argument("report", required=False, metavar="[JOB | FILE]")
@_JSON
@click.option("--most", type=click.IntRange(1, 500), default=50, help="List so many, the newest.")
def history(report: str | None, as_json: bool, most: int) -> int:
    """List the reports of the backups that have ended, or show those of one.

    JOB is a job id, FILE the name of a report's file. With --json a JSON object a line.
    """
    from tui.cli.history import list_history

    prepare_streams()
    return list_history(wanted=report, as_json=as_json, most=most)


@commands.command()
@_MONITOR
@_JSON
@click.option(
    "--clean",
    "names",
    multiple=True,
    metavar="NAME",
    help="Clean this one up, and list nothing. Can be repeated: the first that fails is the last.",
)
@_READ_ONLY
def leftovers(
    monitor: "MonitorAddress", as_json: bool, names: tuple[str, ...], read_only: bool
) -> int:
    """List the jobs, nodes, filters and bitmaps that nobody uses.

    Each with why it is judged so, the command that would clean it up, and what would be lost.
    Without --clean QEMU is sent nothing but questions.
    """
    from tui.cli.leftovers import clean_leftovers, list_leftovers

    prepare_streams()
    if names:
        if as_json:
            raise click.UsageError("--json is for the list, --clean prints none.")
        return asyncio.run(clean_leftovers(monitor, names, read_only=read_only))
    return asyncio.run(list_leftovers(monitor, as_json=as_json))


commands.command()(_MONITOR(bitmaps))
commands.command()(_MONITOR(agent))


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
@_FLEECE
@_TARGET_IO
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
    by_nodes = "--fleece" if how["fleece"] else "--target-io"
    if (how["fleece"] or how["target_io"] != "writeback") and (how["command"] or batch):
        raise click.UsageError(f"{by_nodes} goes with neither --command nor --batch.")
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
@click.option(
    "--cancel-before-full",
    is_flag=True,
    help="Cancel the backup before the target's file system is full, so that no guest write fails.",
)
@click.option(
    "--go-easy",
    is_flag=False,
    flag_value="2x",
    metavar="[BOUND]",
    help="Slow the copy down while the guest's writes take longer: 2x (twice as long as before; "
    "also where nothing follows), or 20 ms.",
)
@_FLEECE
@_TARGET_IO
@click.option(
    "--preset",
    type=click.Choice(["fast", "gentle"]),
    help="Fill in what is not given: fast has no limits and copies raw images by the kernel, "
    "gentle goes easy on the guest, with one worker, and cancels before the target is full.",
)
@_READ_ONLY
def backup(
    monitor: "MonitorAddress",
    words: tuple[str, ...],
    cancel_before_full: bool,
    go_easy: str | None,
    preset: str | None,
    **options: Any,
) -> int:
    """Run a drive-backup and watch it to its end.

    ARG is QEMU's own name of an argument, as in device=drive0 target=/backup/a.qcow2 speed=50M.
    What is not given is filled in as in the form: sync=full, format=qcow2 and a job-id. The backup
    runs in QEMU: it goes on when this command is interrupted.
    """
    from tui.cli.backup import BackupRequest, back_up
    from tui.cli.words import read_wishes, read_words

    prepare_streams()
    if preset == "gentle":
        cancel_before_full, go_easy = True, go_easy or "2x"
    wishes = read_wishes(cancel_before_full=cancel_before_full, go_easy=go_easy)
    if wishes and options["no_wait"]:
        raise click.UsageError(
            "--cancel-before-full, --go-easy and --preset gentle need BlockDeck to stay, --no-wait "
            "lets it go."
        )
    request = BackupRequest(
        address=monitor, words=read_words(words), wishes=wishes, preset=preset, **options
    )
    return asyncio.run(back_up(request))


@commands.command()
@click.option("--show", "act", flag_value="show", default=True, help="Print what is in force.")
@click.option("--path", "act", flag_value="path", help="Print where the file is, or would be.")
@click.option("--init", "act", flag_value="init", help="Write a file to begin with, if none is.")
@_JSON
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


commands.add_command(chain_commands(_MONITOR))
register(commands, partial(click.option, type=Monitor(), metavar="MONITOR"))
