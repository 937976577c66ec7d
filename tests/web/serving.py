"""A `blockdeck serve` of the test's own."""

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from tests.cli.running import next_line, start
from tests.transports.ports import free_port


@contextlib.asynccontextmanager
async def serving(*words: str | Path, says: str = "") -> AsyncIterator[str]:
    """Serve; yields the URL that it tells. Ended as by Ctrl+C, it ends in good order.

    Args:
        words: the arguments beside the port.
        says: what standard error must have by the end.
    """
    port = free_port()
    process = await start("serve", *words, "--port", port)
    said = b""
    try:
        line = await next_line(process)
        told = re.fullmatch(rf"Serving on (http://\S+:{port}), until .*\n", line)
        assert told is not None
        yield told[1]
    finally:
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            _, said = await process.communicate()
    assert process.returncode == 0, said
    assert says in said.decode()
    assert b"Traceback" not in said, said
