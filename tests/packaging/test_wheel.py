"""What a user installs: the wheel, in a clean environment away from the checkout.

The dependencies are those of the environment that runs the tests, so no network is needed.
"""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tui
from tests.journeys.tmux import Tmux
from tests.qemu import QemuStarter
from tui.paths import STYLES

CHECKOUT = STYLES.parent
Run = Callable[..., str]


def run(*command: str | Path, cwd: Path = CHECKOUT) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, cwd=cwd, env=clean, check=False, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--sdist", "--outdir", folder)
    return folder


@pytest.fixture(scope="module")
def environment(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it and the dependencies beside it."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, with_pip=False, symlinks=True)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", place)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", *dist.glob("*.whl"))
    packages = run(
        place / "bin/python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"
    )
    # A folder named in a .pth is searched, but its own .pth files, such as the checkout's, are not.
    dependencies = Path(packages.strip()) / "dependencies.pth"
    dependencies.write_text(sysconfig.get_path("purelib") + "\n")
    return place


def test_the_wheel_carries_every_style_sheet(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    inside = zipfile.ZipFile(wheel).namelist()
    sheets = {path.relative_to(STYLES).as_posix() for path in STYLES.rglob("*.tcss")}

    assert sheets
    assert {f"tui/styles/{sheet}" for sheet in sheets} <= set(inside)
    assert {"tui/py.typed", "tui/__init__.py"} <= set(inside)
    assert {name.split("/")[0] for name in inside} == {
        "tui",
        f"blockdeck-{tui.__version__}.dist-info",
        # The manual pages.
        f"blockdeck-{tui.__version__}.data",
    }


def test_the_metadata_say_what_it_is_and_needs(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    told = metadata.PathDistribution(zipfile.Path(wheel, f"blockdeck-{tui.__version__}.dist-info/"))
    about = told.metadata
    assert (about["Name"], about["Version"]) == ("blockdeck", tui.__version__)
    assert (about["Requires-Python"], about["License-Expression"]) == (">=3.11", "Apache-2.0")
    assert about["Summary"]
    assert about["Description-Content-Type"] == "text/markdown"
    assert (told.read_text("METADATA") or "").endswith((CHECKOUT / "README.md").read_text())
    assert set(about.get_all("Provides-Extra", [])) == {"libvirt", "qemu", "serve", "ssh"}
    assert [each.name for each in told.entry_points] == ["blockdeck"]
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    told_of = {name_of(text) for text in told.requires or []}
    assert told_of >= {name_of(text) for text in project["dependencies"]}


def name_of(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def test_the_source_distribution_builds_the_same(dist: Path, tmp_path: Path) -> None:
    (source,) = dist.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, cwd=tree)
    (ours,), (theirs,) = dist.glob("*.whl"), tmp_path.glob("*.whl")

    assert set(zipfile.ZipFile(theirs).namelist()) == set(zipfile.ZipFile(ours).namelist())


def test_the_source_distribution_has_what_the_readme_shows_and_leads_to(dist: Path) -> None:
    (source,) = dist.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    links = re.findall(r"\]\(([^)#:]+)(?:#[\w-]+)?\)", (CHECKOUT / "README.md").read_text())

    assert any(link.endswith(".png") for link in links)
    assert [link for link in links if link not in inside] == []


def test_the_command_starts_away_from_the_checkout(environment: Path, tmp_path: Path) -> None:
    assert tui.__version__ in run(environment / "bin/blockdeck", "--version", cwd=tmp_path)


@pytest.mark.slow
async def test_the_screen_opens_away_from_the_checkout(
    environment: Path, tmp_path: Path, qemu: QemuStarter
) -> None:
    vm = await qemu("-name", "packaged", "-blockdev", "null-co,node-name=disk0,read-zeroes=on")
    terminal = Tmux()
    try:
        terminal.run(environment / "bin/blockdeck", vm.monitor)
        await terminal.sees("packaged", "disk0", "b Back up")
    finally:
        terminal.close()


def test_it_uses_the_style_sheets_of_the_wheel(environment: Path, tmp_path: Path) -> None:
    code = "import json, tui.paths as p; print(json.dumps([str(p.STYLES), p.STYLES.is_dir()]))"
    styles, there = json.loads(run(environment / "bin/python", "-c", code, cwd=tmp_path))

    assert there
    assert Path(styles).is_relative_to(environment)
