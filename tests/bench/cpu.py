"""What BlockDeck takes of the processor: `python -m tests.bench.cpu`."""

from tests.bench.figures import Figure
from tests.bench.running import run
from tests.bench.watched import watched


async def measure(quick: bool) -> list[Figure]:
    """A minute without jobs; a minute with eight backups."""
    idle, busy = await watched(0, quick=quick), await watched(8, quick=quick)
    return [
        Figure(what="processor, idle", value=100 * idle.cpu, unit="%", reach=0.5),
        Figure(what="processor, 8 backups", value=100 * busy.cpu, unit="%", reach=5),
    ]


if __name__ == "__main__":
    run([measure])
