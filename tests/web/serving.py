"""A `blockdeck serve` of the test's own."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from tests.cli.running import next_line, start
from tests.transports.ports import free_port


@contextlib.asynccontextmanager
async def serving(*words: str | Path) -> AsyncIterator[str]:
    """Serve; yields the URL. Ended as by Ctrl+C, it ends in good order."""
    port = free_port()
    process = await start("serve", *words, "--port", port)
    try:
        assert f"http://localhost:{port}" in await next_line(process)
        yield f"http://localhost:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            _, said = await process.communicate()
    assert process.returncode == 0, said
    assert b"Traceback" not in said, said
