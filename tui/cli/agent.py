"""`blockdeck agent`: whether the guest's agent answers, and how the guest's file systems stand."""

from pathlib import Path

from tui.agent import AgentError
from tui.cli.failure import Failure
from tui.cli.monitor import open_vm
from tui.cli.output import say, say_json
from tui.cli.reports import Report, VmReport
from tui.cli.settings import settings
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import QmpError
from tui.worker import VmWorker


def agent_socket(address: MonitorAddress, worker: VmWorker, given: Path | None) -> Path | None:
    """The socket that was given, else that of the settings; None where it is to be looked for."""
    chosen = settings().agent(str(address), worker.snapshot.name)
    return given or (Path(chosen) if chosen else None)


class AgentReport(Report):
    """The answer of `agent --json`; `status` is a `GuestFsfreezeStatus`."""

    vm: VmReport
    socket: str
    status: str


async def ask_agent(address: MonitorAddress, socket: Path | None, *, as_json: bool) -> int:
    """Print how the guest's file systems stand.

    Raises:
        Failure: no agent answers, or the VM cannot be reached.
    """
    async with open_vm(address, read_only=True) as worker:
        try:
            path = agent_socket(address, worker, socket) or worker.freezing.socket()
            status = await worker.freezing.status(path)
        except AgentError as error:
            raise Failure(str(error)) from error
        vm = VmReport.of(worker.snapshot)
    if as_json:
        report = AgentReport(vm=vm, socket=str(path), status=status)
        say_json(report.model_dump(by_alias=True))
    else:
        say(f"The agent at {path} answers: the guest's file systems are {status}.")
    return 0


async def thaw_guest(address: MonitorAddress, socket: Path | None, *, read_only: bool) -> int:
    """Thaw a guest that was left frozen.

    Raises:
        Failure: it may still be frozen, or the VM cannot be reached.
    """
    async with open_vm(address, read_only=read_only) as worker:
        try:
            count = await worker.freezing.thaw(agent_socket(address, worker, socket))
        except QmpError as error:
            raise Failure(str(error)) from error
    say(f"Thawed: {count} file systems were frozen." if count else "Nothing was frozen.")
    return 0
