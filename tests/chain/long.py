"""Many random sequences of backups: `make soak`."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.chain.sequences import run_sequence
from tests.small import small_filesystem


def main() -> int:
    """Run them; the seeds that failed are told with their steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="of the first one")
    parser.add_argument("--tell", action="store_true", help="print the steps of each")
    asked = parser.parse_args()
    first = random.randrange(1 << 30) if asked.seed is None else asked.seed
    failed, began = [], time.monotonic()
    for seed in range(first, first + asked.sequences):
        with tempfile.TemporaryDirectory(prefix="chain-") as directory:
            try:
                steps = asyncio.run(run_sequence(seed, Path(directory) / "run", small_filesystem))
                if asked.tell:
                    print(*steps, sep="\n")
            except Exception:  # noqa: BLE001 - it is told, and the others are run
                failed.append(seed)
                traceback.print_exc()
                sys.stderr.flush()
    took = time.monotonic() - began
    print(f"{asked.sequences} from seed {first}: {len(failed)} failed {failed}, {took:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
