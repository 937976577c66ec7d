"""The chains that bitmaps of a VM are of, and that have no manifest any more."""

from collections.abc import Mapping
from pathlib import Path

from tui.chain.manifest import chain_of_bitmap
from tui.records.chain_places import ChainPlaces
from tui.vm.leftover_bitmaps import LostChain
from tui.vm.snapshot import VmSnapshot
from tui.worker.disk import Disk


class LostChains:
    """Knows where chains were made, and finds out which are there no more.

    Args:
        disk: where it is on record where they are.
    """

    def __init__(self, disk: Disk[ChainPlaces]) -> None:
        self._disk = disk
        self._found: Mapping[str, LostChain] = {}

    @property
    def found(self) -> Mapping[str, LostChain]:
        """The chains that were lost at the last look, by the names of their bitmaps."""
        return self._found

    async def keep(self, chain: str, manifest: Path) -> None:
        """The manifest of a chain is there now."""
        await self._disk.ask(lambda places, _: places.keep(chain, manifest))

    async def look(self, vm: VmSnapshot) -> None:
        """Look for the manifests of the chains that a VM has bitmaps of."""
        bitmaps = {bitmap.name for node in vm.nodes for bitmap in node.bitmaps}
        points = {name: point for name in bitmaps if (point := chain_of_bitmap(name)) is not None}
        chains = {chain for chain, _ in points.values()}
        lost = await self._disk.ask(lambda places, _: places.without_manifest(chains)) or {}
        self._found = {
            name: LostChain(chain, serial, str(lost[chain] or ""))
            for name, (chain, serial) in points.items()
            if chain in lost
        }
