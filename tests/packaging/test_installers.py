"""What the README tells to install by, the real pipx and uv: the wheel, and the checkout."""

import subprocess
from pathlib import Path

import pytest

import tui
from tests.journeys.tmux import Tmux
from tests.packaging.installing import CHECKOUT, PROGRAMS, SECONDS, environment
from tests.qemu import QemuStarter
from tests.said import said

INSTALL = {"pipx": ("pipx", "install"), "uv": ("uv", "tool", "install")}
AGAIN = {**INSTALL, "pipx": ("pipx", "install", "--force")}
MANUAL = {
    "pipx": "man -w blockdeck",
    "uv": 'man -w -M "$(uv tool dir)/blockdeck/share/man" blockdeck',
}
"""What finds the manual page, as the tutorial has it."""


class Home:
    """A home directory in which something is installed."""

    def __init__(self, place: Path) -> None:
        self.env = environment(place)
        self.blockdeck = place / ".local/bin/blockdeck"

    def run(self, *command: str | Path) -> str:
        """Run it there, away from the checkout; returns all that was said."""
        program, *words = command
        real = PROGRAMS.get(str(program), program)
        return said(real, *words, seconds=SECONDS, cwd=self.env["HOME"], env=self.env)

    def imports(self, module: str) -> bool:
        """Whether what was installed has this module."""
        python = self.blockdeck.resolve().with_name("python")
        return subprocess.run([python, "-c", f"import {module}"], check=False).returncode == 0


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that a user would be given."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [PROGRAMS["uv"], "build", "--quiet", "--wheel", "--out-dir", folder, CHECKOUT],
        env=environment(folder / "home"),
        check=True,
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("tool", INSTALL)
async def test_the_wheel_is_installed_opens_its_screen_and_goes_again(
    wheel: Path, tool: str, tmp_path: Path, qemu: QemuStarter
) -> None:
    home = Home(tmp_path / "home")
    home.run(*INSTALL[tool], wheel)
    assert home.run(home.blockdeck, "--version") == f"blockdeck {tui.__version__}\n"
    assert home.run("sh", "-c", MANUAL[tool]).endswith("/share/man/man1/blockdeck.1\n")
    vm = await qemu("-name", "packaged", "-blockdev", "null-co,node-name=disk0,read-zeroes=on")
    terminal = Tmux(env=home.env)
    try:
        terminal.run(home.blockdeck, vm.monitor)
        await terminal.sees("packaged", "disk0", "b Back up")
    finally:
        terminal.close()
    home.run(*INSTALL[tool][:-1], "uninstall", "blockdeck")
    assert not home.blockdeck.is_symlink()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("tool", AGAIN)
def test_an_extra_comes_to_what_is_installed_already(tool: str, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.run(*INSTALL[tool], CHECKOUT)
    assert not home.imports("asyncssh")
    home.run(*AGAIN[tool], f"{CHECKOUT}[ssh,serve]")
    assert home.imports("asyncssh")
    assert home.imports("textual_serve")
