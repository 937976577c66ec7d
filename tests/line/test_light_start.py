"""The disks are on the screen before anything is imported that they do not need.

What it takes until then is measured by `python -m tests.bench start`; this holds without a clock.
"""

from pathlib import Path

from tests.line.conftest import LineOpener
from tests.qemu import Vm
from tests.waiting import until
from tui.ahead import STEPS

WITNESS = """
import os, sys
to = os.open(os.environ["IMPORTS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
class Witness:
    def find_spec(name, path=None, target=None):
        os.write(to, f"{name}\\n".encode())
sys.meta_path.insert(0, Witness)
"""
"""Python runs it before anything else, and asks it first where each module is."""

NEEDED = {"pydantic", "qemu.qmp", "textual.app", "tui.app", "tui.screens.devices", "tui.worker"}

LATER = (
    *("asyncssh", "dotenv", "libvirt", "markdown_it", "pydantic_settings", "pygments"),
    *("textual_serve", "tomllib", "tree_sitter"),
    *("tui.cast", "tui.cli.commands", "tui.config.lines"),
    *("tui.agent", "tui.chain", "tui.demo", "tui.discovery", "tui.images", "tui.tour", "tui.web"),
    *("tui.backup.draft", "tui.backup.judge", "tui.backup.plan", "tui.backup.rules"),
    *("tui.screens.backup", "tui.screens.chains", "tui.screens.connect", "tui.screens.jobs"),
    *("tui.screens.bitmaps", "tui.screens.doctor", "tui.screens.events", "tui.screens.help"),
    *("tui.screens.fleet", "tui.screens.history", "tui.screens.rescue"),
    *("tui.vm.bitmap_acts", "tui.vm.leftover", "tui.vm.leftovers"),
    *("tui.worker.bitmaps", "tui.worker.chains", "tui.worker.doctor", "tui.worker.freezing"),
    *("tui.worker.rescue", "tui.worker.serving", "tui.worker.starting"),
)
"""What is imported when it is used; a package stands for all of its modules."""


async def test_what_the_disks_do_not_need_is_imported_later(
    vm: Vm, line: LineOpener, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITNESS)
    imports = tmp_path / "imports"
    there = line(vm.monitor, env={"PYTHONPATH": str(tmp_path), "IMPORTS": str(imports)})
    await until(lambda: b"drive0" in there.sent)
    imported = set(imports.read_text().splitlines())
    assert imported >= NEEDED
    early = {name for name in imported if any(f"{name}.".startswith(f"{m}.") for m in LATER)}
    assert early == set()


async def test_what_the_next_keys_need_is_imported_before_they_are_pressed(
    vm: Vm, line: LineOpener, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITNESS)
    imports = tmp_path / "imports"
    line(vm.monitor, env={"PYTHONPATH": str(tmp_path), "IMPORTS": str(imports)})
    await until(lambda: imports.exists() and set(STEPS) <= set(imports.read_text().splitlines()))
