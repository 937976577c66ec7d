"""A guest's agent that freezes nothing but its own state, behind a real socket.

It is served as QEMU serves a character device: one client at a time, the next when that is gone.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

FREEZE, THAW = "guest-fsfreeze-freeze", "guest-fsfreeze-thaw"
STATUS, SYNC = "guest-fsfreeze-status", "guest-sync-delimited"


class FakeAgent:
    """What the agent of a guest knows and does.

    Attributes:
        frozen: whether its file systems are.
        begun: the commands that came to it, in their order.
        calls: those of them that it has carried out.
        done: when it froze and thawed last, in seconds since the epoch.
        takes: seconds that a command takes.
        refuses: commands that it answers with an error.
        hangs_up_at: a command at which the line is cut, once.
        answers: whether it says and does anything; what it is told meanwhile waits.
        thaws_by_itself: whether it does so as soon as it has frozen.
        garbage: what it says instead of an answer.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.frozen = False
        self.begun: list[str] = []
        self.calls: list[str] = []
        self.done: dict[str, float] = {}
        self.takes: dict[str, float] = {}
        self.refuses: set[str] = set()
        self.hangs_up_at = ""
        self.answers = asyncio.Event()
        self.answers.set()
        self.thaws_by_itself = False
        self.garbage = b""
        self.clients = 0
        self._turn = asyncio.Lock()
        self._talks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk to one client until it is gone, after those before it."""
        talk = asyncio.current_task()
        assert talk is not None
        self._talks.add(talk)
        try:
            await self._talk(reader, writer)
        finally:
            self._talks.discard(talk)
            writer.close()

    async def stop(self) -> None:
        """Hang up on everybody."""
        for talk in self._talks:
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            async with self._turn:
                self.clients += 1
                while line := await reader.readline():
                    await self.answers.wait()
                    if not await self._obey(json.loads(line.lstrip(b"\xff")), writer):
                        break

    async def _obey(self, told: dict[str, Any], writer: asyncio.StreamWriter) -> bool:
        command = told["execute"]
        self.begun.append(command)
        await asyncio.sleep(self.takes.get(command, 0))
        if command == self.hangs_up_at:
            self.hangs_up_at = ""
            return False
        self.calls.append(command)
        self.done[command] = time.time()
        if self.garbage:
            writer.write(self.garbage)
            return True
        if command in self.refuses:
            error = {"class": "CommandNotFound", "desc": f"Command {command} has been disabled"}
            writer.write(json.dumps({"error": error}).encode() + b"\n")
            return True
        said = self._do(command, told.get("arguments", {}))
        sign = b"\xff" if command == SYNC else b""
        writer.write(sign + json.dumps({"return": said}).encode() + b"\n")
        await writer.drain()
        return True

    def _do(self, command: str, arguments: dict[str, Any]) -> Any:
        match command:
            case "guest-sync-delimited":
                return arguments["id"]
            case "guest-fsfreeze-status":
                return "frozen" if self.frozen else "thawed"
            case "guest-fsfreeze-freeze":
                self.frozen = not self.thaws_by_itself
                return 2
            case "guest-fsfreeze-thaw":
                was, self.frozen = self.frozen, False
                return 2 if was else 0
        raise AssertionError(command)


@contextlib.asynccontextmanager
async def fake_agent(directory: Path) -> AsyncIterator[FakeAgent]:
    """An agent that is there as long as the block."""
    agent = FakeAgent(directory / "qga.sock")
    async with await asyncio.start_unix_server(agent.serve, agent.path) as server:
        yield agent
        server.close()
        await agent.stop()
