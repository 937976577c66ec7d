"""What QEMU has counted of each disk since the VM started: `query-blockstats`, looked at once."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from tui.qmp.models import BlockStats


class Count(NamedTuple):
    """The guest's reads or writes of one disk.

    Attributes:
        size: bytes.
        done: requests that were carried out.
        took: nanoseconds that these took together.
        failed: requests that the guest was told have failed.
    """

    size: int = 0
    done: int = 0
    took: int = 0
    failed: int = 0


class StatsSample(NamedTuple):
    """Counts by device key at a moment of the monotonic clock, in seconds."""

    taken: float
    reads: Mapping[str, Count]
    writes: Mapping[str, Count]


def sample_stats(stats: Iterable[BlockStats], taken: float) -> StatsSample:
    """Reduce `query-blockstats` to what is followed."""
    reads, writes = {}, {}
    for entry in stats:
        key, told = entry.device or entry.qdev or entry.node_name, entry.stats
        if key:
            reads[key] = Count(told.rd_bytes, told.rd_operations, told.rd_total_time_ns)
            writes[key] = Count(
                told.wr_bytes,
                told.wr_operations,
                told.wr_total_time_ns,
                told.failed_wr_operations,
            )
    return StatsSample(taken, reads, writes)
