"""Where the manifests of chains are that were made by this user on this host."""

import os
from collections.abc import Iterable
from pathlib import Path

CHAINS = "chains"


class ChainPlaces:
    """A directory with a symbolic link to the manifest of each chain.

    All methods wait for the disk: they are for threads.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def keep(self, chain: str, manifest: Path) -> None:
        """The manifest of a chain is there now.

        Raises:
            OSError: it cannot be written down.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.directory / f".{chain}.{os.getpid()}"
        draft.unlink(missing_ok=True)
        draft.symlink_to(manifest.absolute())
        draft.replace(self.directory / chain)

    def without_manifest(self, chains: Iterable[str]) -> dict[str, Path | None]:
        """Those of some chains without a manifest, and where that was; None is not known."""
        lost: dict[str, Path | None] = {}
        for chain in chains:
            link = self.directory / chain
            try:
                manifest = link.readlink()
            except FileNotFoundError:
                lost[chain] = None
                continue
            try:
                link.stat()
            except (FileNotFoundError, NotADirectoryError):
                lost[chain] = manifest
        return lost
