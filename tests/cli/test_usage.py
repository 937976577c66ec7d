"""What can be said before any monitor is asked, and the status it is said with."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import ROOT, blockdeck
from tests.qemu import QemuStarter
from tui import __version__
from tui.cli.commands import commands
from tui.cli.front import COMMANDS


async def test_the_version() -> None:
    done = await blockdeck("--version")
    assert (done.status, done.out) == (0, f"blockdeck {__version__}\n")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["/run/vm.sock", "--help"]])
async def test_the_help_shows_both_ways_and_examples(words: list[str]) -> None:
    done = await blockdeck(*words)
    assert done.status == 0
    assert "blockdeck [SOCKET | HOST:PORT | URL | NAME] [OPTIONS]" in done.out
    assert "--no-mouse" in done.out
    assert "blockdeck devices /run/vm/qmp.sock" in done.out
    assert "Run a drive-backup and watch it to its end." in done.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nonsense"], "--nonsense"),
        (["devices"], "MONITOR"),
        (["devices", "localhost:99999"], "between 1 and 65535"),
        (["check", "vm.sock", "drive0"], "'drive0' is not of the form ARG=VALUE"),
        (["check", "vm.sock", "=x"], "ARG=VALUE"),
        (["check", "vm.sock", "speed=1", "speed=2"], "'speed' is given twice"),
        (["check", "vm.sock", "--batch", "speed=1"], "standard input alone"),
        (["", "--no-mouse"], "Enter the path of a QMP socket or HOST:PORT."),
    ],
)
async def test_a_word_that_makes_no_sense_is_usage(words: list[str], said: str) -> None:
    done = await blockdeck(*words)
    assert done.status == 2
    assert done.err.startswith("blockdeck: ")
    assert said in done.err
    assert "--help" in done.err.splitlines()[-1]


@pytest.mark.parametrize("words", [[], ["vm.sock"], ["demo"], ["./demo"], ["--", "demo"]])
async def test_without_a_terminal_the_screenless_commands_are_named(words: list[str]) -> None:
    done = await blockdeck(*words)
    assert (done.status, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "blockdeck devices, jobs, check or backup" in done.err


async def test_a_monitor_that_is_not_there(tmp_path: Path) -> None:
    done = await blockdeck("devices", tmp_path / "vm\x1b[31m.sock")
    assert (done.status, done.out) == (3, "")
    assert "\\x1b[31m" in done.err
    assert done.err.startswith("blockdeck: ")
    assert done.err.count("\n") == 2


async def test_a_monitor_that_another_client_holds(qemu: QemuStarter) -> None:
    vm = await qemu()
    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(vm.monitor))
        assert other.recv(1)
        done = await blockdeck("jobs", vm.monitor)
    assert done.status == 3
    assert done.err.startswith("blockdeck: ")


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["devices", "no-such.sock"]])
def test_the_screenless_commands_never_import_textual(words: list[str]) -> None:
    program = (
        "import sys; sys.argv[1:] = sys.argv[1:]; from tui.cli import main; main(); "
        "sys.exit('textual' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_the_words_that_are_commands_are_known_without_importing_them() -> None:
    assert commands.commands.keys() == COMMANDS
