"""A small file system of its own for the targets of the demo, where one can be made."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tui.demo.spawn import spawn

TARGET_BYTES = 1 << 30
"""How much fits on it; a tmpfs takes no memory for what is not there."""

_SECONDS = 10.0
_OPTIONS = f"size={TARGET_BYTES},mode=0700,nosuid,nodev,noexec"
_KEEPER = f"""
mount -t tmpfs -o {_OPTIONS} blockdeck-demo "$1" || exit 1
echo mounted
cat >/dev/null
exec umount --lazy "$1"
"""
"""Unmounts as soon as the pipe from the demo is closed, by its end or by its death."""


@contextlib.asynccontextmanager
async def own_filesystem(directory: Path) -> AsyncIterator[bool]:
    """Mount a tmpfs on `directory` for as long as it is the context; False where that is refused.

    It takes root. However this process ends, nothing stays mounted.
    """
    keeper = await spawn(
        *("sh", "-c", _KEEPER, "sh", directory),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # A Ctrl-C in the terminal must not end what cleans up after it.
        start_new_session=True,
    )
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    try:
        async with asyncio.timeout(_SECONDS):
            said = await keeper.stdout.readline()
        yield said == b"mounted\n"
    finally:
        keeper.stdin.close()
        await keeper.wait()
