"""`blockdeck verify`: whether backups can still be restored as they were."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tui.chain.directory import Kept
from tui.cli.failure import Status
from tui.cli.images_run import Teller, find_chains, one_chain
from tui.cli.output import complain, say, say_json
from tui.cli.restore import one_disk
from tui.images.report import as_lines
from tui.images.verify import Comparison, compare_with, verify


async def verify_chains(
    path: Path,
    *,
    chain_id: str | None,
    point: int | None,
    disk: str | None,
    against: Path | None,
    as_json: bool,
) -> int:
    """Verify all chains of a directory, or up to one point of one.

    Raises:
        Failure: there is no such chain.
        ImageError: there is no such point, or no `qemu-img`.
    """
    bad: Sequence[str] = ()
    if point is None and chain_id is None:
        chains, bad = await asyncio.to_thread(find_chains, path)
    else:
        chains = (await asyncio.to_thread(one_chain, path, chain_id),)
    sound = not bad
    for words in bad:
        if as_json:
            say_json({"type": "unreadable", "what": words})
        else:
            complain(words, "Bring it back from another copy: without it the images remain.")
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
    return Status.DONE if sound else Status.FAILED


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
