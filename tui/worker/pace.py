"""How often a worker asks and how long it waits."""

from typing import NamedTuple


class Pace(NamedTuple):
    """All in seconds.

    Attributes:
        idle: between looks at a VM without jobs.
        busy: between looks at a VM with jobs, of three questions each; with those of the disks,
            now and then, at most three a second are asked.
        inventory: after this long the disks are listed again, though nothing hinted at a change.
        settle: how long a burst of events is let settle before one question answers all of it.
        ending: how long a QEMU that shuts down is left to say its last words.
        command: the deadline of a command.
        question: the deadline of a short question that is asked again and again, where it is less.
        create: the deadline for making a target, and for closing it, which writes it out.
        connect: the deadline of a connection.
        painting: how long the screen has the processor to itself to show a VM that was just met.
        target: the deadline of a look at a target's file system.
        orphan: how long nodes of nobody's are left alone: another BlockDeck may be about to start
            its job.
        writing: how long a look at the VM waits for an outcome to be on the disk.
        back_off: the pauses between attempts to reconnect; the last one repeats.
    """

    idle: float = 6.0
    busy: float = 1.05
    inventory: float = 60.0
    settle: float = 0.2
    ending: float = 5.0
    command: float = 10.0
    question: float = 4.0
    create: float = 60.0
    connect: float = 3.0
    painting: float = 0.15
    target: float = 2.0
    orphan: float = 20.0
    writing: float = 1.0
    back_off: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0)
