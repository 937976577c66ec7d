"""The locks: all that is asked for has one version and its hashes, which fit what is asked for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tui.paths import STYLES

CHECKOUT = STYLES.parent
PLACE = CHECKOUT / "requirements"
_PINNED = re.compile(r"^([\w.-]+)==([^\s;]+)[^\\\n]*(\\\n +--hash=sha256:[0-9a-f]{64} ?)+", re.M)


def locked(path: Path) -> dict[str, str]:
    """The version of each package."""
    return {canonicalize_name(found[1]): found[2] for found in _PINNED.finditer(path.read_text())}


def wanted(path: Path) -> list[Requirement]:
    """What an `.in` file asks for."""
    lines = path.read_text().splitlines()
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
LOCKS = sorted(PLACE.glob("*.lock"))
COMMON = locked(PLACE / "run.lock") | locked(PLACE / "build.lock")
EVERYTHING = {name: version for path in LOCKS for name, version in locked(path).items()}


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_has_one_version_and_hashes(path: Path) -> None:
    names = re.findall(r"^([\w.-]+)[=<>~! @]", path.read_text(), re.M)
    assert names
    assert {canonicalize_name(name) for name in names} == locked(path).keys()


def test_no_package_has_another_version_in_another_lock() -> None:
    for path in LOCKS:
        versions = locked(path)
        assert versions == {name: EVERYTHING[name] for name in versions}


def test_what_is_run_and_built_with_is_locked_as_it_is_asked_for() -> None:
    project, build = PROJECT["project"], PROJECT["build-system"]
    fits(project["dependencies"], locked(PLACE / "run.lock"))
    fits(build["requires"], locked(PLACE / "build.lock"))
    for extra in project["optional-dependencies"].values():
        fits(extra, EVERYTHING)


@pytest.mark.parametrize("path", sorted(PLACE.glob("*.in")), ids=lambda path: path.name)
def test_what_the_tests_need_is_locked(path: Path) -> None:
    fits([str(one) for one in wanted(path)], locked(path.with_suffix(".lock")) | COMMON)


def fits(requirements: list[str], versions: dict[str, str]) -> None:
    for one in map(Requirement, requirements):
        assert versions[canonicalize_name(one.name)] in one.specifier, one
