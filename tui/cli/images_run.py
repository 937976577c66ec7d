"""What the commands about images have in common: which chain, how far, and how they are ended."""

import asyncio
import signal
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from rich.progress import BarColumn, Progress, TextColumn

from tui.chain.directory import Kept, NoManifest, chains_in, read_chain
from tui.cli.failure import Failure
from tui.cli.output import console, note, say_json
from tui.cli.progress import BAR_INTERVAL, LINE_INTERVAL
from tui.images.errors import ImageError
from tui.images.progress import Progress as Come
from tui.text import plain
from tui.units import percent, size

T = TypeVar("T")


def run_interruptibly(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; a signal ends it with nothing half-made left behind.

    Raises:
        Failure: in place of what is wrong with images.
        KeyboardInterrupt: a signal ended it.
    """
    try:
        return asyncio.run(_ended_by_signals(work))
    except ImageError as error:
        raise Failure(error.sentence, error.advice) from error
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _ended_by_signals(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    return await task


def find_chains(path: Path, *, needed: bool = True) -> tuple[tuple[Kept, ...], tuple[str, ...]]:
    """The chains of a directory or the one of a manifest, and what cannot be read.

    Raises:
        Failure: there is none though one is `needed`.
    """
    shown = plain(str(path), 200)
    try:
        if not path.is_dir():
            return (read_chain(path),), ()
        kept, bad = chains_in(path)
    except NoManifest as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"{shown}: {error.strerror}") from error
    if needed and not kept and not bad:
        raise Failure(f"there is no chain in {shown}", "A chain has a file NAME.chain.json.")
    return kept, tuple(str(error) for error in bad)


def one_chain(path: Path, chain_id: str | None) -> Kept:
    """The chain that is meant.

    Raises:
        Failure: there is none, or there are several.
    """
    kept, bad = find_chains(path)
    for words in bad:
        note(words)
    meant = [each for each in kept if chain_id in (None, each.chain.id)]
    if len(meant) == 1:
        return meant[0]
    there = ", ".join(f"{each.chain.id} ({plain(each.chain.vm, 40)})" for each in kept)
    if not meant:
        raise Failure(f"there is no chain {chain_id or 'that can be read'}", f"There is: {there}")
    raise Failure(f"there are {len(meant)} chains", f"Say --chain with one of: {there}")


class Teller:
    """Tells how far an act is: a bar on a terminal, lines in a log, JSON for a program."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        screen = console(sys.stderr)
        self._bar: Progress | None = None
        if not as_json and screen.is_terminal and not screen.is_dumb_terminal:
            self._bar = Progress(
                TextColumn("{task.fields[title]}", markup=False),
                BarColumn(30),
                TextColumn("{task.fields[numbers]}", markup=False),
                console=screen,
                auto_refresh=False,
                transient=True,
            )
            self._task = self._bar.add_task("", title="", numbers="", total=1.0)
        self._drawn = time.monotonic() if self._bar is None else float("-inf")

    def __enter__(self) -> "Teller":
        return self

    def __exit__(self, *how: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, come: Come) -> None:
        """Tell it, unless it was told just now."""
        interval = LINE_INTERVAL if self._bar is None and not self._as_json else BAR_INTERVAL
        if time.monotonic() - self._drawn < interval:
            return
        self._drawn = time.monotonic()
        if self._as_json:
            say_json({"type": "progress", "step": come.step, "done": come.done, "of": come.total})
            return
        numbers = f"{percent(come.fraction)}, {size(come.done)} of {size(come.total)}"
        if self._bar is None:
            note(f"{come.step}: {numbers}")
            return
        self._bar.start()
        title = plain(come.step, 40)
        self._bar.update(self._task, completed=come.fraction, title=title, numbers=numbers)
        self._bar.refresh()
