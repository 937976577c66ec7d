"""Looks for the VMs of this host, and asks those that can be asked; everything has a deadline."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from tui.discovery.asking import AGAIN_SECONDS, Asking
from tui.discovery.listing import listing
from tui.discovery.managers import remedy_for
from tui.discovery.models import Findings, FoundMonitor, FoundVm, MonitorState
from tui.discovery.places import Place, usual_places
from tui.discovery.probe import ask
from tui.discovery.processes import user_name
from tui.discovery.survey import Survey, address_key
from tui.qmp.address import MonitorAddress, SshAddress, UnixAddress

_LOOK_SECONDS = 5.0


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

    async def look_elsewhere(
        self,
        host: SshAddress,
        recent: Sequence[MonitorAddress] = (),
        tell: Callable[[Findings], None] = lambda _: None,
    ) -> Findings:
        """Everything that whoever logs in on another host may see; as `look` otherwise.

        Raises:
            ConnectFailure: the host does not let this user in, or runs no commands for it.
        """
        # What few need is not worth a part of the first paint.
        from tui.discovery.elsewhere import look_elsewhere

        return await look_elsewhere(host, recent, tell, wanted=self._wanted, asks=self._asks)


class _Look:
    """One look: what is known of each VM so far."""

    def __init__(self, asks: bool, tell: Callable[[Findings], None]) -> None:
        self.notes = list(_limits())
        self._tell = tell
        self._asking = Asking(ask if asks else None, self.report)
        self._survey: Survey | None = None

    def found(
        self, survey: Survey, vms: Sequence[FoundVm], recent: Sequence[MonitorAddress]
    ) -> None:
        """Take VMs in, and tell of them."""
        self._survey = survey
        used = {address_key(address) for address in recent}
        for vm in vms:
            marked = (_marked(monitor, used) for monitor in vm.monitors)
            self._asking.vms[vm.key] = vm.model_copy(update={"monitors": tuple(marked)})
        self.report()

    def report(self, *, whole: bool = False) -> Findings:
        """What is known now."""
        findings = listing(
            (self._finished(vm) for vm in self._asking.vms.values()),
            self.notes,
            left_behind=lambda vm: vm.leftover and not vm.recent,
            more="sockets of QEMUs that have ended are not listed.",
            whole=whole,
        )
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
                self._asking.vms.pop(key, None)

    @property
    def keys(self) -> list[str]:
        """All VMs."""
        return list(self._asking.vms)

    async def ask_all(self, keys: Sequence[str]) -> None:
        """Ask every VM that has a monitor to ask."""
        await self._asking.ask_all(keys)

    async def see_again(self) -> list[str]:
        """Look once more at the VMs with a monitor in doubt; tells which those are."""
        doubtful = self._asking.doubtful
        if not doubtful or self._survey is None:
            return []
        await asyncio.sleep(AGAIN_SECONDS)
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                seen = await asyncio.to_thread(self._survey.see_again, doubtful)
        except TimeoutError:
            return []
        self._asking.vms |= {vm.key: vm for vm in seen}
        return [vm.key for vm in seen]


def _marked(monitor: FoundMonitor, used: set[object]) -> FoundMonitor:
    if monitor.address is None or address_key(monitor.address) not in used:
        return monitor
    return monitor.model_copy(update={"recent": True})


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
