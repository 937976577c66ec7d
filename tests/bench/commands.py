"""How many commands the monitor has to answer: `python -m tests.bench.commands`.

Counted by a relay between BlockDeck and the monitor.
"""

from tests.bench.figures import Figure
from tests.bench.running import run
from tests.bench.watched import watched


async def measure(quick: bool) -> list[Figure]:
    """A minute without jobs, with 8, and with 32, where it is to be no more."""
    idle, few, many = [await watched(jobs, quick=quick) for jobs in (0, 8, 32)]
    return [
        Figure(what="monitor commands, idle", value=idle.commands, unit="/s", reach=0.25),
        Figure(what="monitor commands, 8 backups", value=few.commands, unit="/s", reach=3),
        Figure(
            what="monitor commands, 32 backups",
            value=many.commands,
            unit="/s",
            reach=1.05,
            by_ratio=True,
            peer="8 backups",
            beside=few.commands,
        ),
    ]


if __name__ == "__main__":
    run([measure])
