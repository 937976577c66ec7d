"""How a job was set up: what QEMU tells of any, and what was sent for ours."""

from collections.abc import Iterator

from textual.content import Content

from tui.text import plain
from tui.vm.job import Job
from tui.vm.sent import sent_for
from tui.widgets.facts import fact

_DEFAULTS = {"on-source-error": "report", "on-target-error": "report"}
"""What QEMU takes where nothing is said."""

_TOLD = ("sync", "bitmap", "bitmap-mode", "compress", "on-source-error", "on-target-error")


def settings_line(job: Job) -> Content:
    """One line about the settings that are not told elsewhere."""
    words = [f"{name} {_value(value)}" for name, value in _settings(job)]
    return fact("settings", plain(", ".join(words), 400))


def _settings(job: Job) -> Iterator[tuple[str, object]]:
    sent = sent_for(job)
    if sent is not None:
        known = {**_DEFAULTS, **sent.arguments}
        yield from ((name, known[name]) for name in _TOLD if name in known)
    yield "auto-finalize", job.auto_finalize
    yield "auto-dismiss", job.auto_dismiss


def _value(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
