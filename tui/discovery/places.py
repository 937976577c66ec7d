"""The directories where monitors usually are, looked through for sockets; none is connected to."""

import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path, PurePath

from pydantic import BaseModel, ConfigDict

_LIKE_A_MONITOR = re.compile(r"qmp|monitor|(^|[._-])mon([._-]|$)", re.IGNORECASE)
_MOST_ENTRIES = 20_000
_SECONDS = 1.0


class Place(BaseModel):
    """A directory and how many levels of directories below it are looked through as well."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    directory: Path
    depth: int = 1


def usual_places() -> tuple[Place, ...]:
    """Where libvirt, Proxmox VE and people put the sockets of monitors."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    mine = (Place(directory=Path(runtime), depth=2),) if runtime.startswith("/") else ()
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return (
        Place(directory=Path("/var/lib/libvirt/qemu")),
        Place(directory=Path(config) / "libvirt/qemu/lib"),
        Place(directory=Path("/run/qemu-server"), depth=0),
        Place(directory=Path("/run"), depth=2),
        Place(directory=Path("/tmp"), depth=2),
        *mine,
    )


def find_sockets(places: tuple[Place, ...]) -> Iterator[Path]:
    """Sockets that are named like a monitor; a look at very much ends after a second."""
    seen: set[tuple[int, int]] = set()
    until = time.monotonic() + _SECONDS
    budget = [_MOST_ENTRIES]
    for place in places:
        yield from _sockets(place.directory, place.depth, seen, budget, until)


def is_like_a_monitor(path: PurePath) -> bool:
    """Whether a socket is named as people name those of monitors."""
    return _LIKE_A_MONITOR.search(path.name) is not None


def _sockets(
    directory: Path, depth: int, seen: set[tuple[int, int]], budget: list[int], until: float
) -> Iterator[Path]:
    try:
        own = directory.stat()
        if (own.st_dev, own.st_ino) in seen:
            return
        seen.add((own.st_dev, own.st_ino))
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        budget[0] -= 1
        if budget[0] < 0 or time.monotonic() > until:
            return
        try:
            if entry.is_dir(follow_symlinks=False):
                if depth > 0:
                    yield from _sockets(Path(entry.path), depth - 1, seen, budget, until)
            elif _LIKE_A_MONITOR.search(entry.name) and stat.S_ISSOCK(entry.stat().st_mode):
                yield Path(entry.path)
        except OSError:
            continue
