"""How a job was set up: what QEMU tells of any, and what was sent for ours."""

from collections.abc import Iterator, Mapping

from textual.content import Content

from tui.text import plain
from tui.vm.job import Job
from tui.widgets.facts import fact

_DEFAULTS = {"on-source-error": "report", "on-target-error": "report"}
"""What QEMU takes where nothing is said."""

_TOLD = ("sync", "bitmap", "bitmap-mode", "compress", "on-source-error", "on-target-error")


def settings_line(job: Job) -> Content:
    """One line about the settings that are not told elsewhere."""
    words = [f"{name} {_value(value)}" for name, value in _settings(job)]
    return fact("settings", plain(", ".join(words), 400))


def _settings(job: Job) -> Iterator[tuple[str, object]]:
    sent = _sent(job)
    if sent is not None:
        known = {**_DEFAULTS, **sent}
        yield from ((name, known[name]) for name in _TOLD if name in known)
    yield "auto-finalize", job.auto_finalize
    yield "auto-dismiss", job.auto_dismiss


def _sent(job: Job) -> Mapping[str, object] | None:
    """The arguments that started the job; None where they are not known."""
    arguments = job.command.get("arguments") if job.command is not None else None
    if not isinstance(arguments, Mapping):
        return None
    actions = arguments.get("actions")
    if not isinstance(actions, list):
        return arguments
    # One of several that a transaction started.
    data = (action.get("data") for action in actions if isinstance(action, Mapping))
    return next((d for d in data if isinstance(d, Mapping) and d.get("job-id") == job.id), None)


def _value(value: object) -> str:
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
