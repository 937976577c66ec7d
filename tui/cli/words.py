"""`ARG=VALUE` words, and what becomes of them with the schema of the connected QEMU."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import click

from tui.backup.arguments import DRIVE_BACKUP, Json
from tui.backup.draft import ParsedDraft, parse_draft
from tui.backup.fields import form_fields
from tui.backup.target_io import TARGET_IO, TargetIo
from tui.backup.verdict import Verdict
from tui.backup.way import Way, default_way, ways
from tui.cli.failure import Failure
from tui.qmp.errors import ConnectionLost
from tui.qmp.schema import QmpSchema
from tui.vm.bound import Bound
from tui.vm.care import Wishes
from tui.worker import VmWorker


def read_words(words: Iterable[str]) -> dict[str, str]:
    """The texts by argument name.

    Raises:
        click.UsageError: a word is no `ARG=VALUE`, or an argument is given twice.
    """
    texts: dict[str, str] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not name or not equals:
            raise click.UsageError(f"{word!r} is not of the form ARG=VALUE, as in device=drive0.")
        if name in texts:
            raise click.UsageError(f"The argument {name!r} is given twice.")
        texts[name] = text
    return texts


def read_wishes(*, cancel_before_full: bool, go_easy: str | None) -> Wishes:
    """What is to be done for a backup while it runs.

    Raises:
        click.UsageError: the bound is none.
    """
    try:
        bound = Bound.parse(go_easy) if go_easy is not None else None
    except ValueError as error:
        raise click.UsageError(f"--go-easy: {error}.") from error
    return Wishes(cancel_before_full=cancel_before_full, easy=bound)


@dataclass(frozen=True, slots=True)
class How:
    """What the arguments are of: a backup in some way, or one very command; None is "not said".

    `fleece` is the directory that saves what the guest overwrites; "" is no fleecing.
    `target_io` is how a target that is a node is written to.
    """

    way: str | None = None
    command: str | None = None
    fleece: str = ""
    target_io: TargetIo = TargetIo.WRITEBACK

    def way_of(self, worker: VmWorker, device: object) -> Way:
        """The way asked for, else the one that is right for the disk.

        Raises:
            Failure: this QEMU does not know it.
        """
        vm, schema = worker.snapshot, worker.schema
        if schema is None or self.command is not None:
            return Way.DRIVE
        by_nodes = "fleecing" if self.fleece else ""
        if self.target_io is not TargetIo.WRITEBACK:
            by_nodes = by_nodes or f"--{TARGET_IO}"
        if by_nodes:
            if self.way == Way.DRIVE:
                raise Failure(f"{by_nodes} needs {Way.BLOCKDEV}")
            return self._known(Way.BLOCKDEV, schema)
        if self.way is None:
            return default_way(vm, vm.device_named(str(device)), schema)
        return self._known(Way(self.way), schema)

    @staticmethod
    def _known(way: Way, schema: QmpSchema) -> Way:
        if way not in ways(schema):
            raise Failure(f"this QEMU cannot back up by {way}")
        return way


def read_arguments(
    worker: VmWorker, texts: Mapping[str, str], command: str | None = None
) -> ParsedDraft:
    """The values that QEMU would be sent, as the form reads them.

    Raises:
        ConnectionLost: QEMU's schema is not known, for there is no connection.
    """
    if worker.schema is None:
        raise ConnectionLost(worker.snapshot.connection.detail or "not connected")
    return parse_draft(texts, form_fields(worker.schema, command or DRIVE_BACKUP))


async def judge_draft(
    worker: VmWorker,
    draft: ParsedDraft,
    how: How,
    defaults: Mapping[str, Json] | None = None,
) -> tuple[Verdict, Way]:
    """Judge a draft on top of defaults; what cannot be read is not said to be missing as well.

    Returns:
        The verdict, and the way it was judged for.

    Raises:
        Failure: this QEMU does not know the way asked for.
        QmpError: QEMU could not be asked.
    """
    unreadable = {finding.field for finding in draft.findings}
    kept = {name: value for name, value in (defaults or {}).items() if name not in unreadable}
    arguments = {**kept, **draft.arguments}
    way = how.way_of(worker, arguments.get("device"))
    verdict = await worker.judge(
        arguments,
        command=how.command or DRIVE_BACKUP,
        way=way,
        fleece=how.fleece,
        target_io=how.target_io,
        fresh=True,
    )
    return draft.judged(verdict), way
