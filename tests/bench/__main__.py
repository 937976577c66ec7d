"""All benchmarks, one after the other: `python -m tests.bench [NAME ...] [--quick]`."""

import sys

from tests.bench.running import named, run

NAMES = (
    "verdict",
    "start",
    "events",
    "bytes",
    "cpu",
    "commands",
    "memory",
    "scale",
    "many",
    "throughput",
)

if __name__ == "__main__":
    words = sys.argv[1:]
    chosen = [word for word in words if word in NAMES]
    options = [word for word in words if word not in NAMES]
    sys.exit(run(named(chosen or NAMES), options))
