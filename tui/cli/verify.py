"""`blockdeck verify`: whether backups can still be restored as they were."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tui.chain.catalog import read_catalog
from tui.chain.directory import Kept
from tui.cli.failure import Failure, Status
from tui.cli.images_run import Teller, find_chains, one_chain
from tui.cli.monitor import open_vm
from tui.cli.output import complain, say, say_json
from tui.cli.restore import one_disk
from tui.images.against_source import Likeness, compare_with_source
from tui.images.report import as_lines
from tui.images.verify import Comparison, compare_with, verify
from tui.images.verify_stack import as_lines as stack_lines
from tui.images.verify_stack import verify_stack
from tui.qmp.address import MonitorAddress


async def verify_chains(
    path: Path,
    *,
    chain_id: str | None,
    point: int | None,
    disk: str | None,
    against: Path | None,
    source: MonitorAddress | None,
    as_json: bool,
) -> int:
    """Verify all chains of a directory, or up to one point of one.

    Args:
        path: a directory or a manifest.
        chain_id: of several chains this one.
        point: a serial, of a chain that is the only one or named.
        disk: the one that is compared.
        against: an image that the point is compared with.
        source: the monitor of the VM that the last point is compared with.
        as_json: whether all is told as JSON.

    Raises:
        Failure: there is no such chain, or the VM cannot be reached.
        ImageError: there is no such point, no `qemu-img`, or it cannot be compared.
    """
    bad: Sequence[str] = ()
    if point is None and chain_id is None and source is None:
        chains, bad = await asyncio.to_thread(find_chains, path, needed=False)
    else:
        chains = (await asyncio.to_thread(one_chain, path, chain_id),)
    sound = not bad
    for words in bad:
        if as_json:
            say_json({"type": "unreadable", "what": words})
        else:
            complain(words, "Bring it back from another copy: without it the images remain.")
    if not chains:
        sound = await _verify_stacks(path, needed=not bad, as_json=as_json) and sound
    for kept in chains:
        with Teller(as_json=as_json) as teller:
            found = await verify(kept, point, teller)
        sound = sound and found.ok
        if as_json:
            say_json({"type": "verified", "ok": found.ok, **found.model_dump(mode="json")})
        else:
            for line in as_lines(found, kept.chain.vm):
                say(line)
    if against is not None and point is not None:
        compared = await _compare(chains[0], point, disk, against, as_json=as_json)
        sound = sound and compared.identical
    if source is not None:
        sound = await _compare_with_source(chains[0], disk, source, as_json=as_json) and sound
    return Status.DONE if sound else Status.FAILED


async def _verify_stacks(directory: Path, *, needed: bool, as_json: bool) -> bool:
    """Verify the images of a directory that has no manifest; tells whether all are whole.

    Raises:
        Failure: there is no image though one is `needed`.
    """
    try:
        stacks = (await asyncio.to_thread(read_catalog, directory)).stacks
    except OSError as error:
        raise Failure(f"{directory}: {error.strerror}") from error
    if needed and not stacks:
        raise Failure(f"there is no chain in {directory}", "A chain has a file NAME.chain.json.")
    whole = True
    for stack in stacks:
        with Teller(as_json=as_json) as teller:
            found = await verify_stack(directory / stack.images[-1].name, teller)
        whole = whole and found.ok
        if as_json:
            say_json({"type": "stack", "ok": found.ok, **found.model_dump(mode="json")})
        else:
            for line in stack_lines(found):
                say(line)
    return whole


async def _compare(
    kept: Kept, point: int, disk: str | None, against: Path, *, as_json: bool
) -> Comparison:
    with Teller(as_json=as_json) as teller:
        compared = await compare_with(kept, point, one_disk(kept, disk), against, teller)
    if as_json:
        say_json({"type": "compared", "with": str(against), **compared.model_dump()})
    else:
        word = "identical" if compared.identical else "DIFFERENT"
        say(f"{word}: point {point} and {against}: {compared.words}")
    return compared


async def _compare_with_source(
    kept: Kept, disk: str | None, monitor: MonitorAddress, *, as_json: bool
) -> bool:
    """Compare disks with the last point; tells whether none is different."""
    disks = [one_disk(kept, disk)] if disk else [each.name for each in kept.chain.disks]
    alike = True
    async with open_vm(monitor) as worker:
        for name in disks:
            served = worker.serving.disk(kept.chain, name)
            with Teller(as_json=as_json) as teller:
                found = await compare_with_source(kept, name, served, teller)
            alike = alike and found.likeness is not Likeness.DIFFERENT
            if as_json:
                say_json({"type": "compared", "with": str(monitor), **found.model_dump()})
            else:
                say(found.sentence)
    return alike
