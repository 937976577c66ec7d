"""Freezes a guest's file systems for a moment, and thaws them on every way out."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tui.agent.client import FREEZE, STATUS, THAW, AgentLine
from tui.agent.errors import (
    AgentError,
    AgentGarbage,
    AgentRefused,
    AgentSilent,
    FreezeLapsed,
    FrozenAlready,
    NotThawed,
)
from tui.agent.guard import PATIENCE, Guard

_GRACE = 1.0
"""Seconds for which this process may be late before the watchdog takes over."""


@dataclass(slots=True)
class Freeze:
    """A guest that is frozen, or was.

    Attributes:
        filesystems: how many file systems the agent froze.
        since: when, in monotonic seconds.
        until: when it was thawed; None while it is frozen.
        lapsed: why it was thawed before its time; "" where it was not.
        agent: the socket of the agent that did it.
    """

    filesystems: int = 0
    since: float = field(default_factory=time.monotonic)
    until: float | None = None
    lapsed: str = ""
    agent: Path | None = None

    @property
    def seconds(self) -> float:
        """How long it has been frozen."""
        return (time.monotonic() if self.until is None else self.until) - self.since


class Freezer:
    """Freezes a guest once: `begin`, then `end`. `frozen` is the safer way to use it.

    Args:
        path: the socket that QEMU has for the agent.
        limit: seconds after which the guest is thawed, whatever it was frozen for.
        deadline: seconds for the freezing itself, which writes out what the guest holds back.
        answer: seconds for each other answer of the agent.
        patience: seconds for which a watchdog tries to thaw a guest that does not answer.
        on_thaw: called when the guest is thawed, or when that could not be done.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit: float,
        deadline: float = 10.0,
        answer: float = 5.0,
        patience: float = PATIENCE,
        on_thaw: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._limit = limit
        self._deadline = deadline
        self._answer = answer
        self._patience = patience
        self._on_thaw = on_thaw
        self._line: AgentLine | None = None
        self._guard: Guard | None = None
        self._timer: asyncio.Task[None] | None = None
        self._thawing: asyncio.Task[None] | None = None
        self.freeze: Freeze | None = None

    async def begin(self) -> Freeze:
        """Freeze the guest.

        Raises:
            AgentError: it is not frozen; `NotThawed`, if it may be all the same.
        """
        line = self._line = await AgentLine.connect(self._path, self._answer)
        try:
            await self._see_it_thawed(line)
            seconds = self._deadline + self._limit + _GRACE
            guard = await Guard.start(line.fileno(), self._path, seconds, self._patience)
            self._guard = guard
            guard.arm()
        except BaseException:
            await self._let_go()
            raise
        try:
            count = await line.ask(FREEZE, self._deadline)
        except BaseException:
            await self._thaw()
            raise
        self.freeze = Freeze(count if isinstance(count, int) else 0, agent=self._path)
        self._timer = asyncio.create_task(self._keep_limit(), name="limit of a freeze")
        return self.freeze

    async def _see_it_thawed(self, line: AgentLine) -> None:
        """An agent answers, and nobody else's freeze is ended by ours."""
        await line.sync(self._answer)
        if await line.ask(STATUS, self._answer) != "thawed":
            raise FrozenAlready("somebody else has frozen the guest")

    async def end(self) -> None:
        """Thaw the guest; cancelling it does not keep it from that.

        Raises:
            FreezeLapsed: it was thawed before.
            NotThawed: it may still be frozen; the watchdog goes on.
        """
        freeze = self.freeze
        if freeze is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        await self._thaw()
        if freeze.lapsed:
            raise FreezeLapsed(f"{freeze.lapsed}: what was begun is not of a frozen moment")

    async def _keep_limit(self) -> None:
        assert self._guard is not None
        assert self.freeze is not None
        done, _ = await asyncio.wait([self._guard.lost], timeout=self._limit)
        why = "its watchdog has ended" if done else f"its limit of {self._limit:g} s has passed"
        self.freeze.lapsed = f"the guest was thawed early, because {why}"
        with contextlib.suppress(NotThawed):
            await self._thaw()

    async def _thaw(self) -> None:
        """Thaw once, whoever asks for it and is cancelled over it."""
        if self._thawing is None:
            self._thawing = asyncio.create_task(self._thaw_now(), name="thaw")
        while not self._thawing.done():
            try:
                await asyncio.shield(self._thawing)
            except asyncio.CancelledError:
                # The guest comes first; it takes as long as its deadline at the most.
                await asyncio.wait([self._thawing])
                self._thawing.result()
                raise
        self._thawing.result()

    async def _thaw_now(self) -> None:
        line, freeze = self._line, self.freeze
        assert line is not None
        try:
            # All in one breath: it comes to the agent even if this process gets no further.
            await line.sync(self._answer, STATUS, THAW, STATUS)
            before = await line.reply(STATUS, self._answer)
            with contextlib.suppress(AgentRefused):
                await line.reply(THAW, self._answer)
            after = await line.reply(STATUS, self._answer)
        except (AgentSilent, AgentGarbage, AgentRefused) as error:
            await self._let_go(thawed=False)
            words = f"THE GUEST MAY STILL BE FROZEN: {error}. A watchdog goes on trying to thaw it."
            raise NotThawed(words) from error
        if freeze is not None:
            freeze.until = time.monotonic()
            if before != "frozen" and not freeze.lapsed:
                freeze.lapsed = "the guest was thawed early, and not by us"
        await self._let_go(thawed=after == "thawed")
        if after != "thawed":
            words = "THE GUEST IS STILL FROZEN after it was thawed. A watchdog goes on trying."
            raise NotThawed(words)

    async def _let_go(self, *, thawed: bool = True) -> None:
        self._on_thaw()
        guard, line = self._guard, self._line
        try:
            if guard is not None and thawed:
                await guard.dismiss()
            elif guard is not None:
                guard.leave()
        finally:
            if line is not None:
                await line.close()


