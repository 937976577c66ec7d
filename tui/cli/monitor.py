"""The MONITOR of a command: read from the command line, connected to once."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from pydantic import ValidationError

from tui.cli.explain import explain
from tui.cli.failure import Failure, Status
from tui.history import History
from tui.paths import state_directory
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import QmpError
from tui.worker import VmWorker


@asynccontextmanager
async def open_vm(address: MonitorAddress) -> AsyncIterator[VmWorker]:
    """A worker that is connected and has loaded everything.

    Raises:
        Failure: with `Status.UNREACHABLE`.
    """
    async with AsyncExitStack() as stack:
        history = History(state_directory() / "history.jsonl")
        try:
            worker = await stack.enter_async_context(VmWorker(address, history=history))
        except (QmpError, ValidationError) as error:
            failure = explain(error) or Failure(str(error))
            raise Failure(failure.sentence, failure.advice, Status.UNREACHABLE) from error
        yield worker
