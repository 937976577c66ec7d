"""How the backup form comes to be open: not before QEMU has told which arguments there are."""

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from textual.worker import Worker

from tui.vm.snapshot import Device
from tui.worker import VmWorker

if TYPE_CHECKING:
    from tui.app import BlockDeckApp

_SECONDS = 30.0
"""How long a form that was asked for waits for QEMU's schema."""


def open_form(app: "BlockDeckApp", device: Device) -> None:
    """Open the form for a disk of the VM on show, now or as soon as it can be."""
    worker = app.worker
    if worker is not None and worker.schema is None:
        app.notify("QEMU is telling what it can do; the form opens then.")
        _: Worker[None] = app.run_worker(
            partial(_open_later, app, worker, device), group="form", exclusive=True
        )
    else:
        _push(app, device)


def _push(app: "BlockDeckApp", device: Device) -> None:
    from tui.screens.backup import BackupScreen

    app.push_screen(BackupScreen(device.key))


async def _open_later(app: "BlockDeckApp", worker: VmWorker, device: Device) -> None:
    screen, changed = app.screen, asyncio.Event()
    unsubscribe = worker.subscribe(changed.set)
    try:
        async with asyncio.timeout(_SECONDS):
            while worker.schema is None:
                await changed.wait()
                changed.clear()
    except TimeoutError:
        app.notify("QEMU has not told what it can do; try again.", severity="warning")
        return
    finally:
        unsubscribe()
    if app.worker is worker and app.screen is screen:
        _push(app, device)