async def ask_status(path: Path, answer: float = 5.0) -> str:
    """How the guest's file systems stand, by its agent's word: `thawed` or `frozen`.

    Raises:
        AgentError: no agent answers.
    """
    line = await AgentLine.connect(path, answer)
    try:
        await line.sync(answer)
        return str(await line.ask(STATUS, answer))
    finally:
        await line.close()


async def thaw(path: Path, answer: float = 10.0) -> int:
    """Thaw a guest, whoever froze it; how many file systems were frozen.

    Raises:
        AgentError: it may still be frozen.
    """
    line = await AgentLine.connect(path, answer)
    try:
        await line.sync(answer)
        count = await line.ask(THAW, answer)
        if await line.ask(STATUS, answer) != "thawed":
            raise NotThawed("the guest is still frozen after it was thawed")
        return count if isinstance(count, int) else 0
    finally:
        await line.close()


@contextlib.asynccontextmanager
async def frozen(
    path: Path, *, limit: float, deadline: float = 10.0, answer: float = 5.0
) -> AsyncIterator[Freeze]:
    """The guest's file systems frozen for the length of a block.

    Args:
        path: the socket that QEMU has for the agent.
        limit: seconds after which the guest is thawed, whatever it was frozen for.
        deadline: seconds for the freezing itself.
        answer: seconds for each other answer of the agent.

    Raises:
        AgentError: it could not be frozen; it is thawed.
        FreezeLapsed: it was thawed before the block was over.
        NotThawed: it may still be frozen; the watchdog goes on.
    """
    freezer = Freezer(path, limit=limit, deadline=deadline, answer=answer)
    freeze = await freezer.begin()
    try:
        yield freeze
    except BaseException as error:
        try:
            await freezer.end()
        except AgentError as more:
            error.add_note(str(more))
        raise
    await freezer.end()
