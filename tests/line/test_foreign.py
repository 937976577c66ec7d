"""No name from outside commands the real terminal, on whichever screen it is shown."""

import json
from pathlib import Path

import pytest

from tests.line.conftest import LineOpener
from tests.qemu import QemuStarter
from tests.waiting import PATIENCE

pytestmark = pytest.mark.slow

COMMANDS = ("\x1b[77;78r", "\x1b]52;c;b3duZWQ=\x07", "\x9b79q", "\x1bPowned\x1b\\")
PAYLOAD = "[/x]" + "a".join(COMMANDS) + "[bold]"
PASTE = b"\x1b[200~%s\x1b[201~"


async def test_no_foreign_sequence_reaches_the_terminal(
    qemu: QemuStarter, line: LineOpener, tmp_path: Path
) -> None:
    directory = tmp_path / PAYLOAD.replace("/", "|")
    directory.mkdir()
    file = directory / "disk.raw"
    file.write_bytes(bytes(64 << 20))
    image = {"driver": "file", "filename": str(file)}
    node = {"driver": "raw", "node-name": "disk0", "file": image}
    vm = await qemu("-name", f"guest={PAYLOAD}", "-blockdev", json.dumps(node))

    # The directory of the disk is where the target is suggested.
    there = line(vm.monitor, size=(200, 60))
    await there.shows("ready")
    there.press(b"b")
    await there.shows("Ready. F2 starts the backup.")
    there.press(b"\x1bOQ")
    await there.shows("succeeded")
    there.press(b"3")
    await there.shows("following")
    there.press(b"\r")
    await there.shows('"event"')
    there.press(b"qo")
    await there.shows("VMs on this host")
    there.press(PASTE % f"/{PAYLOAD}/monitor".encode() + b"\r")
    await there.shows("There is no")
    there.press(b"\x11")
    assert await there.ended(PATIENCE) == 0

    sent = bytes(there.sent)
    assert b"Traceback" not in sent
    for command in COMMANDS:
        assert command.encode() not in sent, command
        assert command.encode("latin-1") not in sent, command
