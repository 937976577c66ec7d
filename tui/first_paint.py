"""The first paint: with the disks on it, where the VM answers at once."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tui.screens.vm_screen import VmScreen
from tui.vm.snapshot import Link

if TYPE_CHECKING:
    from tui.app import BlockDeckApp

PATIENCE = 0.25
"""Seconds that it waits for the VM: hardly to be told from at once, and enough on a busy host."""


class FirstPaint:
    """Holds the first paint back until the VM on show has answered.

    Without it a screen that says that it waits is laid out, sent and painted over as soon as it is
    there. A VM that is slow to answer is waited for no longer than `PATIENCE`.

    Args:
        app: has the VM, and paints.

    Attributes:
        held: whether it is held back now; nothing need be shown meanwhile.
    """

    def __init__(self, app: "BlockDeckApp") -> None:
        self._app = app
        self._release = contextlib.ExitStack()
        self.held = False

    def hold(self) -> None:
        """Paint nothing for now."""
        self.held = True
        self._release.callback(self._paint)
        self._release.enter_context(self._app.batch_update())

    def wait(self) -> None:
        """Wait from now on, for a VM that is being connected to."""
        self._app.set_timer(PATIENCE, self._release.close)

    def look(self) -> None:
        """Paint from now on, if the screen is there and the VM has answered or is not to be had."""
        vm = self._app.worker.snapshot if self._app.worker is not None else None
        answered = vm is None or vm.loaded or vm.connection.link is Link.LOST
        if answered and all(screen.whole for screen in self._screens()):
            self._release.close()

    def _paint(self) -> None:
        self.held = False
        # The last of the screens may be gone by now.
        for screen in self._app.screen_stack[-1:]:
            screen.refresh(layout=True)
        for screen in self._screens():
            screen.take()

    def _screens(self) -> Iterator[VmScreen]:
        return (screen for screen in self._app.screen_stack if isinstance(screen, VmScreen))
