"""Completing a path in the file system that QEMU sees."""

import os

from tui.host.process import QemuProcess

_MOST_READ = 5_000
_MOST_OFFERED = 50


def complete_path(text: str, process: QemuProcess | None) -> tuple[str, ...]:
    """The paths that begin with an absolute one, directories first, each of them ending in `/`.

    Empty where the file system is not QEMU's own. Blocks for as long as the file system does; of a
    huge directory only a part is looked at. Names that are no text are left out.
    """
    if process is None or process.same_mount_namespace is not True:
        return ()
    return complete_here(text)


def complete_here(text: str) -> tuple[str, ...]:
    """The same in the file system that BlockDeck itself sees."""
    if not text.startswith("/"):
        return ()
    directory, _, prefix = text.rpartition("/")
    found: list[tuple[bool, str]] = []
    try:
        with os.scandir(directory or "/") as entries:
            for count, entry in enumerate(entries):
                if count >= _MOST_READ:
                    break
                if _fits(entry.name, prefix):
                    found.append((not entry.is_dir(), entry.name))
    except (OSError, ValueError):
        return ()
    found.sort()
    return tuple(
        f"{directory}/{name}{'' if is_file else '/'}" for is_file, name in found[:_MOST_OFFERED]
    )


def _fits(name: str, prefix: str) -> bool:
    hidden = name.startswith(".") and not prefix.startswith(".")
    return name.startswith(prefix) and not hidden and name.isprintable()
