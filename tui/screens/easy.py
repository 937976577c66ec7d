"""How long the guest's writes may take while a backup runs."""

from dataclasses import replace

from tui.screens.typed_or_preset import TypedOrPreset
from tui.units import milliseconds
from tui.vm.bound import Bound
from tui.vm.care import Wishes
from tui.vm.job import Job
from tui.vm.snapshot import Device
from tui.widgets.job_rows import job_named

_DEFAULT = "2x"
_PRESETS = (_DEFAULT, "1.5x", "4x", "5 ms", "20 ms", "100 ms")


class EasyScreen(TypedOrPreset[Wishes]):
    """Gives what is wished for the job from now on, or None where nothing is to change.

    Args:
        job: the job.
        disk: the disk that it works on.
        vm: what tells its VM from others.
    """

    BINDING_GROUP_TITLE = "Easy on the guest"

    def __init__(self, job: Job, disk: Device | None, vm: str = "") -> None:
        wishes = job.care.wishes

        def wish(text: str) -> Wishes:
            return replace(wishes, easy=Bound.parse(text))

        super().__init__(
            title=f"Easy on the guest: {job_named(job, vm, 50)}",
            text=f"The copy is slowed down while the guest's writes take longer. {_known(disk)}",
            placeholder="2x (twice as long as before; also if empty), or 20 ms",
            presets=[
                *((_words(text), wish(text)) for text in _PRESETS),
                ("Off: as fast as it can", replace(wishes, easy=None)),
            ],
            read=wish,
            default=_DEFAULT,
        )


def _known(disk: Device | None) -> str:
    if disk is None or disk.writes.before is None:
        return "How long they took before is not known."
    now = f", now {milliseconds(disk.writes.now)}" if disk.writes.now is not None else ""
    return f"Before: {milliseconds(disk.writes.before)}{now}."


def _words(text: str) -> str:
    bound = Bound.parse(text)
    if bound.factor is not None:
        return f"{text:<7} as long as before this job"
    return f"{text:<7} whatever it was before"
