"""Imports what the next keys will need, while nobody presses one.

What is not needed to see the disks is imported when it is first used. For what is used most, the
backup form and the jobs, that would be felt in the key that opens it.
"""

import asyncio
from importlib import import_module

from tui.garbage import collect_as_it_suits_keys

_AFTER = 1.0
"""Seconds that the disks have been on the screen."""

_PAUSE = 0.05
"""Seconds between two steps, in which a key is answered."""

STEPS = (
    *("tui.backup.fields", "tui.backup.verdict", "tui.backup.draft", "tui.backup.target"),
    *("tui.backup.rules.case", "tui.backup.rules", "tui.backup.plan", "tui.backup.judge"),
    *("tui.backup.formstate", "tui.backup.preview", "tui.backup.presets"),
    *("tui.widgets.form_row", "tui.widgets.command_preview", "tui.widgets.backup_form"),
    *("tui.worker.sight", "tui.worker.starting", "tui.backup.advice", "tui.screens.judged_form"),
    *("tui.screens.verb_menu", "tui.screens.easy", "tui.screens.job_care", "tui.screens.job_acts"),
    *("tui.screens.job_page", "tui.screens.jobs", "tui.screens.backup"),
)
"""What is imported, each after what it imports itself, so that every step is short."""


async def import_ahead() -> None:
    """Take one step after the other; it may be cancelled between any two."""
    await asyncio.sleep(_AFTER)
    for module in STEPS:
        import_module(module)
        await asyncio.sleep(_PAUSE)
    collect_as_it_suits_keys()
