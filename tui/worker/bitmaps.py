"""Does to a dirty bitmap what its operator wants: looked at right before, listed right after."""

from collections.abc import Awaitable, Callable

from tui.chain.bitmaps import hindrance
from tui.qmp.errors import QmpError
from tui.qmp.session import QmpSession
from tui.vm.bitmap_acts import BitmapAct, command_for
from tui.vm.snapshot import VmSnapshot
from tui.worker.referee import Referee

Look = Callable[[], Awaitable[VmSnapshot]]
"""Asks QEMU for everything again."""


class BitmapNotChanged(QmpError):
    """It cannot be done as things are now, and nothing was sent; the words tell why."""


class BitmapActs:
    """Acts upon the bitmaps of one VM.

    Args:
        referee: adds nodes for a moment; none of it is under way between look and act.
        deadline: seconds for each command.
    """

    def __init__(self, referee: Referee, deadline: float) -> None:
        self._referee = referee
        self._deadline = deadline

    async def do(self, session: QmpSession, act: BitmapAct, look: Look) -> None:
        """Look whether it can be done, do it, and look again: no event tells of bitmaps.

        Raises:
            BitmapNotChanged: it cannot be done now.
            QmpError: QEMU refused, or gave no answer.
        """
        async with self._referee.turn:
            why = hindrance(act, await look())
            if why is not None:
                raise BitmapNotChanged(why)
            command, arguments = command_for(act)
            await session.execute(command, arguments, timeout=self._deadline)
            await look()
