"""How a command ends, and what is said when it ends badly."""

from enum import IntEnum


class Status(IntEnum):
    """The exit statuses of `blockdeck`."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130


class Failure(Exception):
    """A command cannot do what it was asked to.

    Attributes:
        sentence: what is wrong.
        advice: what to do about it; may be empty.
        status: what to exit with.
    """

    def __init__(self, sentence: str, advice: str = "", status: Status = Status.FAILED) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.advice = advice
        self.status = status
