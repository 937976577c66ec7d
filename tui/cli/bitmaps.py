"""`blockdeck bitmaps`: the dirty bitmaps of a VM, and what is done to them."""

from rich.table import Table
from rich.text import Text

from tui.chain.bitmaps import hindrance, owner_of, place_of, price
from tui.chain.manifest import chain_of_bitmap
from tui.cli.failure import Failure
from tui.cli.monitor import open_vm
from tui.cli.output import note, say, say_json, say_table
from tui.cli.reports import BitmapReport, Report, VmReport
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import QmpError
from tui.text import plain
from tui.units import size
from tui.vm.bitmap_acts import BitmapAct, BitmapSource, BitmapVerb
from tui.vm.bitmaps import Bitmap, BitmapNode, bitmap_nodes, bitmaps_of, node_named, unseen


class PlacedBitmapReport(BitmapReport):
    """A dirty bitmap on a node.

    `count` is the size of the next incremental backup by it, in bytes. `node` is the node-name,
    `disk` what the node is called otherwise. `chain` and `point` are the chain of BlockDeck's that
    counts on it and its point after which it records; null where none is known. `current` is false
    for what was seen before a job came to the disk, where QEMU cannot be asked since (QEMU 5).
    """

    node: str
    disk: str
    current: bool
    chain: str | None
    point: int | None

    @classmethod
    def of(cls, bitmap: Bitmap) -> "PlacedBitmapReport":
        """From what a worker knows."""
        chain, point = chain_of_bitmap(bitmap.name) or (None, None)
        return cls(
            **bitmap.info.model_dump(),
            node=bitmap.node.name,
            disk=bitmap.node.disk,
            current=bitmap.node.current,
            chain=chain,
            point=point,
        )


class BitmapsReport(Report):
    """The answer of `bitmaps --json`."""

    vm: VmReport
    bitmaps: tuple[PlacedBitmapReport, ...]


async def list_bitmaps(address: MonitorAddress, *, as_json: bool) -> int:
    """Print every dirty bitmap of every node; QEMU is only asked.

    Raises:
        Failure: it cannot be reached.
    """
    async with open_vm(address, read_only=True) as worker:
        vm = worker.snapshot
    nodes = bitmap_nodes(vm)
    found = bitmaps_of(nodes)
    if unseen(nodes):
        note(unseen(nodes))
    if as_json:
        reports = tuple(PlacedBitmapReport.of(one) for one in found)
        report = BitmapsReport(vm=VmReport.of(vm), bitmaps=reports)
        say_json(report.model_dump(by_alias=True))
    elif found:
        say_table(_table(found))
    else:
        say("No node has a dirty bitmap.")
    return 0


def _table(bitmaps: tuple[Bitmap, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("node", "disk", "bitmap"):
        table.add_column(name, overflow="fold")
    for name in ("dirty", "granularity"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("state", "kept", "chain"):
        table.add_column(name, overflow="fold")
    for one in bitmaps:
        cells = (
            *(one.node.name, one.node.disk, one.title),
            "?" if one.info.inconsistent else size(one.info.count),
            *(size(one.info.granularity), one.state),
            *("image" if one.info.persistent else "memory", owner_of(one.name) or "-"),
        )
        table.add_row(*(Text(plain(cell)) for cell in cells))
    return table


async def change_bitmap(
    address: MonitorAddress, act: BitmapAct, *, agreed: bool, read_only: bool
) -> int:
    """Do something to a bitmap, once it is agreed to what is lost by it.

    Args:
        address: the monitor.
        act: its nodes are names of nodes or of disks.
        agreed: whether it is agreed; else it is only told.
        read_only: whether nothing may be changed; it is refused then.

    Raises:
        Failure: it cannot be done, or was not agreed to.
    """
    async with open_vm(address, read_only=read_only) as worker:
        vm = worker.snapshot
        act = _on_nodes(act, bitmap_nodes(vm))
        words = f"{act.verb.value} {act.name} on {place_of(act, vm)}"
        why = hindrance(act, vm)
        if why is not None:
            raise Failure(f"{words}: {why}")
        for sentences in price(act, vm):
            say(sentences)
        if not agreed:
            raise Failure(f"{words}: nothing was done", "With --yes it is done.")
        try:
            await worker.change_bitmap(act)
        except QmpError as error:
            raise Failure(f"{words}: {error}") from error
    say(f"{words}: done")
    return 0


def _on_nodes(act: BitmapAct, nodes: tuple[BitmapNode, ...]) -> BitmapAct:
    def name(given: str) -> str:
        node = node_named(nodes, given)
        if node is None:
            raise Failure(f"there is no node and no disk {given}", _known(nodes))
        return node.name

    sources = tuple(BitmapSource(name(one.node), one.name) for one in act.sources)
    return BitmapAct(
        act.verb,
        node=name(act.node),
        name=act.name,
        granularity=act.granularity,
        persistent=act.persistent,
        disabled=act.disabled,
        sources=sources,
    )


def _known(nodes: tuple[BitmapNode, ...]) -> str:
    names = [one.disk for one in nodes if not one.disk.startswith("#")]
    return f"There are {', '.join(names)}." if names else ""


def read_act(
    verb: str, node: str, names: tuple[str, ...], *, granularity: str | None, **flags: bool
) -> BitmapAct:
    """The act that the words of a command line mean.

    Args:
        verb: one of `BitmapVerb`.
        node: a node or a disk.
        names: the bitmap, and for `merge` after it those that are merged into it, each NAME or
            NODE:NAME.
        granularity: a size.
        flags: `persistent` and `disabled`.

    Raises:
        ValueError: they mean nothing; in words for whoever typed them.
    """
    of = BitmapVerb(verb)
    if not names:
        raise ValueError("name the bitmap, after the node.")
    if len(names) > 1 and of is not BitmapVerb.MERGE:
        raise ValueError(f"{verb} takes one bitmap.")
    if of is not BitmapVerb.ADD and (granularity or any(flags.values())):
        raise ValueError("--granularity, --persistent and --disabled are for add.")
    return BitmapAct(
        of,
        node=node,
        name=names[0],
        granularity=_granularity(granularity),
        sources=tuple(_source(name, node) for name in names[1:]),
        **flags,
    )


def _granularity(text: str | None) -> int | None:
    from tui.backup.draft import parse_size

    return parse_size(text) if text else None


def _source(text: str, node: str) -> BitmapSource:
    of, colon, name = text.partition(":")
    return BitmapSource(of, name) if colon else BitmapSource(node, text)
