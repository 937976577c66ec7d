"""What was asked for, kept on disk while the backup runs, for whoever sees its end."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime

from tui.records.redact import redacted
from tui.records.request import BackupRequest
from tui.records.shelf import KeptOfJob, Shelf
from tui.vm.job import Job

REQUESTS = "requests"


class KeptRequest(KeptOfJob):
    """A backup that was started: `command` is what was sent, secrets in it are left out."""

    version: Literal[1] = 1
    device: str
    target: str
    started: AwareDatetime
    request: BackupRequest
    command: Mapping[str, Any]


class RequestStore(Shelf[KeptRequest]):
    """The requests of the backups that run."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, KeptRequest)


def kept_request(job: Job, request: BackupRequest, command: Mapping[str, Any]) -> KeptRequest:
    """What is kept of a backup that is about to be started."""
    sent = command.get("arguments")
    name = str(command.get("execute"))
    arguments = redacted(name, sent if isinstance(sent, Mapping) else {})
    asked = redacted("drive-backup", request.arguments)
    return KeptRequest(
        job=job.id,
        device=job.device,
        target=job.target,
        started=datetime.now(UTC),
        request=request.model_copy(update={"arguments": asked}),
        command={**command, "arguments": arguments},
    )
