"""The rules that judge a backup's arguments, as data: one small pure function each."""

from tui.backup.rules import bitmap, create, danger, device, file, fleece, job, notes, schema, way
from tui.backup.rules.rule import Rule

STAGES: tuple[tuple[Rule, ...], ...] = (
    schema.RULES,
    device.LOOKUP,
    device.BUSY,
    create.RULES,
    file.RULES,
    create.AFTER_FILE,
    way.RULES,
    fleece.RULES,
    device.TARGET_LOOKUP,
    bitmap.EARLY,
    job.EARLY,
    bitmap.LATE,
    job.LATE,
    danger.RULES,
    device.NOTES,
    notes.RULES,
)
"""All rules in the order in which QEMU checks, then what it does not check."""

RULES: tuple[Rule, ...] = tuple(rule for stage in STAGES for rule in stage)
