"""Freezes a guest and keeps it so, until it is killed: `python -m tests.agent.freezing SOCKET`."""

import asyncio
import sys
from pathlib import Path

from tui.agent import frozen


async def main(path: Path, limit: float) -> None:
    """Say when the guest is frozen, and wait."""
    async with frozen(path, limit=limit, deadline=1.0):
        sys.stdout.write("frozen\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
