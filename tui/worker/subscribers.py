"""Who is told that something changed."""

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

Callback = Callable[[], None]


class Subscribers:
    """Callbacks that are called one after the other; the fault of one is not another's."""

    def __init__(self) -> None:
        self._callbacks: list[Callback] = []

    def add(self, callback: Callback) -> Callback:
        """Have `callback` called from now on.

        Returns:
            What ends that; calling it again does nothing.
        """
        self._callbacks.append(callback)

        def remove() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return remove

    def tell(self) -> None:
        """Call them all."""
        for callback in tuple(self._callbacks):
            try:
                callback()
            except Exception:
                # A view that fails must not end the watch over the VM.
                log.exception("a subscriber failed")
