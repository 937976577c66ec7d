"""The images of fleeces, kept on record from before they are made until they have no name."""

from pathlib import Path
from typing import Literal

from tui.records.kept_care import Keeper
from tui.records.shelf import KeptOfJob, Shelf

FLEECES = "fleeces"


class KeptFleece(KeptOfJob):
    """An image: `job` makes it, at `path`, and `keeper` is the BlockDeck that then deletes it.

    `qemu` tells which QEMU it is that makes it. Without a keeper, the backup came to nothing while
    QEMU could not be asked.
    """

    version: Literal[1] = 1
    qemu: str
    path: str
    keeper: Keeper | None


class FleeceStore(Shelf[KeptFleece]):
    """The images of fleeces that may have a name."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, KeptFleece)
