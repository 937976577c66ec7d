"""Prunes a directory in a process of its own, which a step may be the last of.

    python -m tests.images.killed DIRECTORY KEEP STEP

KEEP are serials with commas between. At step number STEP the process kills itself, as `kill -9`
does; it prints each step before. Without a step of that number it ends by itself.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from tui.chain.directory import chains_in
from tui.images.prune import prune
from tui.images.prune_plan import plan_chain


async def main(directory: Path, keep: str, last: int) -> None:
    """Prune the one chain there is."""
    (kept,), _ = chains_in(directory)
    steps = 0

    def step(name: str) -> None:
        nonlocal steps
        print(name, flush=True)
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)
        steps += 1

    plan = await plan_chain(kept, {int(word): ("test",) for word in keep.split(",")})
    await prune(plan, on_step=step)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
