"""`blockdeck backup`: one backup from its arguments to its outcome."""

import asyncio
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tui.backup.arguments import BLOCKDEV_BACKUP, DRIVE_BACKUP, Json
from tui.backup.defaults import default_arguments
from tui.backup.draft import read_back
from tui.backup.fields import form_fields
from tui.backup.presets import Preset, fill_in
from tui.backup.target import suggest_target
from tui.backup.target_io import TargetIo
from tui.backup.verdict import Finding, Verdict
from tui.backup.way import Way
from tui.cli.check import as_line
from tui.cli.failure import Failure, Status
from tui.cli.follow import Follower
from tui.cli.interruption import interruption
from tui.cli.monitor import open_vm
from tui.cli.output import PROGRAM, abandon_output, complain, note
from tui.cli.progress import Reporter, reporter_for
from tui.cli.settings import settings
from tui.cli.words import How, judge_draft, read_arguments
from tui.qmp.address import MonitorAddress
from tui.qmp.errors import ConnectionLost, NotAnswering
from tui.units import milliseconds
from tui.vm.care import Wishes
from tui.vm.job import Outcome
from tui.worker import VmWorker

_STARTING = (DRIVE_BACKUP, BLOCKDEV_BACKUP)

_LOOKS_SECONDS = 3.0
"""So long it is waited for a second look at the guest's writes: before it nothing is known."""


@dataclass(frozen=True, slots=True)
class BackupRequest:
    """What the command line asks for; `directory` is where a target is suggested without one."""

    address: MonitorAddress
    words: Mapping[str, str]
    as_json: bool = False
    no_wait: bool = False
    overrides: tuple[str, ...] = ()
    way: str | None = None
    directory: str | None = None
    read_only: bool = False
    wishes: Wishes = field(default_factory=Wishes)
    fleece: str = ""
    target_io: TargetIo = TargetIo.WRITEBACK
    preset: str | None = None

    def way_back(self, way: Way) -> str:
        """How to see the job again, and what waits for that."""
        monitor = shlex.quote(str(self.address))
        back = f"Come back with: {PROGRAM} {monitor}, or {PROGRAM} jobs {monitor}"
        # The nodes of a target are removed by whoever sees the end of its job.
        waits = "Its target stays open until BlockDeck has seen that it is over. "
        return f"{waits}{back}" if way is Way.BLOCKDEV else back


async def back_up(request: BackupRequest) -> int:
    """Judge, start and watch one backup.

    Raises:
        Failure: it was refused, the monitor cannot be reached, or what became of it is not known.
        QmpError: QEMU refused the command, or could not be asked.
    """
    reporter = reporter_for(request.as_json)
    async with open_vm(request.address, read_only=request.read_only) as worker:
        verdict, way = await _judge(worker, request)
        blockers = verdict.blockers(request.overrides)
        if blockers:
            reporter.refused(verdict)
            raise _refused(blockers)
        _warn(verdict)
        read = read_back(request.words.get("speed", ""), "speed")
        if read and not request.as_json:
            note(f"speed={request.words['speed']} {read}")
        await _know_before(worker, verdict, request, reporter)
        way_back = request.way_back(way)
        with interruption() as interrupted:
            follower = Follower(worker, reporter)
            job_id = await start(worker, verdict, way, request)
            reporter.started(job_id, verdict.command)
            if request.no_wait:
                note(f"{job_id} runs in QEMU. {way_back}")
                return Status.DONE
            try:
                return await _watch(follower, job_id, interrupted, reporter, way_back)
            finally:
                reporter.close()


async def _know_before(
    worker: VmWorker, verdict: Verdict, request: BackupRequest, reporter: Reporter
) -> None:
    """See how long the guest's writes take, where the backup is to be measured by that."""
    bound, name = request.wishes.easy, str(verdict.asked.get("device", ""))
    if bound is None or bound.factor is None:
        return
    changed = asyncio.Event()
    unsubscribe = worker.subscribe(changed.set)
    try:
        async with asyncio.timeout(_LOOKS_SECONDS):
            while (disk := worker.snapshot.device_named(name)) and disk.writes.before is None:
                changed.clear()
                await changed.wait()
    except TimeoutError:
        stands_in = milliseconds(bound.allowed(None))
        reporter.notice(
            "the guest was not seen to write before the backup: "
            f"its writes may take {stands_in} in place of {bound}"
        )
    finally:
        unsubscribe()


