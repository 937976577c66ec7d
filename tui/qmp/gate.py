"""What may pass to QEMU, and who is told of it: every command goes through one gate."""

import itertools
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

from tui.qmp.errors import CommandRefused, QmpError, ReadOnly

QUERIES: Final = frozenset(
    {
        "qmp_capabilities",
        "query-block",
        "query-block-exports",
        "query-block-jobs",
        "query-blockstats",
        "query-chardev",
        "query-commands",
        "query-cpus-fast",
        "query-iothreads",
        "query-jobs",
        "query-migrate",
        "query-name",
        "query-named-block-nodes",
        "query-qmp-schema",
        "query-status",
        "query-uuid",
        "query-version",
        "x-debug-query-block-graph",
    }
)
"""The commands that change nothing in QEMU, whatever their arguments.

A list and no pattern: `query-rx-filter`, say, changes which events are sent.
"""


class Deed(NamedTuple):
    """A command that may have changed something, and what came of it.

    `wall` is when it was sent, in seconds since the epoch; `seconds` how long the answer took.
    `reply` is QEMU's. `error` is QEMU's refusal, or why there was no answer; `error_class` is
    QEMU's class of the refusal and None where the answer is not known. `number` is the same for
    what is told before a command is sent, which `sent` marks, and for what came of it.
    """

    command: str
    arguments: Mapping[str, object]
    wall: float
    seconds: float
    reply: object = None
    error: str | None = None
    error_class: str | None = None
    number: int = 0
    sent: bool = False


class Gate:
    """Lets commands through to QEMU, or only questions.

    Args:
        read_only: whether anything but `QUERIES` is refused.
        witness: told, in the event loop, of each command that is no question, before it is sent
            and once its answer is there or will not be waited for; it must not block.
    """

    def __init__(
        self, *, read_only: bool = False, witness: Callable[[Deed], None] | None = None
    ) -> None:
        self.read_only = read_only
        self._witness = witness
        self._numbers = itertools.count(1)

    def check(self, command: str) -> None:
        """Refuse what may not pass.

        Raises:
            ReadOnly: it is no question, and only questions may pass.
        """
        if self.read_only and command not in QUERIES:
            raise ReadOnly(command)

    async def watched(
        self,
        command: str,
        arguments: Mapping[str, object] | None,
        answer: Callable[[], Awaitable[object]],
    ) -> object:
        """Send a command by `answer`, and have the witness told how it went.

        Raises:
            ReadOnly: it may not pass, and was not sent.
        """
        self.check(command)
        if self._witness is None or command in QUERIES:
            return await answer()
        wall, start = time.time(), time.monotonic()
        given, number = dict(arguments or {}), next(self._numbers)
        self._witness(Deed(command, given, wall, 0.0, number=number, sent=True))
        reply, error, error_class = None, None, None
        try:
            reply = await answer()
        except CommandRefused as refusal:
            error, error_class = refusal.desc, refusal.error_class
            raise
        except QmpError as failure:
            error = str(failure)
            raise
        except BaseException as stop:
            error = f"BlockDeck did not wait for the answer ({type(stop).__name__})"
            raise
        finally:
            seconds = time.monotonic() - start
            self._witness(Deed(command, given, wall, seconds, reply, error, error_class, number))
        return reply


OPEN: Final = Gate()
"""Lets everything through and tells nobody."""
