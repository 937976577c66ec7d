"""Files that a backup which did not begin has left."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tui.vm.leftover import Kind, Leftover
from tui.vm.snapshot import VmSnapshot
from tui.vm.target_nodes import CREATOR, fleece_file


@dataclass(frozen=True, slots=True)
class LeftFile:
    """The image of a fleece that still has its name, though no BlockDeck is about to delete it.

    Attributes:
        path: where.
        creator: the id of the job that made it.
        empty: whether it is a file without content, as QEMU makes it before it is opened.
    """

    path: str
    creator: str
    empty: bool

    @property
    def users(self) -> frozenset[str]:
        """As `users_of`."""
        return users_of(self.creator)


def users_of(creator: str) -> frozenset[str]:
    """The job that makes the image of a fleece, and the node that has it open."""
    return frozenset({creator, fleece_file(creator.removeprefix(CREATOR))})


def leftover_files(vm: VmSnapshot, files: Iterable[LeftFile]) -> Iterator[Leftover]:
    """Those that nobody has open."""
    for file in files:
        if not file.users.isdisjoint(vm.graph.names):
            # It goes with the node.
            continue
        yield Leftover(
            kind=Kind.FILE,
            name=file.path,
            what="The image that a backup with fleecing was to save old data to.",
            why="The backup came to nothing before QEMU opened it. "
            + ("It is empty." if file.empty else "But it is no empty file any more."),
            ours=True,
            reason=_reason(vm, file),
            mark=file.creator,
        )


def _reason(vm: VmSnapshot, file: LeftFile) -> str:
    if not file.empty:
        return "somebody else may need it: look at it, and delete it by hand"
    who = "a BlockDeck that is not read-only" if vm.read_only else "BlockDeck"
    return f"{who} deletes it by itself within a minute or two"
