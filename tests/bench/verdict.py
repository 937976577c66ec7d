"""How long a verdict takes while one types: `python -m tests.bench.verdict`."""

from tests.backup.speed import WAYS, crowd, milliseconds
from tests.bench.figures import Figure
from tests.bench.running import run

NODES = 500
REACH_MS = 2.0


async def measure(quick: bool) -> list[Figure]:
    """One verdict with 500 nodes, by each way."""
    nodes = 50 if quick else NODES
    vm = crowd(nodes)
    return [
        Figure(
            what=f"a verdict, {nodes} nodes, {way}",
            value=milliseconds(vm, f"n{nodes - 1}", way),
            unit="ms",
            reach=REACH_MS,
        )
        for way in WAYS
    ]


if __name__ == "__main__":
    run([measure])
