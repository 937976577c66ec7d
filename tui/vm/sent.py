"""What was sent to QEMU to have a job begin."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tui.vm.job import Job


class Sent(NamedTuple):
    """A command and its arguments.

    Attributes:
        command: as `drive-backup`; of a transaction the type of the action.
        arguments: those of the one job, also where a transaction began several.
    """

    command: str
    arguments: Mapping[str, Any]


def sent_for(job: Job) -> Sent | None:
    """What a job was started by; None where it is not known."""
    whole: Mapping[str, Any] = job.command or {}
    arguments = whole.get("arguments")
    if not isinstance(arguments, Mapping):
        return None
    actions = arguments.get("actions")
    if not isinstance(actions, list):
        return Sent(str(whole.get("execute")), arguments)
    for action in actions:
        data = action.get("data") if isinstance(action, Mapping) else None
        if isinstance(data, Mapping) and data.get("job-id") == job.id:
            return Sent(str(action.get("type")), data)
    return None
