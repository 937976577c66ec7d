"""A qemu-img that comes to a stand before it copies, as on a storage that is slow to answer."""

import os
from pathlib import Path

import pytest

from tui.demo.qemu_binary import find_qemu


class Gate:
    """While it is shut, `qemu-img convert` and `rebase`, or other acts that are told, wait."""

    def __init__(self, directory: Path, *acts: str) -> None:
        directory.mkdir()
        self.directory = directory
        self._fifo = directory / "gate"
        os.mkfifo(self._fifo)
        script = directory / "qemu-img"
        script.write_text(
            f"#!/bin/sh\ncase $1 in {'|'.join(acts) or 'convert|rebase'})\n"
            f"touch {directory}/reached; read line < {self._fifo};;\nesac\n"
            f'exec {find_qemu().img} "$@"\n'
        )
        script.chmod(0o755)

    @property
    def path(self) -> str:
        """The PATH on which it is found first."""
        return f"{self.directory}:{os.environ['PATH']}"

    @property
    def reached(self) -> bool:
        """Whether a qemu-img stands before it."""
        return (self.directory / "reached").exists()

    def open(self) -> None:
        """Let the one go on that stands before it."""
        self._fifo.write_text("go\n")


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Shut."""
    return Gate(tmp_path / "gate")
