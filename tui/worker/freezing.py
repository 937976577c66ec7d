"""Freezes the guest of a VM for the length of a block, shows it, and writes it down."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from tui.agent import AgentError, Freeze, Freezer, NoAgent, ask_status, thaw
from tui.agent.client import FREEZE, THAW
from tui.host.agent_socket import agent_socket
from tui.host.process import QemuProcess
from tui.qmp.gate import Gate
from tui.worker.state import VmState

LIMIT = 10.0
"""Seconds after which a guest is thawed, whatever it was frozen for."""

_RUNNING = "running"


class Freezing:
    """What a worker does with the guest's agent.

    Args:
        state: is told while the guest is frozen.
        gate: what changes something passes it, and is written down by it.
        process: the QEMU, where it runs on this host.
        run_state: asks QEMU for the guest's run state.
    """

    def __init__(
        self,
        state: VmState,
        gate: Gate,
        process: Callable[[], QemuProcess | None],
        run_state: Callable[[], Awaitable[str]],
    ) -> None:
        self._state = state
        self._gate = gate
        self._process = process
        self._ask_run_state = run_state

    def socket(self) -> Path:
        """The agent's socket, as QEMU's command line tells it.

        Raises:
            NoAgent: it is not found; the words tell what to do.
        """
        process = self._process()
        if process is None:
            raise NoAgent("QEMU's process is not seen here: tell the agent's socket by --agent")
        found = agent_socket(process)
        if found is None:
            raise NoAgent("this QEMU has no socket for a guest agent that could be found")
        return found

    async def status(self, path: Path | None = None) -> str:
        """Whether the guest's file systems are `frozen` or `thawed`, by its agent's word.

        Raises:
            AgentError: no agent answers, or none is found.
        """
        await self._see_it_run()
        return await ask_status(path or self.socket())

    async def thaw(self, path: Path | None = None) -> int:
        """Thaw a guest that somebody left frozen; how many file systems were.

        Raises:
            AgentError: it may still be frozen.
            ReadOnly: nothing may be changed.
        """
        self._gate.check(THAW)
        await self._see_it_run()
        path = path or self.socket()

        async def act() -> int:
            return await thaw(path)

        count = await self._gate.watched(THAW, {"path": str(path)}, act)
        return count if isinstance(count, int) else 0

    async def _see_it_run(self) -> None:
        run_state = await self._ask_run_state()
        if run_state != _RUNNING:
            raise AgentError(f"the guest is {run_state}: its agent cannot answer")

    @contextlib.asynccontextmanager
    async def frozen(self, path: Path | None = None, limit: float = LIMIT) -> AsyncIterator[Freeze]:
        """As `tui.agent.frozen`; the VM's snapshot tells meanwhile since when.

        Raises:
            AgentError: as there; also where the guest does not run and so cannot answer.
            ReadOnly: nothing may be changed.
        """
        self._gate.check(FREEZE)
        await self._see_it_run()
        path = path or self.socket()
        freezer = Freezer(path, limit=limit, on_thaw=lambda: self._state.note_freeze(None))
        told = {"path": str(path)}
        # A freezing that fails, or is given up, thaws by itself.
        freeze = Freeze()

        async def begin() -> object:
            nonlocal freeze
            freeze = await freezer.begin()
            return freeze.filesystems

        async def end() -> object:
            await freezer.end()
            return round(freeze.seconds, 3)

        await self._gate.watched(FREEZE, told, begin)
        self._state.note_freeze(freeze.since)
        try:
            yield freeze
        except BaseException as error:
            try:
                await self._gate.watched(THAW, told, end)
            except AgentError as more:
                error.add_note(str(more))
            raise
        await self._gate.watched(THAW, told, end)
