"""The audit log: a JSON line for every command sent that can change something."""

import asyncio
import json
import logging
import queue
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from logging.handlers import QueueListener
from pathlib import Path
from typing import Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tui.qmp.gate import Deed
from tui.records.redact import redacted
from tui.records.rotation import SharedRotatingHandler
from tui.records.who import Who, who
from tui.vm.snapshot import VmSnapshot

log = logging.getLogger(__name__)

AUDIT_FILE = "audit.jsonl"
MOST_BYTES = 8 << 20
CLOSING_SECONDS = 0.5
KEPT = 9
"""How many full logs are kept beside the present one, which bounds them all to 80 MiB."""


class AuditVm(BaseModel):
    """The VM that was sent a command; `monitor` is the address of its QMP socket."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str
    uuid: str
    monitor: str


class Result(StrEnum):
    """What became of a command; `UNKNOWN` is one whose answer never came: it may have run.

    `SENT` is written before it is sent: where nothing follows, BlockDeck was killed meanwhile.
    """

    SENT = "sent"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class AuditEntry(BaseModel):
    """One line: a command, who sent it to which VM, and what QEMU answered.

    A command is told of twice, by the same `id`: before it is sent, and with what came of it.
    `time` is when it was sent, `seconds` how long the answer took. `error` is QEMU's own text, or
    why there was no answer. What could be a secret in the arguments is left out.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: str
    time: AwareDatetime
    who: Who
    vm: AuditVm
    command: str
    arguments: Mapping[str, Any]
    result: Result
    reply: Any = None
    error_class: str | None = Field(default=None, serialization_alias="class")
    error: str | None = None
    seconds: float

    @classmethod
    def of(cls, vm: VmSnapshot, deed: Deed) -> Self:
        """The entry for a command that this process sent to that VM."""
        if deed.sent:
            result = Result.SENT
        elif deed.error is None:
            result = Result.DONE
        else:
            result = Result.UNKNOWN if deed.error_class is None else Result.REFUSED
        operator = who()
        return cls(
            id=f"{operator.pid}-{deed.number}",
            time=datetime.fromtimestamp(deed.wall, UTC),
            who=operator,
            vm=AuditVm(name=vm.name, uuid=vm.uuid, monitor=vm.address),
            command=deed.command,
            arguments=redacted(deed.command, deed.arguments),
            result=result,
            reply=deed.reply,
            error_class=deed.error_class,
            error=deed.error,
            seconds=round(deed.seconds, 6),
        )

    def as_line(self) -> str:
        """One line of JSON in ASCII: no character of it moves a cursor."""
        return json.dumps(self.model_dump(mode="json", by_alias=True, exclude_none=True))


class AuditLog:
    """Writes entries to a file that only its owner can read, in order, in a thread of its own.

    A disk that is full or hangs holds nothing up. `close` waits until all is written.

    Args:
        path: the file; its directory is made.
        most_bytes: the size from which it is put aside as `audit.jsonl.1` and a new one begun.
        kept: how many of those are kept.
    """

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
        self.path = path
        self._handler = SharedRotatingHandler(path, most_bytes, kept)
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._listener: QueueListener | None = None

    @property
    def problem(self) -> str:
        """Why the last line could not be written; empty while all is well."""
        return self._handler.problem

    def write(self, entry: AuditEntry) -> None:
        """Have a line written. Never blocks, never raises."""
        if self._listener is None:
            self._listener = QueueListener(self._queue, self._handler)
            self._listener.start()
        record = logging.LogRecord("audit", logging.INFO, "", 0, entry.as_line(), None, None)
        self._queue.put(record)

    def then(self, call: Callable[[], None]) -> None:
        """Have `call` called in the event loop once all before it is written, or was tried."""
        loop = asyncio.get_running_loop()

        def written() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(call)

        self._queue.put(logging.makeLogRecord({"written": written}))

    async def flush(self, seconds: float) -> bool:
        """Wait until everything is on the disk; returns whether it was within that time."""
        if self._listener is None:
            return True
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        mark = logging.makeLogRecord({"written": lambda: loop.call_soon_threadsafe(_set, done)})
        self._queue.put(mark)
        await asyncio.wait((done,), timeout=seconds)
        if not done.done():
            log.warning("the audit log %s is not written to its end", self.path)
        return done.done()

    async def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Write what is left and end the thread, or leave it to the disk that hangs."""
        if await self.flush(seconds) and self._listener is not None:
            self._listener.stop()
            self._listener = None
            self._handler.close()


def _set(done: "asyncio.Future[None]") -> None:
    if not done.done():
        done.set_result(None)
