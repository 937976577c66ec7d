"""The guest of the demo VM: it goes on writing to its disks, at a modest rate."""

import asyncio
import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from pydantic import ValidationError

from tui.demo.disks import DATA, DATABASE, LOGS, ROOT, Disk, MiB
from tui.demo.errors import DemoError
from tui.demo.guest import COMMAND_SECONDS, GuestDisk, query_write_counts
from tui.qmp.errors import ConnectionLost, QmpError
from tui.qmp.queries import Queries
from tui.qmp.session import QmpSession

log = logging.getLogger(__name__)

BEAT = 0.5
"""Seconds between two rounds of writes."""

MOST_UNDER_WAY = 4
"""Writes of one disk that may be under way; a disk that hangs gets no more."""

_KIB = 1 << 10


@dataclass(slots=True)
class Load:
    """What the guest writes to one disk: `length` bytes somewhere within `span` from `start` on.

    `every` is in beats. `issued` counts what was asked for, from what the disk had done before.
    """

    disk: Disk
    every: int
    length: int
    span: int
    scattered: bool = True
    start: int = 0
    issued: int | None = None
    places: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        steps = self.span // self.length
        dice = Random(self.disk.name)
        self.places = (
            (self.start + dice.randrange(steps) * self.length for _ in itertools.count())
            if self.scattered
            else itertools.cycle(range(self.start, self.start + steps * self.length, self.length))
        )


def demo_loads() -> list[Load]:
    """A system disk, a data disk, a log that grows and wraps, a database, and a quiet archive."""
    return [
        # What its topmost image holds already: it does not grow.
        Load(ROOT, every=2, length=16 * _KIB, span=4 * MiB, start=16 * MiB),
        Load(DATA, every=1, length=128 * _KIB, span=24 * MiB),
        Load(LOGS, every=1, length=4 * _KIB, span=16 * MiB, scattered=False),
        Load(DATABASE, every=1, length=16 * _KIB, span=32 * MiB),
    ]


async def write_on(session: QmpSession, loads: list[Load]) -> None:
    """Write until cancelled, or until the session with QEMU has ended."""
    for beat in itertools.count():
        try:
            await _round(session, [load for load in loads if beat % load.every == 0], beat)
        except ConnectionLost:
            return
        except (QmpError, DemoError, ValidationError) as error:
            # QEMU is busy or stopped, or a disk is gone: that is for the operator to see, not here.
            log.info("the demo's guest could not write: %s", error)
        await asyncio.sleep(BEAT)


async def _round(session: QmpSession, due: list[Load], beat: int) -> None:
    # qemu-io writes for a guest that is stopped, too.
    if await Queries(session, COMMAND_SECONDS).run_state() != "running":
        return
    counts = await query_write_counts(session)
    for load in due:
        count = counts.get(load.disk.backend)
        if count is None:
            continue
        if load.issued is None or load.issued < count.ended:
            load.issued = count.ended
        if load.issued - count.ended >= MOST_UNDER_WAY:
            continue
        offset = next(load.places)
        await GuestDisk(session, load.disk).write(offset, load.length, 1 + beat % 255)
        load.issued += 1
