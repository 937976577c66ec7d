"""The VMs of another host, over SSH: looked at, and asked as those of this one are."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from tui.discovery.asking import AGAIN_SECONDS, Asking
from tui.discovery.far_look import NotTold, look, look_at_files
from tui.discovery.far_survey import FarSurvey
from tui.discovery.listing import listing
from tui.discovery.models import Findings, FoundVm
from tui.discovery.probe import GREETING_SECONDS, Told, ask
from tui.qmp.address import MonitorAddress, SshAddress
from tui.qmp.dial import logged_in
from tui.qmp.errors import ConnectFailure

if TYPE_CHECKING:
    from tui.qmp.transport.ssh_host import LoggedIn

_LOOK_SECONDS = 10.0


async def look_elsewhere(
    address: SshAddress,
    recent: Collection[MonitorAddress] = (),
    tell: Callable[[Findings], None] = lambda _: None,
    *,
    wanted: Callable[[int], bool] = lambda _: True,
    asks: bool = True,
) -> Findings:
    """Everything that whoever logs in there may see.

    Args:
        address: the host; a monitor that it names does not count.
        recent: monitors used before; they are marked.
        tell: called within the event loop with what is known so far.
        wanted: the processes to look at, by id.
        asks: whether free monitors are connected to for a moment; otherwise nothing ever is.

    Raises:
        ConnectFailure: the host does not let this user in, or runs no commands for it.
    """
    place = address.alone
    used = frozenset(str(one) for one in recent)
    async with logged_in(place) as host:
        there = _Look(place, host, used, tell, wanted=wanted, asks=asks)
        await there.see()
        await there.ask_all()
        return there.report(whole=True)


class _Look:
    """One look: what is known of each VM so far."""

    def __init__(
        self,
        place: SshAddress,
        host: "LoggedIn",
        used: Collection[str],
        tell: Callable[[Findings], None],
        *,
        wanted: Callable[[int], bool],
        asks: bool,
    ) -> None:
        self._place = place
        self._host = host
        self._used = used
        self._tell = tell
        self._wanted = wanted
        self._asks = asks
        self._asking = Asking(self._ask if asks else None, self.report)
        self._survey: FarSurvey | None = None
        self._notes: list[str] = []

    async def see(self) -> None:
        """Look at what the host shows, and tell of it.

        Raises:
            ConnectFailure: it shows nothing.
        """
        self._survey, vms = await self._look()
        self._asking.vms = {vm.key: vm for vm in vms}
        if self._survey.limit:
            self._notes.append(self._survey.limit)
        self.report()

    async def ask_all(self) -> None:
        """Ask all that may be asked, and once more those that were busy or silent."""
        await self._asking.ask_all(list(self._asking.vms))
        doubtful = self._asking.doubtful
        if not self._asks or not doubtful:
            return
        await asyncio.sleep(AGAIN_SECONDS)
        try:
            self._survey, vms = await self._look()
        except ConnectFailure as failure:
            self._notes.append(failure.sentence)
            return
        seen = {vm.key: vm for vm in vms}
        # Those that are not seen any more have ended meanwhile.
        self._asking.vms = {key: vm for key, vm in self._asking.vms.items() if key in seen}
        again = [vm for vm in doubtful if vm.key in seen]
        self._asking.vms |= {vm.key: _judged_anew(vm, seen[vm.key]) for vm in again}
        await self._asking.ask_all([vm.key for vm in again])

    def report(self, *, whole: bool = False) -> Findings:
        """What is known now."""
        survey, known = self._survey, self._asking.vms.values()
        findings = listing(
            (survey.finished(vm) if survey else vm for vm in known),
            self._notes,
            left_behind=lambda vm: vm.leftover,
            more="sockets that nobody serves are left out.",
            whole=whole,
        )
        self._tell(findings)
        return findings

    async def _look(self) -> tuple[FarSurvey, Sequence[FoundVm]]:
        place = self._place

        async def run(script: str, given: bytes) -> bytes:
            return await self._host.run(script, given, _LOOK_SECONDS)

        try:
            survey = FarSurvey(place, await look(run), self._used, self._wanted)
        except NotTold as error:
            raise ConnectFailure(
                place,
                f"{place.host} runs no commands for {place.login}, so its VMs cannot be listed.",
                f"A monitor there can be connected to all the same: {place}/path/to/qmp.sock.",
            ) from error
        return survey, survey.vms(await look_at_files(run, survey.paths))

    async def _ask(self, address: MonitorAddress) -> Told:
        assert isinstance(address, SshAddress)
        return await ask(address, await self._host.dial(address, GREETING_SECONDS))


def _judged_anew(vm: FoundVm, seen: FoundVm) -> FoundVm:
    """A VM with those of its monitors that were in doubt as they are seen now."""
    both = zip(vm.monitors, seen.monitors, strict=True)
    monitors = tuple(new if old.doubtful else old for old, new in both)
    return vm.model_copy(update={"monitors": monitors})
