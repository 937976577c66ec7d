"""A new speed limit for a job that runs."""

from collections.abc import Sequence

from tui.backup.draft import parse_speed, read_back
from tui.screens.typed_or_preset import TypedOrPreset
from tui.units import aligned, rate
from tui.vm.job import Job
from tui.widgets.job_rows import job_named


class SpeedScreen(TypedOrPreset[int]):
    """Gives bytes a second, 0 for no limit, or None where nothing is to change.

    Args:
        job: whose limit is to change.
        presets: the limits offered, in bytes a second.
        vm: what tells its VM from others.
    """

    BINDING_GROUP_TITLE = "Speed"

    def __init__(self, job: Job, presets: Sequence[int], vm: str = "") -> None:
        copies = f", copies {rate(job.rate)}" if job.rate is not None else ""
        limit = rate(job.speed) if job.speed else "no limit"
        offered = dict.fromkeys(presets)
        super().__init__(
            title=f"Speed limit of {job_named(job, vm)}",
            text=f"Now: {limit}{copies}. Lower is easier on the guest.",
            placeholder="50M, 1.5 GiB/s, or 0 for no limit",
            presets=[
                (aligned(rate(speed) if speed else "No limit", 11), speed) for speed in offered
            ],
            read=parse_speed,
            read_back=lambda text: read_back(text, "speed"),
        )
