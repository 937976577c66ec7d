"""The report of one backup that has ended: a model, and the same as text."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict

from tui.records.redact import redacted, redacted_text
from tui.records.request import BackupRequest
from tui.records.who import Who, who
from tui.text import plain
from tui.units import duration, rate, size
from tui.vm.filenames import file_behind
from tui.vm.job import Job
from tui.vm.remedies import remedy
from tui.vm.sent import sent_for
from tui.vm.snapshot import Device, VmSnapshot

_NOT_KNOWN = "not known: another BlockDeck started it"
_NOT_OURS = "not known: not started by BlockDeck"


class Gap(BaseModel):
    """A time in which nobody watched: no event of it is known."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    since: AwareDatetime
    until: AwareDatetime


class BackupReport(BaseModel):
    """What became of one backup.

    `source` is the disk and `source_file` its image, `target` where it was copied to. `way` is the
    command that carried it out, `arguments` those that were asked for, or of a point of a chain
    those of the disk's part in its transaction, `command` what was sent.
    `started` and `mean_rate` (bytes a second) are None where the start was not seen. `copied` and
    `length` are bytes. `detail` tells by whom it was cancelled, `error` is QEMU's own text and
    `advice` what to do about it. `ours` tells whether BlockDeck started it; another client's was
    watched to its end. `not_watched` are the times in which nobody watched the job.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    version: Literal[1] = 1
    job: str
    ours: bool = True
    vm: str
    uuid: str
    monitor: str
    qemu: str
    source: str
    source_file: str
    target: str
    way: str | None
    arguments: Mapping[str, Any] | None
    command: Mapping[str, Any] | None
    started: AwareDatetime | None
    ended: AwareDatetime
    seconds: float | None
    copied: int
    length: int
    mean_rate: float | None
    outcome: str
    detail: str
    error: str | None
    advice: str | None = None
    warnings: tuple[str, ...] = ()
    not_watched: tuple[Gap, ...] = ()
    who: Who

    @classmethod
    def of(
        cls,
        vm: VmSnapshot,
        job: Job,
        request: BackupRequest | None,
        ended: datetime,
        gaps: tuple[Gap, ...] = (),
    ) -> Self:
        """The report of a job that has its outcome; `request` is what was asked for, if known."""
        device = vm.device(job.device_key) if job.device_key else None
        seconds = None
        if job.started is not None and job.ended is not None:
            seconds = round(job.ended - job.started, 3)
        command = dict(job.command) if job.command else None
        if command is not None:
            given = command.get("arguments")
            kept = redacted(
                str(command.get("execute")), given if isinstance(given, Mapping) else {}
            )
            command["arguments"] = kept
        sent = sent_for(job)
        way, asked = (sent.command, sent.arguments) if sent else (None, None)
        if request is not None:
            way, asked = request.way, request.arguments
        return cls(
            job=job.id,
            ours=job.ours,
            vm=vm.name,
            uuid=vm.uuid,
            monitor=vm.address,
            qemu=str(vm.version.qemu) if vm.version else "",
            source=job.device,
            source_file=file_behind(device.medium.filename) if device and device.medium else "",
            target=redacted_text(job.target),
            way=way,
            arguments=redacted("drive-backup", asked) if asked is not None else None,
            command=command,
            started=_time(job.wall_started),
            ended=ended,
            seconds=seconds,
            copied=job.offset,
            length=job.len,
            mean_rate=job.offset / seconds if seconds else None,
            outcome=job.outcome.value if job.outcome else "",
            detail=job.detail,
            error=job.error,
            advice=remedy(job.error),
            not_watched=gaps,
            warnings=(*(request.warnings if request else ()), *_failed_writes(device, job)),
            who=who(),
        )

    def as_json(self) -> str:
        """JSON in ASCII, for programs."""
        return json.dumps(self.model_dump(mode="json"), indent=2) + "\n"

    def as_text(self) -> str:
        """Lines for people; what is foreign in them is escaped."""
        return "".join(f"{label:<11}{plain(text)}\n" for label, text in self._lines())

    def _lines(self) -> list[tuple[str, str]]:
        why = self.detail or self.error or ""
        unknown = _NOT_KNOWN if self.ours else _NOT_OURS
        lines = [
            ("outcome", f"{self.outcome.upper()}{': ' if why else ''}{why}"),
            ("job", self.job),
            ("VM", f"{self.vm or 'without a name'} ({self.uuid})"),
            ("monitor", f"{self.monitor}, QEMU {self.qemu or 'of a version not known'}"),
            ("disk", f"{self.source or '?'}{f' ({self.source_file})' if self.source_file else ''}"),
            ("target", self.target or "not known"),
            ("way", self.way or unknown),
            ("started", _local(self.started) if self.started else "not seen by this BlockDeck"),
            ("ended", _local(self.ended)),
            ("took", duration(self.seconds)),
            ("copied", f"{size(self.copied)} of {size(self.length)} ({self.copied:,} bytes)"),
            ("mean rate", rate(self.mean_rate)),
        ]
        if self.error:
            lines.append(("QEMU said", self.error))
        if self.advice:
            lines.append(("advice", self.advice))
        lines += [
            ("unwatched", f"{_local(g.since)} to {_local(g.until)}") for g in self.not_watched
        ]
        lines += [("warning", text) for text in self.warnings] or [("warnings", "none")]
        lines.append(("by", f"{self.who.user}@{self.who.host}, BlockDeck {self.who.blockdeck}"))
        if self.who.sudo_user:
            lines.append(("", f"through sudo, as {self.who.sudo_user}"))
        given = self.arguments
        lines.append(("arguments", unknown if given is None else ""))
        lines += [(f"  {name}", f" {json.dumps(value)}") for name, value in (given or {}).items()]
        return lines


def _failed_writes(device: Device | None, job: Job) -> tuple[str, ...]:
    failures = device.failures if device is not None else None
    if device is None or failures is None or failures.job != job.key:
        return ()
    many = f"{failures.writes:,} write{'' if failures.writes == 1 else 's'} of the guest"
    return (f"{many} to {device.title} failed while it ran",)


def _time(wall: float | None) -> datetime | None:
    return None if wall is None else datetime.fromtimestamp(wall, UTC)


def _local(time: datetime) -> str:
    return time.astimezone().strftime("%F %T %z")
