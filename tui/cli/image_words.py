"""The words of `blockdeck verify`, `restore` and `prune`, which need no VM."""

from pathlib import Path
from typing import Any

import click

from tui.cli.options import Monitor
from tui.cli.output import prepare_streams

_CHAIN = click.argument("chain", type=click.Path(path_type=Path), metavar="DIR|MANIFEST")
_ID = click.option("--chain", "chain_id", metavar="ID", help="Of several chains in DIR this one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each step.")
_POINT = click.IntRange(min=1)
_COUNT = click.IntRange(0, 100_000)


@click.command()
@click.option(
    "--source",
    type=Monitor(),
    metavar="MONITOR",
    help="Compare the last point with the disks of this VM, but for what was written since.",
)
@_CHAIN
@_ID
@click.option("--point", type=_POINT, metavar="N", help="Only what this point stands on.")
@click.option(
    "--disk",
    metavar="NAME",
    help="With --against: which disk; needed if it has several. With --source: only this one.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="IMAGE",
    help="Compare the point with an image that holds the same moment, as another copy of it or an "
    "earlier restore. A disk that a VM runs on is for --source.",
)
@_JSON
def verify(chain: Path, **options: Any) -> int:
    """Look whether backups can still be restored as they were.

    Each image is looked at: qemu-img check, checksum and size as in the manifest, the backing files
    in their order, the size of the disk. Nothing is changed. Exits with 1 when a point is lost. Of
    images without a manifest the backing files and qemu-img check have to do.

    With --source the last point is compared with the VM's own disks, which QEMU serves read-only
    meanwhile. What was written since the point, as the chain's bitmap tells afterwards, cannot be
    compared any more; how much that is, is said. That much room is taken beside the images until it
    is done.
    """
    from tui.cli.images_run import run_interruptibly
    from tui.cli.verify import verify_chains

    prepare_streams()
    if options["against"] and not options["point"]:
        raise click.UsageError("--against needs --point: which moment does the image hold?")
    if options["disk"] and not (options["against"] or options["source"]):
        raise click.UsageError("--disk is for --against and --source: all disks are verified.")
    if options["source"] and (options["against"] or options["point"]):
        raise click.UsageError("--source is for the last point, and goes with no other.")
    return run_interruptibly(verify_chains(chain, **options))


@click.command()
@click.argument("source", type=click.Path(path_type=Path), metavar="DIR|MANIFEST|IMAGE")
@click.argument("target", type=click.Path(path_type=Path), metavar="TARGET")
@_ID
@click.option("--point", type=_POINT, metavar="N", help="Which point; the last by default.")
@click.option("--disk", metavar="NAME", help="Which disk; needed if the chain has several.")
@click.option(
    "--format",
    "image_format",
    type=click.Choice(["qcow2", "raw"]),
    default="qcow2",
    show_default=True,
    help="What TARGET will be.",
)
@click.option("--overwrite", is_flag=True, help="Let go what is at TARGET now.")
@click.option("--dry-run", is_flag=True, help="Write nothing: print the qemu-img commands.")
@_JSON
def restore(source: Path, target: Path, **options: Any) -> int:
    """Restore a disk at a point of a chain to a new image.

    The backups are only read. The image is written beside TARGET, compared with the backup, and
    then given its name. IMAGE is a qcow2 file without a manifest, with those it stands on. The
    commands that are printed do the same without BlockDeck.
    """
    from tui.cli.images_run import run_interruptibly
    from tui.cli.restore import restore_disk

    prepare_streams()
    return run_interruptibly(restore_disk(source, target, **options))


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR|MANIFEST")
@click.option("--keep-last", "last", type=_COUNT, default=0, metavar="N", help="The newest N.")
@click.option(
    "--keep-daily", "daily", type=_COUNT, default=0, metavar="N", help="The newest of N days."
)
@click.option(
    "--keep-weekly", "weekly", type=_COUNT, default=0, metavar="N", help="The newest of N weeks."
)
@click.option(
    "--keep-monthly", "monthly", type=_COUNT, default=0, metavar="N", help="The newest of N months."
)
@click.option("--yes", is_flag=True, help="Delete without asking.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and delete nothing.")
@_JSON
def prune(directory: Path, yes: bool, dry_run: bool, as_json: bool, **counts: int) -> int:
    """Delete the points that no rule keeps.

    A point is kept if any rule keeps it; days and weeks are those of this host's time zone, and one
    without a point does not count. Of the newest chain of the same disks the last complete point
    always stays, so that increments go on. What the kept ones need of the others is merged into new
    images first; interrupted at any moment, nothing is lost, and the next prune cleans up.
    """
    from tui.cli.prune import prune_chains
    from tui.images.retention import Rules

    prepare_streams()
    rules = Rules(**counts)
    if rules.empty:
        raise click.UsageError("Say what to keep: --keep-last, --keep-daily, --keep-weekly …")
    if yes and dry_run:
        raise click.UsageError("--yes and --dry-run exclude each other.")
    return prune_chains(directory, rules, yes=yes, dry_run=dry_run, as_json=as_json)
