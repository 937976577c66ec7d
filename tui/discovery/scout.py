"""Looks for the VMs of this host, and asks those that can be asked; everything has a deadline."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from tui.discovery.managers import remedy_for
from tui.discovery.models import Findings, FoundMonitor, FoundVm, Kind, MonitorState
from tui.discovery.places import Place, usual_places
from tui.discovery.probe import Told, ask, state_of
from tui.discovery.processes import user_name
from tui.discovery.survey import Survey, address_key
from tui.qmp.address import MonitorAddress, UnixAddress
from tui.qmp.errors import ConnectFailure, QmpError

AT_ONCE = 8
"""How many monitors are asked at the same time."""

_LOOK_SECONDS = 5.0
_REPORT_EVERY = 0.15
_AGAIN_SECONDS = 0.3
"""After this long a monitor that was busy or silent is looked at once more, and asked if it is
free then: who has held it may have been another BlockDeck with the same question."""

_MOST_DEAD = 20
MAY_WAIT = (
    "QEMU may be waiting here for its first client (wait=on): connecting would start the VM, so it "
    "was not asked."
)
_UNSET_UUID = "00000000-0000-0000-0000-000000000000"


class Scout:
    """Finds VMs, as often as it is asked to.

    Args:
        places: where sockets are looked for; None is the usual ones.
        wanted: the processes to look at, by id.
        asks: whether free monitors are connected to for a moment; otherwise nothing ever is.
    """

    def __init__(
        self,
        *,
        places: tuple[Place, ...] | None = None,
        wanted: Callable[[int], bool] = lambda _: True,
        asks: bool = True,
    ) -> None:
        self._places = places
        self._wanted = wanted
        self._asks = asks

    async def look(
        self,
        recent: Sequence[MonitorAddress] = (),
        tell: Callable[[Findings], None] = lambda _: None,
    ) -> Findings:
        """Everything there is.

        Args:
            recent: monitors used before; they are marked, and listed where nothing else lists them.
            tell: called within the event loop with what is known so far.
        """
        look = _Look(self._asks, tell)
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                survey = await asyncio.to_thread(Survey, self._wanted, recent)
                look.found(survey, survey.vms, recent)
                places = usual_places() if self._places is None else self._places
                lone = await asyncio.to_thread(survey.lone_sockets, places)
                unseen = await asyncio.to_thread(survey.unseen, (*survey.vms, *lone))
                look.found(survey, (*lone, *unseen), recent)
        except TimeoutError:
            look.notes.append(f"The look at this host was broken off after {_LOOK_SECONDS:g} s.")
        await look.ask_all(look.keys)
        if self._asks:
            await look.ask_all(await look.see_again())
        look.forget_the_ended()
        return look.report(whole=True)


class _Look:
    """One look: what is known of each VM so far."""

    def __init__(self, asks: bool, tell: Callable[[Findings], None]) -> None:
        self.notes = list(_limits())
        self._asks = asks
        self._tell = tell
        self._vms: dict[str, FoundVm] = {}
        self._survey: Survey | None = None
        self._slots = asyncio.Semaphore(AT_ONCE)

    def found(
        self, survey: Survey, vms: Sequence[FoundVm], recent: Sequence[MonitorAddress]
    ) -> None:
        """Take VMs in, and tell of them."""
        self._survey = survey
        used = {address_key(address) for address in recent}
        for vm in vms:
            marked = (_marked(monitor, used) for monitor in vm.monitors)
            self._vms[vm.key] = vm.model_copy(update={"monitors": tuple(marked)})
        self.report()

    def report(self, *, whole: bool = False) -> Findings:
        """What is known now."""
        vms = sorted((self._finished(vm) for vm in self._vms.values()), key=place_in_list)
        dead = [vm for vm in vms if _is_leftover(vm) and not vm.recent]
        left_out = {vm.key for vm in dead[_MOST_DEAD:]}
        notes = list(self.notes)
        if left_out:
            notes.append(f"{len(left_out)} more sockets of QEMUs that have ended are not listed.")
        shown = tuple(vm for vm in vms if vm.key not in left_out)
        findings = Findings(vms=shown, notes=tuple(notes), whole=whole)
        self._tell(findings)
        return findings

    def _finished(self, vm: FoundVm) -> FoundVm:
        process = self._survey.processes.get(vm.key) if self._survey else None
        if (
            process is None
            or (vm.usable and not vm.through_libvirt)
            or any(m.state is MonitorState.LOOKING for m in vm.monitors)
        ):
            return vm
        taken = {str(m.address.path) for m in vm.monitors if isinstance(m.address, UnixAddress)}
        return vm.model_copy(update={"remedy": remedy_for(process, taken)})

    def forget_the_ended(self) -> None:
        """Leave out the VMs that have ended while they were looked at."""
        for key, found in self._survey.processes.items() if self._survey else ():
            if not found.process.alive():
                self._vms.pop(key, None)

    @property
    def keys(self) -> list[str]:
        """All VMs."""
        return list(self._vms)

    async def see_again(self) -> list[str]:
        """Look once more at the VMs with a monitor in doubt; tells which those are."""
        doubtful = [vm for vm in self._vms.values() if any(m.doubtful for m in vm.monitors)]
        if not doubtful or self._survey is None:
            return []
        await asyncio.sleep(_AGAIN_SECONDS)
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                seen = await asyncio.to_thread(self._survey.see_again, doubtful)
        except TimeoutError:
            return []
        self._vms |= {vm.key: vm for vm in seen}
        return [vm.key for vm in seen]

    async def ask_all(self, keys: Sequence[str]) -> None:
        """Ask every VM that has a monitor to ask; each has its own deadlines."""
        asking = {asyncio.create_task(self._ask_vm(key)) for key in keys}
        try:
            while asking:
                done, asking = await asyncio.wait(asking, timeout=_REPORT_EVERY)
                for task in done:
                    task.result()
                self.report()
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _ask_vm(self, key: str) -> None:
        """One answer is enough: the other monitors are judged by what the kernel shows."""
        answered = self._vms[key].version is not None
        for number in _in_order(self._vms[key]):
            monitor = self._vms[key].monitors[number]
            if answered and monitor.state is MonitorState.FREE:
                continue
            if monitor.waits and not answered:
                self._judge(key, number, _not_asked(monitor, MAY_WAIT))
            elif not self._asks:
                if monitor.state is MonitorState.LOOKING:
                    self._judge(key, number, _not_asked(monitor, "It was not asked."))
            elif monitor.address is not None:
                async with self._slots:
                    answered = await self._ask(key, number, monitor, monitor.address) or answered

    async def _ask(
        self, key: str, number: int, monitor: FoundMonitor, address: MonitorAddress
    ) -> bool:
        try:
            told = await ask(address)
        except ConnectFailure as failure:
            self._judge(key, number, _failed(monitor, failure))
            return False
        except QmpError as error:
            silent = {"state": MonitorState.SILENT, "sentence": f"It greeted, but: {error}."}
            self._judge(key, number, monitor.model_copy(update=silent))
            return False
        self._judge(key, number, monitor.model_copy(update={"state": MonitorState.FREE}))
        self._vms[key] = _learned(self._vms[key], told)
        return True

    def _judge(self, key: str, number: int, monitor: FoundMonitor) -> None:
        vm = self._vms[key]
        monitors = (*vm.monitors[:number], monitor, *vm.monitors[number + 1 :])
        self._vms[key] = vm.model_copy(update={"monitors": monitors})


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


def _marked(monitor: FoundMonitor, used: set[object]) -> FoundMonitor:
    if monitor.address is None or address_key(monitor.address) not in used:
        return monitor
    return monitor.model_copy(update={"recent": True})


def place_in_list(vm: FoundVm) -> tuple[object, ...]:
    """VMs before lone sockets; those used before, then those to connect to; dead ones last."""
    usable = vm.usable or any(m.state is MonitorState.LOOKING for m in vm.monitors)
    kind = list(Kind).index(vm.kind)
    return _is_leftover(vm), kind, not vm.recent, not usable, vm.title.casefold(), vm.key


def _is_leftover(vm: FoundVm) -> bool:
    dead = all(monitor.state is MonitorState.DEAD for monitor in vm.monitors)
    return vm.kind is Kind.SOCKET and dead


def _limits() -> Sequence[str]:
    """What this user cannot see."""
    if os.geteuid() == 0:
        return []
    me = user_name(os.geteuid())
    said = [
        f"You are {me}, not root: other users' VMs show no more than their command line, and "
        "their monitors' clients are not told."
    ]
    if not psutil.pid_exists(1) or not Path("/proc/1").exists():
        said.append("This host hides other users' processes (hidepid).")
    return said
