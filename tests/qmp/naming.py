"""A name server that hangs: whoever asks it for one of some names waits until it is released."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

HANGING = ".hangs.test"


class NameServer:
    """What `getaddrinfo` sees for names that end in `HANGING`.

    Attributes:
        asked: the names it was asked for, one entry for each look-up.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._released = threading.Event()

    def release(self) -> None:
        """Say at last that there is no such host."""
        self._released.set()

    @contextlib.contextmanager
    def hanging(self) -> Iterator["NameServer"]:
        """Hang, until this is left."""
        really = socket.getaddrinfo

        def ask(host: Any, *others: Any, **options: Any) -> Any:
            if str(host).endswith(HANGING):
                self.asked.append(str(host))
                # A test that fails must not leave threads behind for ever.
                self._released.wait(120)
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return really(host, *others, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", ask)
            try:
                yield self
            finally:
                self.release()
