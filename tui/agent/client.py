"""A line to a guest's agent: one question at a time, each with a deadline."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tui.agent.errors import AgentGarbage, AgentRefused, AgentSilent, NoAgent

FREEZE = "guest-fsfreeze-freeze"
THAW = "guest-fsfreeze-thaw"
STATUS = "guest-fsfreeze-status"

_SENTINEL = b"\xff"
_LONGEST = 1 << 16
_WHY_SILENT = (
    "no agent runs in the guest, the guest is stopped, or another client (libvirt, say) holds the "
    "agent's socket"
)


class AgentFault(BaseModel):
    """`error` of a reply."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    desc: str = ""


class AgentReply(BaseModel):
    """One line from the agent: `return` or `error`."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    result: Any = Field(default=None, alias="return")
    error: AgentFault | None = None


class AgentLine:
    """A connection to the agent's socket. Made by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, path: Path, timeout: float = 3.0) -> Self:
        """Connect to the socket that QEMU has for the agent.

        Raises:
            NoAgent: that is not possible.
        """
        try:
            async with asyncio.timeout(timeout):
                return cls(*await asyncio.open_unix_connection(str(path), limit=_LONGEST))
        except TimeoutError as error:
            raise NoAgent(f"the agent's socket {path} takes no connection") from error
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise NoAgent(f"the agent's socket {path}: {reason or error}") from error

    def fileno(self) -> int:
        """The connection's file descriptor."""
        number = self._writer.get_extra_info("socket").fileno()
        assert isinstance(number, int)
        return number

    async def sync(self, timeout: float, *also: str) -> None:
        """Bring the line to a known state: what was asked before is not waited for any more.

        Args:
            timeout: seconds for the agent's answer.
            also: commands to send in the same breath; `reply` gets their answers, in their order.

        Raises:
            AgentSilent: no answer.
            AgentGarbage: what answers is no agent.
        """
        number = secrets.randbelow(1 << 31)
        await self._send(
            _SENTINEL + _line("guest-sync-delimited", id=number) + b"".join(map(_line, also)),
            timeout,
        )
        async with self._in_time("guest-sync-delimited", timeout):
            while True:
                await self._reader.readuntil(_SENTINEL)
                reply = await self._read()
                if reply.error is None and reply.result == number:
                    return

    async def ask(self, command: str, timeout: float) -> Any:
        """Give a command and return what the agent answers.

        Raises:
            AgentRefused: it says no.
            AgentSilent: no answer; it may still carry the command out.
            AgentGarbage: what answers is no agent.
        """
        await self._send(_line(command), timeout)
        return await self.reply(command, timeout)

    async def reply(self, command: str, timeout: float) -> Any:
        """The next answer, which is that to `command`; it raises as `ask` does."""
        async with self._in_time(command, timeout):
            reply = await self._read()
        if reply.error is not None:
            raise AgentRefused(f"the agent refused {command}: {reply.error.desc}")
        return reply.result

    async def close(self) -> None:
        """Hang up; never raises."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _send(self, raw: bytes, timeout: float) -> None:
        try:
            self._writer.write(raw)
            async with asyncio.timeout(timeout):
                await self._writer.drain()
        except TimeoutError as error:
            raise AgentSilent(f"the agent reads nothing: {_WHY_SILENT}") from error
        except OSError as error:
            raise AgentSilent("the agent's line is cut") from error

    async def _read(self) -> AgentReply:
        line = await self._reader.readuntil(b"\n")
        return AgentReply.model_validate_json(line.lstrip(_SENTINEL))

    @contextlib.asynccontextmanager
    async def _in_time(self, command: str, timeout: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(timeout):
                yield
        except TimeoutError as error:
            words = f"the agent gives no answer to {command} within {timeout:g} s: {_WHY_SILENT}"
            raise AgentSilent(words) from error
        except (asyncio.IncompleteReadError, OSError) as error:
            raise AgentSilent(f"the agent hung up instead of answering {command}") from error
        except (asyncio.LimitOverrunError, ValidationError) as error:
            raise AgentGarbage("what answers at the agent's socket is no guest agent") from error


def _line(command: str, **arguments: object) -> bytes:
    told: dict[str, object] = {"execute": command}
    if arguments:
        told["arguments"] = arguments
    return json.dumps(told).encode() + b"\n"
