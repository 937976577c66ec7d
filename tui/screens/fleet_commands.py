"""The VMs that are open, by name, for the command palette."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.worker import Worker

from tui.text import plain

if TYPE_CHECKING:
    from tui.app import BlockDeckApp
    from tui.worker import VmWorker


def fleet_commands(app: "BlockDeckApp") -> Iterator[SystemCommand]:
    """To go to each of them, and to let go of each; nothing where there is but one."""
    workers = app.fleet.workers
    for worker in workers if len(workers) > 1 else ():
        title = plain(worker.snapshot.title, 60)
        words = plain(worker.snapshot.address, 120)
        yield SystemCommand(f"Switch to {title}", words, partial(_show, app, worker))
        yield SystemCommand(f"Close {title}", words, partial(_close, app, worker))


def _show(app: "BlockDeckApp", worker: "VmWorker") -> None:
    if app.may_switch():
        app.fleet.show(worker)


def _close(app: "BlockDeckApp", worker: "VmWorker") -> None:
    _: Worker[None] = app.run_worker(partial(app.close_vm, worker), group="close", exclusive=True)
