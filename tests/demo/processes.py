"""The demo as a process of its own, and what it leaves behind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE, until_now
from tui.paths import STYLES

CHECKOUT = STYLES.parent


class DemoProcess:
    """`python -m tui.demo`, with a temporary directory of its own.

    It hangs on the pipe of its standard input unless `watch` is False.
    """

    def __init__(self, temporary: Path, *, watch: bool = True) -> None:
        self.temporary = temporary
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui.demo", *(["--parent-fd", "0"] if watch else [])],
            stdin=subprocess.PIPE if watch else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=CHECKOUT,
            env={**os.environ, "TMPDIR": str(temporary)},
            text=True,
        )

    def said(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return dict(json.loads(self.process.stdout.readline()))

    def let_go(self) -> None:
        """Close the pipe that it watches, as its parent's death does."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ended(self) -> tuple[int, str]:
        """Its exit status and what it wrote to standard error."""
        status = self.process.wait(PATIENCE)
        assert self.process.stderr is not None
        return status, self.process.stderr.read()

    def left_behind(self) -> list[Path]:
        """What is still in the temporary directory."""
        return list(self.temporary.iterdir())

    def close(self) -> None:
        """Kill it and let go of its pipes."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        self.process.wait()
        # Who unmounts the file system for targets learns of the death by a pipe.
        until_now(lambda: str(self.temporary) not in Path("/proc/mounts").read_text())


def lives(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")
