"""What can be done to a job in which state, and by which command.

The table is that of QEMU's `job.c` (`JobVerbTable`), the same from 5.2 to 11.1; the commands are
those of the `job-*` family where QEMU has them, else their `block-job-*` forerunners, but for
cancelling, of which `job-cancel` is no equal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from tui.vm.job import Job


class Verb(StrEnum):
    """An act upon a job."""

    PAUSE = "pause"
    RESUME = "resume"
    SET_SPEED = "set-speed"
    CANCEL = "cancel"
    SOFT_CANCEL = "soft-cancel"
    COMPLETE = "complete"
    FINALIZE = "finalize"
    DISMISS = "dismiss"
    CHANGE = "change"


BLOCK_JOB_TYPES = frozenset({"backup", "mirror", "commit", "stream"})
"""Types of the jobs that have a speed and heed `block-job-*`; others heed `job-*` alone."""

_MOVING = frozenset({"created", "running", "paused", "ready", "standby"})

_ALLOWED: Mapping[Verb, frozenset[str]] = {
    Verb.PAUSE: _MOVING,
    Verb.RESUME: _MOVING,
    Verb.SET_SPEED: _MOVING,
    Verb.CHANGE: _MOVING,
    Verb.CANCEL: _MOVING | {"waiting", "pending"},
    Verb.SOFT_CANCEL: frozenset({"ready"}),
    Verb.COMPLETE: frozenset({"ready"}),
    Verb.FINALIZE: frozenset({"pending"}),
    Verb.DISMISS: frozenset({"concluded"}),
}

_WHEN: Mapping[Verb, str] = {
    Verb.COMPLETE: "only once it is ready, which a backup never is",
    Verb.FINALIZE: "only while it is pending (auto-finalize=false)",
    Verb.DISMISS: "only once it has concluded",
    Verb.SOFT_CANCEL: "only once the mirror is ready",
}

_COMMANDS: Mapping[Verb, tuple[str, str | None]] = {
    Verb.PAUSE: ("job-pause", "block-job-pause"),
    Verb.RESUME: ("job-resume", "block-job-resume"),
    # In QEMU 5 job-cancel lets a ready mirror complete.
    Verb.CANCEL: ("block-job-cancel", "job-cancel"),
    Verb.COMPLETE: ("job-complete", "block-job-complete"),
    Verb.FINALIZE: ("job-finalize", "block-job-finalize"),
    Verb.DISMISS: ("job-dismiss", "block-job-dismiss"),
    Verb.SET_SPEED: ("block-job-set-speed", None),
    Verb.SOFT_CANCEL: ("block-job-cancel", None),
    Verb.CHANGE: ("block-job-change", None),
}


@dataclass(frozen=True, slots=True)
class Act:
    """A verb with what it needs.

    Attributes:
        verb: what to do.
        speed: bytes a second, for `set-speed`; 0 is without limit.
        copy_mode: the mirror's new `copy-mode`, for `change`.
    """

    verb: Verb
    speed: int = 0
    copy_mode: str = "write-blocking"

    def __post_init__(self) -> None:
        if not 0 <= self.speed < 1 << 63:
            raise ValueError("a speed is between 0 and 2^63-1 bytes a second")


def hindrance(verb: Verb, job: Job, has_command: Callable[[str], bool]) -> str | None:
    """Why a verb cannot be used on a job as it is now; None if it can.

    Args:
        verb: what is to be done.
        job: to which job.
        has_command: whether the connected QEMU knows a command.
    """
    if verb is Verb.SET_SPEED and not _is_block_job(job):
        return f"a {job.type} job has no speed"
    if command_name(verb, has_command, job) is None:
        return f"this QEMU has no {_COMMANDS[verb][0]}"
    if verb is Verb.DISMISS and job.ours and job.status == "concluded":
        return "BlockDeck dismisses it by itself, once its outcome is on record"
    if verb is not Verb.DISMISS and not job.live:
        return "the job is over"
    if verb in (Verb.SOFT_CANCEL, Verb.CHANGE) and job.type != "mirror":
        return "for mirror jobs only"
    if job.status not in _ALLOWED[verb]:
        return _WHEN.get(verb) or f"not while the job is {job.status}"
    if verb is Verb.PAUSE and job.paused:
        return "the job is paused already"
    if verb is Verb.RESUME and not job.paused:
        return "the job is not paused"
    return None


def _is_block_job(job: Job) -> bool:
    """Whether it is one, as far as is known."""
    return not job.type or job.type in BLOCK_JOB_TYPES


def command_name(verb: Verb, has_command: Callable[[str], bool], job: Job) -> str | None:
    """The command for a verb; None where this QEMU has none."""
    names = [name for name in _COMMANDS[verb] if name is not None and has_command(name)]
    if not _is_block_job(job):
        names = [name for name in names if name.startswith("job-")]
    return names[0] if names else None


def command_for(
    act: Act, job: Job, has_command: Callable[[str], bool]
) -> tuple[str, dict[str, object]]:
    """The command that does it, and its arguments.

    Raises:
        ValueError: this QEMU has none.
    """
    name = command_name(act.verb, has_command, job)
    if name is None:
        raise ValueError(f"this QEMU has no {_COMMANDS[act.verb][0]}")
    arguments: dict[str, object] = {("device" if name in _BY_DEVICE else "id"): job.id}
    if act.verb is Verb.SET_SPEED:
        arguments["speed"] = act.speed
    elif act.verb is Verb.CHANGE:
        arguments |= {"type": job.type, "copy-mode": act.copy_mode}
    elif name == "block-job-cancel":
        # Without force QEMU refuses to cancel what is paused, and lets a ready mirror complete.
        arguments["force"] = act.verb is Verb.CANCEL
    return name, arguments


# block-job-finalize, -dismiss and -change call it `id`, as the job-* commands do.
_BY_DEVICE = frozenset(
    {
        "block-job-pause",
        "block-job-resume",
        "block-job-cancel",
        "block-job-complete",
        "block-job-set-speed",
    }
)
