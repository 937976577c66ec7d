"""Bytes over SSH, at 120 x 40 on the Jobs screen: `python -m tests.bench.bytes`."""

from tests.bench.figures import Figure
from tests.bench.running import run
from tests.bench.watched import watched


async def measure(quick: bool) -> list[Figure]:
    """The first paint; a minute without jobs; a minute with eight backups."""
    idle, busy = await watched(0, quick=quick), await watched(8, quick=quick)
    return [
        Figure(what="bytes of the first paint", value=idle.paint, unit="B", reach=25_000),
        Figure(what="bytes sent, idle", value=idle.sent, unit="B/s", reach=20),
        Figure(what="bytes sent, 8 backups", value=busy.sent, unit="B/s", reach=1000),
    ]


if __name__ == "__main__":
    run([measure])
