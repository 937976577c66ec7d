"""`blockdeck leftovers`: what nobody uses any more in a QEMU."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from tui.cli.failure import Failure, Status
from tui.cli.monitor import open_vm
from tui.cli.output import say, say_json
from tui.cli.reports import Report, VmReport
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import QmpError
from tui.vm.leftover import Leftover
from tui.worker import VmWorker


class CommandReport(Report):
    """A command as QMP takes it."""

    execute: str
    arguments: Mapping[str, str]


class LeftoverReport(Report):
    """One leftover.

    `kind` is "concluded job", "pending job", "node", "filter", "bitmap" or "file"; `node` is the
    one a bitmap is on. `command` cleans it up; null where nothing does, with the reason in
    `obstacle`. `after` names leftovers that have to go first.
    """

    kind: str
    name: str
    node: str | None
    ours: bool
    what: str
    why: str
    command: CommandReport | None
    obstacle: str | None
    lost: str
    after: tuple[str, ...]

    @classmethod
    def of(cls, one: Leftover) -> "LeftoverReport":
        """From what a worker found."""
        command = None
        if one.remedy is not None:
            arguments = one.remedy.arguments
            command = CommandReport(execute=one.remedy.command, arguments=arguments)
        return cls(
            kind=one.kind.value,
            name=one.name,
            node=one.node or None,
            ours=one.ours,
            what=one.what,
            why=one.why,
            command=command,
            obstacle=one.hindrance,
            lost=one.lost,
            after=one.after,
        )


class LeftoversReport(Report):
    """What `leftovers --json` prints, in the order in which it can be cleaned up."""

    vm: VmReport
    leftovers: tuple[LeftoverReport, ...]


@asynccontextmanager
async def _examined(address: MonitorAddress, *, read_only: bool) -> AsyncIterator[VmWorker]:
    async with open_vm(address, read_only=read_only) as worker:
        try:
            await worker.examine()
        except QmpError as error:
            raise Failure(str(error), status=Status.UNREACHABLE) from error
        yield worker


async def list_leftovers(address: MonitorAddress, *, as_json: bool) -> int:
    """Print what nobody uses in the VM behind a monitor; it is only asked.

    Raises:
        Failure: it cannot be reached.
    """
    async with _examined(address, read_only=True) as worker:
        vm, found = worker.snapshot, worker.leftovers
    if as_json:
        reports = tuple(LeftoverReport.of(one) for one in found)
        report = LeftoversReport(vm=VmReport.of(vm), leftovers=reports)
        say_json(report.model_dump(by_alias=True))
        return 0
    if not found:
        say("Nothing is left over.")
    for one in found:
        _tell(one)
    return 0


async def clean_leftovers(address: MonitorAddress, names: Sequence[str], *, read_only: bool) -> int:
    """Clean up those named, one after the other, up to the first that fails.

    Args:
        address: the monitor.
        names: as the list tells them, a bitmap's as NAME on NODE.
        read_only: whether nothing may be cleaned up; it is refused then.

    Raises:
        Failure: there is no such leftover, or it cannot be cleaned up; with what is not done.
    """
    async with _examined(address, read_only=read_only) as worker:
        for number, name in enumerate(names):
            # What goes can lay bare what it stood on.
            one = _named(name, worker.leftovers)
            try:
                needed = await worker.clean(one)
            except QmpError as error:
                untried = ", ".join(names[number + 1 :])
                advice = f"Not tried: {untried}" if untried else ""
                raise Failure(f"{one.title} is not cleaned up: {error}", advice) from error
            done = f"{one.kind} {one.title}: cleaned up"
            say(done if needed else f"{one.kind} {one.title}: gone already, nothing was sent")
    return 0


def _named(name: str, leftovers: Sequence[Leftover]) -> Leftover:
    found = [one for one in leftovers if one.title == name]
    if len(found) == 1:
        return found[0]
    if found:
        kinds = " and a ".join(one.kind for one in found)
        raise Failure(f"{name} is the name of a {kinds}", "Clean it up on the screen, by L.")
    raise Failure(f"{name} is no leftover", "Without --clean all of them are listed.")


def _tell(one: Leftover) -> None:
    say(f"{one.kind} {one.title} (made by {one.owner})")
    say(f"  what      {one.what}")
    say(f"  why       {one.why}")
    if one.remedy is not None:
        arguments = " ".join(f"{name}={value}" for name, value in one.remedy.arguments.items())
        say(f"  cleaning  {one.remedy.command} {arguments}: {one.remedy.does}")
        say(f"  lost      {one.lost}")
    if one.hindrance is not None:
        say(f"  {'not now ' if one.remedy else 'no act  '}  {one.hindrance}.")
