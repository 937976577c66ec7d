"""Asks the monitors of VMs that were found, each for a moment, and takes in what they say."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from tui.discovery.models import FoundMonitor, FoundVm, MonitorState
from tui.discovery.probe import Told, state_of
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import ConnectFailure, QmpError

AT_ONCE = 8
"""How many monitors are asked at the same time."""

AGAIN_SECONDS = 0.3
"""After this long a monitor that was busy or silent is looked at once more, and asked if it is
free then: who has held it may have been another BlockDeck with the same question."""

_REPORT_EVERY = 0.15
_UNSET_UUID = "00000000-0000-0000-0000-000000000000"
_MAY_WAIT = (
    "QEMU may be waiting here for its first client (wait=on): connecting would start the VM, so it "
    "was not asked."
)


Ask = Callable[[MonitorAddress], Awaitable[Told]]


class Asking:
    """VMs, and what is known of each so far.

    Args:
        ask: asks the monitor at an address; None connects to none.
        tell: called within the event loop while answers come in.

    Attributes:
        vms: by their keys.
    """

    def __init__(self, ask: Ask | None, tell: Callable[[], object]) -> None:
        self.vms: dict[str, FoundVm] = {}
        self._ask = ask
        self._tell = tell
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def ask_all(self, keys: Sequence[str]) -> None:
        """Ask every VM that has a monitor to ask; each has its own deadlines."""
        asking = {asyncio.create_task(self._ask_vm(key)) for key in keys}
        try:
            while asking:
                done, asking = await asyncio.wait(asking, timeout=_REPORT_EVERY)
                for task in done:
                    task.result()
                self._tell()
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    @property
    def doubtful(self) -> list[FoundVm]:
        """The VMs with a monitor that is worth a second look."""
        return [vm for vm in self.vms.values() if any(m.doubtful for m in vm.monitors)]

    async def _ask_vm(self, key: str) -> None:
        """One answer is enough: the other monitors are judged by what the kernel shows."""
        answered = self.vms[key].version is not None
        for number in _in_order(self.vms[key]):
            monitor = self.vms[key].monitors[number]
            if answered and monitor.state is MonitorState.FREE:
                continue
            if monitor.waits and not answered:
                self._judge(key, number, _not_asked(monitor, _MAY_WAIT))
            elif self._ask is None:
                if monitor.state is MonitorState.LOOKING:
                    self._judge(key, number, _not_asked(monitor, "It was not asked."))
            elif monitor.address is not None:
                async with self._slots:
                    asked = self._ask(monitor.address)
                    answered = await self._take_in(key, number, monitor, asked) or answered

    async def _take_in(
        self, key: str, number: int, monitor: FoundMonitor, asked: Awaitable[Told]
    ) -> bool:
        """Note what came of asking a monitor; whether it answered."""
        try:
            told = await asked
        except ConnectFailure as failure:
            self._judge(key, number, _failed(monitor, failure))
            return False
        except QmpError as error:
            silent = {"state": MonitorState.SILENT, "sentence": f"It greeted, but: {error}."}
            self._judge(key, number, monitor.model_copy(update=silent))
            return False
        self._judge(key, number, monitor.model_copy(update={"state": MonitorState.FREE}))
        self.vms[key] = _learned(self.vms[key], told)
        return True

    def _judge(self, key: str, number: int, monitor: FoundMonitor) -> None:
        vm = self.vms[key]
        monitors = (*vm.monitors[:number], monitor, *vm.monitors[number + 1 :])
        self.vms[key] = vm.model_copy(update={"monitors": monitors})


def _in_order(vm: FoundVm) -> list[int]:
    """The monitors to ask: first those that surely wait for nobody."""
    asked = (MonitorState.FREE, MonitorState.LOOKING)
    numbers = [n for n, monitor in enumerate(vm.monitors) if monitor.state in asked]
    return sorted(numbers, key=lambda n: vm.monitors[n].waits)


def _failed(monitor: FoundMonitor, failure: ConnectFailure) -> FoundMonitor:
    state, sentence, advice = state_of(failure), failure.sentence, failure.advice
    if state is MonitorState.BUSY and monitor.state is MonitorState.FREE:
        # Nobody was seen to hold it, so it is QEMU itself that does not come to answer.
        state = MonitorState.SILENT
        sentence = "It takes connections and does not greet: QEMU is starting, or hangs."
        advice = "If it stays so, another client may have come just now: look again."
    return monitor.model_copy(update={"state": state, "sentence": sentence, "advice": advice})


def _not_asked(monitor: FoundMonitor, sentence: str) -> FoundMonitor:
    return monitor.model_copy(update={"state": MonitorState.NOT_ASKED, "sentence": sentence})


def _learned(vm: FoundVm, told: Told) -> FoundVm:
    """A VM with what QEMU itself said, which is newer than its command line."""
    uuid = None if told.uuid in (None, _UNSET_UUID) else told.uuid
    return vm.model_copy(
        update={
            "version": told.version,
            "name": told.name or vm.name,
            "uuid": uuid or vm.uuid,
            "run_state": told.run_state,
            "disks": told.disks or vm.disks,
        }
    )
