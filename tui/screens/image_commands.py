"""Verify, restore and prune, for a list of chains and for the command palette."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.screen import Screen
from textual.worker import Worker

from tui.chain.catalog import Stack, read_catalog
from tui.chain.directory import Kept, chains_in
from tui.images.restorable import images_of, point_of
from tui.screens.choice_menu import ChoiceMenu
from tui.screens.path_prompt import PathPrompt
from tui.screens.prune import PruneScreen
from tui.screens.restore import RestoreScreen
from tui.screens.verify import VerifyScreen, VerifyStackScreen
from tui.text import plain
from tui.widgets.chain_text import stack_line

if TYPE_CHECKING:
    from tui.app import BlockDeckApp


@dataclass(frozen=True, slots=True)
class ImageCommand:
    """What can be done with a chain.

    Attributes:
        name: in a word.
        words: what it does.
        of: whether it is of a whole directory, a chain, or a point of one.
        writes: whether it writes or deletes files.
        open: gives the screen for a chain and the serial of a point of it.
        open_stack: the same for images without a manifest, where it can be done to them.
    """

    name: str
    words: str
    of: str
    writes: bool
    open: Callable[[Kept, int], Screen[None]]
    open_stack: Callable[[Path, Stack], Screen[None]] | None = None


def verify_images(directory: Path, stack: Stack) -> Screen[None]:
    """The page that verifies images without a manifest."""
    return VerifyStackScreen(directory / stack.images[-1].name)


def restore_images(directory: Path, stack: Stack) -> Screen[None]:
    """The page that restores one of them; the uppermost is offered first."""
    names = [image.name for image in reversed(stack.images)]
    return RestoreScreen(images_of(directory, names))


IMAGE_COMMANDS = (
    ImageCommand(
        name="Verify",
        words="See whether the backups of a chain can be restored as they were",
        of="chain",
        writes=False,
        open=lambda kept, serial: VerifyScreen(kept),
        open_stack=verify_images,
    ),
    ImageCommand(
        name="Verify point",
        words="See whether a point can be restored; compare it with another copy",
        of="point",
        writes=False,
        open=VerifyScreen,
    ),
    ImageCommand(
        name="Restore",
        words="Restore a disk at a point of a chain to a new image",
        of="point",
        writes=True,
        open=lambda kept, serial: RestoreScreen(point_of(kept, serial)),
        open_stack=restore_images,
    ),
    ImageCommand(
        name="Prune",
        words="Delete the points of a directory that no rule keeps",
        of="directory",
        writes=True,
        open=lambda kept, serial: PruneScreen(kept.directory),
    ),
)


def palette_commands(app: "BlockDeckApp") -> Iterator[SystemCommand]:
    """They ask for a directory, and for what is to be done to what is there.

    A session that only looks has none that writes or deletes files.
    """
    for command in IMAGE_COMMANDS:
        if command.writes and app.only_looks:
            continue
        yield SystemCommand(_TITLES[command.name], command.words, _opener(app, command))


_TITLES = {
    "Verify": "Verify backups",
    "Verify point": "Verify one point of a chain",
    "Restore": "Restore a backup",
    "Prune": "Prune backups",
}


def _opener(app: "BlockDeckApp", command: ImageCommand) -> Callable[[], None]:
    def act() -> None:
        _: Worker[None] = app.run_worker(
            partial(_open, app, command), group="image-command", exclusive=True
        )

    return act


async def _open(app: "BlockDeckApp", command: ImageCommand) -> None:
    start = app.directory or app.settings.directory("", "") or "/"
    prompt = PathPrompt(
        title=_TITLES[command.name],
        text="The directory with the backups: their images, and a NAME.chain.json.",
        start=start,
    )
    directory = await app.push_screen_wait(prompt)
    if directory is None:
        return
    chains = await _read(app, directory)
    if chains is None:
        return
    if not chains:
        await _open_stack(app, command, directory)
        return
    kept, serial = chains[0], 0
    if command.of == "point" or (command.of == "chain" and len(chains) > 1):
        choices = _points(chains) if command.of == "point" else _chains(chains)
        empty = "There is no point that is complete."
        chosen = await app.push_screen_wait(ChoiceMenu(_TITLES[command.name], choices, empty))
        if chosen is None:
            return
        kept, serial = chosen
    app.push_screen(command.open(kept, serial))


async def _open_stack(app: "BlockDeckApp", command: ImageCommand, directory: Path) -> None:
    """Without a chain there may be images that can be understood by themselves."""
    try:
        stacks = (await asyncio.to_thread(read_catalog, directory)).stacks
    except OSError as error:
        words = f"{plain(str(directory), 200)}: {error.strerror}"
        app.notify(words, severity="error", markup=False)
        return
    if command.open_stack is None or not stacks:
        words = f"There is no chain in {plain(str(directory), 200)}"
        app.notify(words, severity="warning", markup=False)
        return
    choices = [(f"no manifest: {stack_line(stack)}", stack) for stack in stacks]
    chosen = await app.push_screen_wait(ChoiceMenu(_TITLES[command.name], choices))
    if chosen is not None:
        app.push_screen(command.open_stack(directory, chosen))


async def _read(app: "BlockDeckApp", directory: Path) -> tuple[Kept, ...] | None:
    """Its chains; None where it cannot be read, which is told."""
    try:
        chains, bad = await asyncio.to_thread(chains_in, directory)
    except OSError as error:
        words = f"{plain(str(directory), 200)}: {error.strerror}"
        app.notify(words, severity="error", markup=False)
        return None
    for each in bad:
        app.notify(plain(str(each), 300), severity="error", markup=False)
    return chains


Choice = tuple[str, tuple[Kept, int]]


def _points(chains: Sequence[Kept]) -> list[Choice]:
    """Every point that can be restored, the newest of each chain first."""
    return [
        (
            f"{kept.chain.vm} {kept.chain.id}  point {point.serial:<3} "
            f"{point.started.astimezone():%F %H:%M}  {point.kind}",
            (kept, point.serial),
        )
        for kept in chains
        for point in reversed(kept.chain.points)
        if point.complete
    ]


def _chains(chains: Sequence[Kept]) -> list[Choice]:
    return [
        (f"{kept.chain.vm} {kept.chain.id}  {len(kept.chain.points)} points", (kept, 0))
        for kept in chains
    ]
