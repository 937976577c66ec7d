"""`blockdeck chain list`: what lies in a directory of backups, and what of it can be restored."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from tui.chain.catalog import Catalog, CatalogChain, CatalogPoint, Stack, read_catalog
from tui.chain.directory import Kept
from tui.chain.manifest import SUFFIX
from tui.chain.words import point_text
from tui.cli.chain_choice import the_chain
from tui.cli.failure import Failure, Status
from tui.cli.output import PROGRAM, complain, say, say_json, say_table
from tui.text import plain
from tui.units import size


def list_chains(place: Path, serial: int | None = None, *, as_json: bool) -> int:
    """Print the chains of a directory with their points, and images without a manifest.

    Only names, sizes and headers are looked at: whether the bytes are as they were is for
    `blockdeck verify`. With a serial all that is told of that point is printed instead.

    Raises:
        Failure: there is no such directory or point, or it cannot be read.
    """
    if serial is not None:
        return _show_point(the_chain(place), serial, as_json=as_json)
    catalog = _catalog(place)
    if as_json:
        for told in _as_json(catalog):
            say_json(told)
    else:
        _tell(catalog, place)
    for bad in catalog.bad:
        complain(str(bad), "Bring it back from another copy: without it the images remain.")
    return Status.DONE if _is_whole(catalog) else Status.FAILED


def _catalog(place: Path) -> Catalog:
    """Of a directory, or of the one chain of a manifest."""
    one = the_chain(place) if place.name.endswith(SUFFIX) and not place.is_dir() else None
    if one is None and not place.is_dir():
        raise Failure(f"{place} is no directory")
    try:
        catalog = read_catalog(one.directory if one is not None else place.resolve())
    except OSError as error:
        raise Failure(f"{place}: {error.strerror}") from error
    if one is None:
        return catalog
    chains = tuple(chain for chain in catalog.chains if chain.kept.path == one.path)
    return Catalog(catalog.directory, chains)


def _show_point(kept: Kept, serial: int, *, as_json: bool) -> int:
    point = kept.chain.point(serial)
    if point is None:
        there = ", ".join(str(each.serial) for each in kept.chain.points)
        raise Failure(f"chain {kept.chain.id} has no point {serial}", f"It has: {there}")
    if as_json:
        told = {"type": "point", "chain": kept.chain.id, "manifest": str(kept.path)}
        say_json({**told, **point.model_dump(mode="json")})
    else:
        for line in point_text(kept.chain.id, point):
            say(line)
    return Status.DONE


def _is_whole(catalog: Catalog) -> bool:
    """Whether nothing that was complete is lost, as far as is looked."""
    return not (
        catalog.bad
        or any(stack.missing for stack in catalog.stacks)
        or any(
            point.point.complete and not point.restorable
            for chain in catalog.chains
            for point in chain.points
        )
    )


# --- for programs --------------------------------------------------------------------------------


def _as_json(catalog: Catalog) -> Iterator[dict[str, Any]]:
    for chain in catalog.chains:
        kept = chain.kept
        told = {"type": "chain", "manifest": str(kept.path), **kept.chain.model_dump(mode="json")}
        for point, found in zip(told["points"], chain.points, strict=True):
            point |= {"restorable": found.restorable, "problems": list(found.problems)}
        yield told
    for stack in catalog.stacks:
        yield {
            "type": "stack",
            "directory": str(catalog.directory),
            "images": [image.name for image in stack.images],
            "below": stack.below,
            "restorable": not stack.missing,
        }


# --- for people ----------------------------------------------------------------------------------


def _tell(catalog: Catalog, place: Path) -> None:
    for chain in catalog.chains:
        say_table(_table(chain))
        for point in chain.points:
            for words in point.problems:
                say(f"  point {point.point.serial}: {words}")
    for stack in catalog.stacks:
        _tell_stack(stack)
    if catalog.stacks:
        say(f"  {PROGRAM} verify checks such images, {PROGRAM} restore IMAGE restores one")
    if not (catalog.chains or catalog.stacks or catalog.bad):
        say(f"{place} has no chain")


def _tell_stack(stack: Stack) -> None:
    say(f"no manifest tells of {stack.images[-1].name}:")
    for image in stack.images:
        say(f"  {image.name}, {size(image.size)}")
    if stack.below is not None:
        missing = ", which is MISSING: none of them can be restored" if stack.missing else ""
        say(f"  the lowest stands on {stack.below}{missing}")


def _table(chain: CatalogChain) -> Table:
    of = chain.kept.chain
    disks = ", ".join(disk.name for disk in of.disks)
    title = plain(f"chain {of.id} of {of.vm or 'a VM without a name'}: {disks}")
    table = Table(
        box=None, pad_edge=False, header_style="bold", title=Text(title), title_justify="left"
    )
    for name in ("point", "kind", "on", "state", "started"):
        table.add_column(name, no_wrap=True)
    for name in ("frozen", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("images", overflow="fold")
    for point in chain.points:
        table.add_row(*(Text(plain(cell)) for cell in _row(point)))
    return table


def _row(found: CatalogPoint) -> tuple[str, ...]:
    point = found.point
    sizes = [image.allocated for image in point.images.values() if image.allocated is not None]
    return (
        str(point.serial),
        point.kind,
        str(point.parent or "-"),
        found.state,
        point.started.astimezone().strftime("%F %T"),
        f"{point.frozen_seconds:.1f} s" if point.frozen_seconds is not None else "-",
        size(sum(sizes)) if sizes else "-",
        ", ".join(image.file for image in point.images.values()),
    )