async def _judge(worker: VmWorker, request: BackupRequest) -> tuple[Verdict, Way]:
    draft = read_arguments(worker, _with_preset(worker, request))
    how = How(request.way, fleece=request.fleece, target_io=request.target_io)
    return await judge_draft(worker, draft, how, _defaults(worker, request))


def _with_preset(worker: VmWorker, request: BackupRequest) -> Mapping[str, str]:
    """The words, and what a preset has for those arguments that are not given."""
    if request.preset is None or worker.schema is None:
        return request.words
    known = {field.name for field in form_fields(worker.schema)}
    texts = {"format": "qcow2", **request.words}
    wanted = fill_in(Preset(request.preset), texts, known).items()
    return {**{name: text for name, text in wanted if text}, **request.words}


def _defaults(worker: VmWorker, request: BackupRequest) -> dict[str, Json]:
    """What the form would fill in, less what this QEMU does not know."""
    device = worker.snapshot.device_named(request.words.get("device", ""))
    if device is None or worker.schema is None:
        return {}
    # The suggested name holds the time of the operator's clock.
    now = datetime.now().astimezone()
    vm = worker.snapshot
    directory = request.directory or settings().directory(vm.address, vm.name)
    speed = settings().speed(vm.address, vm.name)
    defaults = default_arguments(device, vm, directory or "/", now, speed)
    if directory is None:
        del defaults["target"]
    elif "format" in request.words:
        image_format = request.words["format"]
        defaults["target"] = suggest_target(directory, device.title, now, image_format)
    known = {argument.name for argument in worker.schema.arguments("drive-backup")}
    given = set(request.words)
    return {name: value for name, value in defaults.items() if name in known - given}


def _refused(blockers: tuple[Finding, ...]) -> Failure:
    for finding in blockers:
        tick = f" --override {finding.rule} starts it all the same." if finding.override else ""
        note(f"{as_line(finding)}{tick}")
    return Failure("the backup was not started")


def _warn(verdict: Verdict) -> None:
    for finding in verdict.findings:
        note(as_line(finding))


async def start(worker: VmWorker, verdict: Verdict, way: Way, request: BackupRequest) -> str:
    """Start what was judged; returns the id of the job.

    Raises:
        Failure: there was no answer, with what is known of the backup then.
        QmpError: QEMU refused.
    """
    try:
        warnings = verdict.warnings(request.overrides)
        return await worker.start(
            verdict.asked,
            way=way,
            fleece=request.fleece,
            target_io=request.target_io,
            warnings=warnings,
            wishes=request.wishes,
        )
    except (NotAnswering, ConnectionLost) as error:
        if isinstance(error, NotAnswering) and error.command not in _STARTING:
            raise Failure(f"the backup was not started: {error}") from error
        sentence = f"whether the backup runs is not known: {error}"
        raise Failure(sentence, request.way_back(way)) from error


async def _watch(
    follower: Follower,
    job_id: str,
    interrupted: asyncio.Event,
    reporter: Reporter,
    way_back: str,
) -> int:
    end = asyncio.create_task(follower.follow(job_id), name=f"follow {job_id}")
    stop = asyncio.create_task(interrupted.wait(), name="interruption")
    try:
        await asyncio.wait((end, stop), return_when=asyncio.FIRST_COMPLETED)
        if not end.done():
            reporter.interrupted(job_id)
            reporter.close()
            complain(f"interrupted; {job_id} goes on in QEMU", way_back)
            return Status.INTERRUPTED
        job = end.result()
    except OSError as error:
        # The reader of a pipe or the terminal is gone.
        abandon_output()
        sentence = f"the output cannot be written ({error.strerror}); {job_id} goes on in QEMU"
        raise Failure(sentence, way_back) from error
    finally:
        end.cancel()
        stop.cancel()
    reporter.ended(job)
    return Status.DONE if job.outcome is Outcome.SUCCEEDED else Status.FAILED
