"""The fault lab of the demo in the command palette: things that go wrong, on purpose."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.worker import Worker

from tui.demo.errors import DemoError
from tui.demo.fault_lab import STALL_SECONDS, FaultLab
from tui.text import plain

if TYPE_CHECKING:
    from tui.app import BlockDeckApp

Act = Callable[[], Awaitable[str]]


def fault_commands(app: "BlockDeckApp", lab: FaultLab) -> Iterator[SystemCommand]:
    """An entry each, where the VM on show is the demo's; none for any other, or to only look at."""
    worker = app.worker
    if worker is None or worker.snapshot.address != str(lab.info.monitor):
        return
    if worker.snapshot.read_only:
        return
    for title, words, act in _acts(lab):
        yield SystemCommand(title, words, _runner(app, act))


def _acts(lab: FaultLab) -> Iterator[tuple[str, str, Act]]:
    if lab.full:
        yield (
            "Fault: make room on the target",
            "The target can be written to again",
            lab.fill_target,
        )
    elif lab.info.own_filesystem:
        words = "A file takes all room of the demo's own file system: its backups get ENOSPC"
        yield "Fault: fill the target", words, lab.fill_target
    else:
        words = (
            "No file of the demo's QEMU may grow any more (RLIMIT_FSIZE, so EFBIG): only root can "
            "have a file system to fill"
        )
        yield "Fault: fill the target", words, lab.fill_target

    async def kill() -> str:
        return lab.kill()

    yield "Fault: kill QEMU", "SIGKILL; the demo is over, its backups go with it", kill
    stall = f"SIGSTOP, and SIGCONT after {STALL_SECONDS:g} seconds"
    yield "Fault: stall QEMU", stall, lab.stall
    cancel = "Another client cancels the first block job, over the demo's second monitor"
    yield "Fault: cancel from elsewhere", cancel, lab.cancel_elsewhere
    broken = "Plugs scratch in anew with a bitmap that is inconsistent, as after a crash of QEMU"
    yield "Fault: break a bitmap", broken, lab.break_bitmap


def _runner(app: "BlockDeckApp", act: Act) -> Callable[[], None]:
    async def run() -> None:
        try:
            app.notify(plain(await act(), 300), title="Fault lab", markup=False)
        except DemoError as error:
            app.notify(plain(str(error), 300), title="Fault lab", severity="error", markup=False)

    def start() -> None:
        # Each by itself: a stall goes on while something else is broken.
        _: Worker[None] = app.run_worker(run, group="fault-lab")

    return start
