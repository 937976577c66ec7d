"""The Debian package: made by `scripts/deb.sh`, installed by dpkg into a root of its own."""

import os
import sys
from pathlib import Path

import pytest

import tui
from tests.packaging.installing import CHECKOUT, SECONDS, environment
from tests.said import said

MINOR = f"python{sys.version_info.major}.{sys.version_info.minor}"


def run(*command: str | Path, home: Path, **more: str) -> str:
    """Run it in the checkout; returns all that was said."""
    return said(*command, seconds=SECONDS, cwd=CHECKOUT, env={**environment(home), **more})


def dpkg(root: Path, *words: str | Path) -> None:
    """Run dpkg on another root, whose database knows of nothing that is installed."""
    database = root / "var/lib/dpkg"
    (database / "updates").mkdir(parents=True, exist_ok=True)
    (database / "info").mkdir(exist_ok=True)
    (database / "status").touch()
    forced = ("--force-depends", "--force-not-root", "--force-script-chrootless")
    # As another user it cannot give the files to root.
    fake = () if os.geteuid() == 0 else ("fakeroot",)
    run(
        *fake,
        "dpkg",
        f"--root={root}",
        *forced,
        "--log=/dev/null",
        *words,
        home=root.with_name("home"),
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_it_is_made_installed_run_and_removed(tmp_path: Path) -> None:
    # The wheels of the tests are those of this very Python.
    run("scripts/deb.sh", tmp_path / "out", home=tmp_path / "home", DEB_PYTHON=sys.executable)
    (package,) = (tmp_path / "out").iterdir()
    assert package.name.startswith(f"blockdeck_{tui.__version__}_")
    about = run("dpkg-deb", "--show", "--showformat=${Version} ${Depends}", package, home=tmp_path)
    assert about == f"{tui.__version__} {MINOR}"
    root = tmp_path / "root"
    root.mkdir()
    dpkg(root, "--install", package)
    program = root / "usr/bin/blockdeck"
    assert run(program, "--version", home=tmp_path) == f"blockdeck {tui.__version__}\n"
    assert "Usage: blockdeck" in run(program, "--help", home=tmp_path)
    assert (root / "usr/share/man/man1/blockdeck.1").is_file()
    # Compiled for good: whoever runs it could not write that there.
    assert list((root / "opt/blockdeck").rglob("tui/__pycache__/app.*.pyc"))
    dpkg(root, "--remove", "blockdeck")
    assert not (root / "opt/blockdeck").exists()
    assert not program.is_symlink()
