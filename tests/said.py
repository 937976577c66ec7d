"""Runs other people's programs and returns what they say."""

import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path


def said(
    *command: str | Path,
    seconds: float = 60,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    statuses: Collection[int] = (0,),
) -> str:
    """Run a program; returns all that it says, on either stream.

    Raises:
        AssertionError: it ended otherwise than with one of the statuses.
        subprocess.TimeoutExpired: it had not ended by then, and was killed.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env=env,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=seconds,
    )
    assert done.returncode in statuses, f"{command[0]}: {done.returncode}: {done.stdout}"
    return done.stdout
