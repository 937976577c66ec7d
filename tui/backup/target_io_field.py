"""The field of the form in which one chooses how a target is written to."""

from tui.backup.fields import Choice, FormField
from tui.backup.target_io import TARGET_IO, TargetIo

TARGET_IO_FIELD = FormField(
    name=TARGET_IO,
    label="Target I/O",
    help="Past the page cache a backup leaves the host's memory alone. With blockdev-backup only.",
    kind="choice",
    type="str",
    choices=(
        Choice(value=TargetIo.DIRECT, help="cache.direct, aio native"),
        Choice(value=TargetIo.IO_URING, help="cache.direct, aio io_uring"),
    ),
    default="through the page cache",
)
