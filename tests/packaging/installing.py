"""The real pipx and uv, which install into a home of the test's own and without the network.

All that can be installed are the wheels that `scripts/setup.sh test` has got.
"""

import os
import sys
from pathlib import Path

from tui.paths import STYLES

CHECKOUT = STYLES.parent
WHEELS = CHECKOUT / "build" / "wheels"
PROGRAMS = {name: Path(sys.executable).with_name(name) for name in ("pipx", "uv")}
"""Where they are, by their names."""

SECONDS = 400.0
"""They build and compile, beside other tests."""

_OF_OTHERS = ("PIP_", "PIPX_", "PYTHON", "UV_", "XDG_", "VIRTUAL_ENV", "MANPATH")


def offline() -> dict[str, str]:
    """The variables that keep them to the wheels: neither the machine's settings nor an index."""
    return {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": str(WHEELS),
        "PIP_NO_INDEX": "1",
        # As where there is no uv beside it.
        "PIPX_DEFAULT_BACKEND": "pip",
        "UV_FIND_LINKS": str(WHEELS),
        "UV_NO_CONFIG": "1",
        "UV_NO_INDEX": "1",
        "UV_OFFLINE": "1",
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
    }


def environment(home: Path) -> dict[str, str]:
    """The environment in which they put what they make where they put it by themselves.

    Args:
        home: the home directory; it is made where it is not there.

    Raises:
        AssertionError: they, or the wheels, were not got.
    """
    missing = [path for path in (WHEELS / "stamp", *PROGRAMS.values()) if not path.exists()]
    assert not missing, f"{missing} are missing: scripts/setup.sh test gets them"
    home.mkdir(exist_ok=True)
    env = {name: text for name, text in os.environ.items() if not name.startswith(_OF_OTHERS)}
    path = f"{home / '.local/bin'}:{PROGRAMS['uv'].parent}:{env['PATH']}"
    return {**env, **offline(), "HOME": str(home), "PATH": path}
