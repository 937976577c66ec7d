"""The words that `blockdeck check` and `blockdeck backup` take."""

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from tui.cli.options import JSON, MONITOR, READ_ONLY
from tui.cli.output import prepare_streams

if TYPE_CHECKING:
    from tui.backup.target_io import TargetIo
    from tui.qmp.address import MonitorAddress

_EASY, _TWICE = "--go-easy", "2x"
_WORDS = click.argument("words", nargs=-1, metavar="ARG=VALUE...")
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


@click.command()
@MONITOR
@_WORDS
@JSON
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
@READ_ONLY
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


def _is_bound(word: str) -> bool:
    from tui.vm.bound import Bound

    try:
        Bound.parse(word)
    except ValueError:
        return False
    return True


class _Easy(click.Option):
    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Without the space between the option and its value."""
        record = super().get_help_record(ctx)
        return record and (record[0].replace(" [=", "[="), record[1])


class _Backup(click.Command):
    """Has an option that works without a value, and so never takes the next word for it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give it its value.

        Raises:
            click.UsageError: the next word is one.
        """
        for word, after in pairwise(args):
            if word == _EASY and _is_bound(after):
                ctx.fail(f"The value of {_EASY} stands behind a =, as in {_EASY}='{after}'.")
        given = [f"{_EASY}={_TWICE}" if word == _EASY else word for word in args]
        return super().parse_args(ctx, given)


@click.command(cls=_Backup)
@MONITOR
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
    _EASY,
    cls=_Easy,
    metavar="[=BOUND]",
    help="Slow the copy down while the guest's writes take longer than BOUND: 2x, the default, is "
    "twice as long as before, '20 ms' is so long whatever it was before.",
)
@_FLEECE
@_TARGET_IO
@click.option(
    "--preset",
    type=click.Choice(["fast", "gentle"]),
    help="Fill in what is not given: fast has no limits and copies in the way measured to be "
    "quickest, gentle goes easy on the guest, with one worker, and cancels before it is full.",
)
@READ_ONLY
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
        cancel_before_full, go_easy = True, go_easy or _TWICE
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
