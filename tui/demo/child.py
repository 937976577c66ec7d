"""A demo VM in a process of its own, for a program whose event loop is busy with a screen."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tui.demo.errors import DemoError
from tui.demo.vm import DemoInfo

_ENDING_SECONDS = 5.0
_CODE = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def demo_process() -> Iterator[DemoInfo]:
    """Start `python -m tui.demo` and end it with the context; it also ends when this process does.

    Blocks until the VM runs, a second or so.

    Raises:
        DemoError: there is no demo VM, with the reason.
    """
    with subprocess.Popen(
        # The working directory might hold another `tui`, so it is left out of the search path.
        [sys.executable, "-P", "-m", "tui.demo", "--parent-fd", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": _search_path()},
    ) as child:
        try:
            yield _announced(child)
        finally:
            _end(child)


def _search_path() -> str:
    return os.pathsep.join(filter(None, [str(_CODE), os.environ.get("PYTHONPATH", "")]))


def _announced(child: "subprocess.Popen[str]") -> DemoInfo:
    # The child bounds its own start, so this line comes, or the end of the pipe.
    line = child.stdout.readline() if child.stdout else ""
    if not line:
        raise DemoError("the demo's process ended before its VM was up")
    said = json.loads(line)
    if "error" in said:
        raise DemoError(said["error"])
    return DemoInfo.model_validate(said)


def _end(child: "subprocess.Popen[str]") -> None:
    if child.stdin:
        child.stdin.close()
    try:
        child.wait(_ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
