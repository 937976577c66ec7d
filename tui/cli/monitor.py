"""The MONITOR of a command: read from the command line, connected to once."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from pydantic import ValidationError

from tui.cli.explain import explain
from tui.cli.failure import Failure, Status
from tui.cli.output import note
from tui.cli.settings import settings
from tui.history import History
from tui.paths import state_directory
from tui.qmp.address import MonitorAddress, caution
from tui.qmp.errors import QmpError
from tui.records.audit import AUDIT_FILE, AuditLog
from tui.worker import VmWorker


@asynccontextmanager
async def open_vm(address: MonitorAddress, *, read_only: bool = False) -> AsyncIterator[VmWorker]:
    """A worker that is connected and has loaded everything; `read_only`, it only asks.

    Raises:
        Failure: with `Status.UNREACHABLE`.
    """
    if caution(address):
        note(caution(address))
    async with AsyncExitStack() as stack:
        state = state_directory()
        history, audit = History(state / "history.jsonl"), AuditLog(state / AUDIT_FILE)
        stack.push_async_callback(audit.close)
        worker = VmWorker(
            address,
            history=history,
            audit=audit,
            pace=settings().pace(),
            read_only=read_only or settings().only_asks(str(address)),
            protected=settings().protected,
        )
        try:
            await stack.enter_async_context(worker)
        except (QmpError, ValidationError) as error:
            failure = explain(error) or Failure(str(error))
            raise Failure(failure.sentence, failure.advice, Status.UNREACHABLE) from error
        yield worker
