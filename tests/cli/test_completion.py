"""What the shells complete: the real ones are asked, where they are installed."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.running import ROOT, blockdeck
from tests.journeys.tmux import Tmux
from tests.qemu import QemuStarter, Vm
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("alone")

COMMANDS = {"backup", "check", "config", "demo", "devices", "discover", "history", "serve"}


async def completed(*words: str) -> set[str]:
    """What bash is told for the last of these words."""
    asked = {
        "_BLOCKDECK_COMPLETE": "bash_complete",
        "COMP_WORDS": shlex.join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = await blockdeck(env=asked)
    assert (done.status, done.err) == (0, "")
    return {line.partition(",")[2] for line in done.out.splitlines() if line.startswith("plain,")}


@pytest.fixture
async def vm(qemu: QemuStarter) -> Vm:
    """A VM to be found."""
    return await qemu("-name", "found")


async def test_the_first_word_is_a_command_or_a_monitor(vm: Vm, own_home: Path) -> None:
    file = own_home / "config" / "blockdeck" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[vms.shop]\nmonitor = '/run/shop.sock'\n")
    offered = await completed("blockdeck", "")
    assert {*COMMANDS, "shop", str(vm.monitor)} <= offered
    assert await completed("blockdeck", "sh") == {"shop"}
    assert await completed("blockdeck", "devices", str(vm.monitor)[:-3]) == {str(vm.monitor)}
    assert {"shop", str(vm.monitor)} <= await completed("blockdeck", "backup", "")


async def test_options_of_the_screen_and_of_commands() -> None:
    assert {"--record", "--read-only", "--no-mouse"} <= await completed("blockdeck", "--")
    behind = await completed("blockdeck", "/run/a.sock", "--")
    assert {"--record", "--read-only"} <= behind
    assert not COMMANDS & await completed("blockdeck", "/run/a.sock", "")
    assert "--go-easy" in await completed("blockdeck", "backup", "m", "--g")
    assert await completed("blockdeck", "check", "m", "--way", "b") == {"blockdev-backup"}


async def test_a_mistake_in_the_settings_is_not_told_into_the_line(own_home: Path) -> None:
    file = own_home / "config" / "blockdeck" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("nonsense = 1\n")
    assert await completed("blockdeck", "dem") == {"demo"}


SHELLS = {
    ("bash", "--norc", "-i"): 'eval "$(_BLOCKDECK_COMPLETE=bash_source blockdeck)"',
    ("zsh", "-f", "-i"): (
        'autoload -Uz compinit; compinit -u; eval "$(_BLOCKDECK_COMPLETE=zsh_source blockdeck)"'
    ),
    ("fish", "--no-config"): "_BLOCKDECK_COMPLETE=fish_source blockdeck | source",
}
"""How each is started, and what is typed into it."""


@pytest.mark.parametrize("shell", SHELLS, ids=lambda words: words[0])
async def test_a_shell_completes_at_its_prompt(
    shell: tuple[str, ...], vm: Vm, tmp_path: Path
) -> None:
    assert shutil.which(shell[0]), f"{shell[0]} is not installed: scripts/setup.sh test"
    script = tmp_path / "bin" / "blockdeck"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tui "$@"\n')
    script.chmod(0o755)
    path = f"{script.parent}:{os.environ['PATH']}"
    terminal = Tmux(200, 24, env={"PATH": path, "PYTHONPATH": str(ROOT)})
    try:
        terminal.run(*shell)
        terminal.type(f"{SHELLS[shell]}; echo made ready\n")
        await until(lambda: "\nmade ready" in terminal.screen)
        terminal.type("blockdeck disc\t")
        await terminal.sees("blockdeck discover")
        terminal.type(" --no-p\t")
        await terminal.sees("--no-probe")
        terminal.press("C-u")
        terminal.type(f"blockdeck devices {str(vm.monitor)[:-6]}\t")
        await terminal.sees(f"blockdeck devices {vm.monitor}")
        terminal.type(" --json\n")
        await terminal.sees('"found"')
    finally:
        terminal.close()
