"""What the operator sees of a transport: what to compare, and what to do."""

from pathlib import Path

import pytest

from tests.qemu import QemuStarter
from tests.transports.over_ssh import address_of, know, ssh_server
from tests.transports.test_ssh import fingerprint_of
from tests.ui.conftest import DeckOpener
from tests.waiting import until
from tests.worker.disks import null
from tui.screens.devices import DevicesScreen


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_unknown_host_shows_its_whole_fingerprint(
    qemu: QemuStarter, tmp_path: Path, size: tuple[int, int]
) -> None:
    vm = await qemu(*null())
    with ssh_server() as sshd:
        home = know(sshd, trusted=False)
        known = know(sshd) / "known_hosts"
        trusted = known.read_text()
        known.write_text("")
        fingerprint = fingerprint_of(sshd.there / "host_key.pub")
        async with DeckOpener(tmp_path)(size=size) as deck:
            await deck.fill_in(str(address_of(sshd, vm.monitor)))
            await deck.press("enter")
            await deck.sees("is not among your known hosts", fingerprint, "ssh-keygen -lf")
            # It may go on in the next line.
            accept = f"ssh -p {sshd.port} 127.0.0.1 true"
            await until(lambda: accept in " ".join(deck.screen.split()))
            # Once the operator has accepted it, the same line works.
            (home / "known_hosts").write_text(trusted)
            await deck.press("enter")
            await until(lambda: isinstance(deck.app.screen, DevicesScreen))
            await deck.sees("connected", "d0")
            assert [row["Device"] for row in deck.rows] == ["d0"]
