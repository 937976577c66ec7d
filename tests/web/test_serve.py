"""`blockdeck serve`: what a client of its own sees, and who is not served."""

from pathlib import Path

import aiohttp
import pytest

from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, Vm, qemu_img
from tests.web.serving import serving
from tests.web.viewer import looking

pytestmark = pytest.mark.slow


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A VM with a disk."""
    disk = tmp_path / "disk.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", disk, "64M")
    return await qemu("-name", "shown", "-drive", f"if=none,id=drive0,format=qcow2,file={disk}")


async def test_who_looks_on_sees_the_vm_and_changes_nothing(vm: Vm) -> None:
    async with serving(vm.monitor) as url, looking(url) as viewer:
        await viewer.sees("shown", "drive0", "READ-ONLY")
        await viewer.press("b")
        await viewer.sees("Back up drive0")
        await viewer.press("\x1bOQ")
        await viewer.sees("BlockDeck is read-only")
        assert await vm.qmp("query-jobs") == []


async def test_who_may_write_can_start_a_backup(vm: Vm, tmp_path: Path) -> None:
    target = tmp_path / "backups"
    target.mkdir()
    words = (vm.monitor, "--may-write", "--directory", target)
    async with serving(*words) as url, looking(url) as viewer:
        await viewer.sees("drive0", "ready")
        assert "READ-ONLY" not in viewer.text
        await viewer.press("b")
        await viewer.sees("Ready. F2 starts the backup.")
        await viewer.press("\x1bOQ")
        await viewer.sees("succeeded")
    assert len(list(target.iterdir())) == 1


async def test_the_monitor_is_free_again_when_the_page_is_closed(vm: Vm) -> None:
    async with serving(vm.monitor) as url:
        for _ in range(2):
            async with looking(url) as viewer:
                await viewer.sees("drive0", "connected")
        done = await blockdeck("devices", vm.monitor)
        assert done.status == 0, done.err


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Host": "rebound.example:8000"},
        {"Host": "rebound.example:8000", "Origin": "http://rebound.example:8000"},
    ],
    ids=str,
)
async def test_other_pages_are_refused(vm: Vm, headers: dict[str, str]) -> None:
    async with serving(vm.monitor) as url, aiohttp.ClientSession(headers=headers) as session:
        for path in ("/", "/ws", "/static/js/textual.js"):
            async with session.get(url + path) as answer:
                assert answer.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(f"{url}/ws")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
async def test_the_url_that_it_tells_leads_to_it(vm: Vm, host: str) -> None:
    async with (
        serving(vm.monitor, "--host", host) as url,
        looking(url, headers={"Origin": url}) as viewer,
    ):
        await viewer.sees("drive0")


async def test_who_serves_beyond_this_host_is_told_that_there_is_no_password(vm: Vm) -> None:
    warning = "There is no password: whoever reaches 0.0.0.0 sees the VMs of this host."
    async with serving(vm.monitor, "--host", "0.0.0.0", says=warning) as url:
        # Beyond the loopback its names are not known; pages of another origin are refused, too.
        there = {"Host": "hv1.example", "Origin": "http://hv1.example"}
        async with looking(url, headers=there) as viewer:
            await viewer.sees("drive0")
        async with aiohttp.ClientSession() as session:
            strange = {**there, "Origin": "http://elsewhere.example"}
            async with session.get(url, headers=strange) as answer:
                assert answer.status == 403


async def test_a_page_through_a_tunnel_is_served(vm: Vm) -> None:
    # ssh -L 9000:localhost:8000: the browser names the tunnel's own end.
    names = {"Host": "localhost:9000", "Origin": "http://localhost:9000"}
    async with serving(vm.monitor) as url, looking(url, headers=names) as viewer:
        await viewer.sees("drive0")


async def test_the_page_fetches_nothing_from_elsewhere() -> None:
    async with serving() as url, aiohttp.ClientSession() as session, session.get(url) as answer:
        page = await answer.text()
        assert "://" not in page
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")


async def test_it_listens_on_the_loopback_and_says_what_is_less_safe(vm: Vm) -> None:
    async with serving() as url:
        port = url.rpartition(":")[2]
        done = await blockdeck("serve", "--port", port)
        assert done.status == 1
        assert "address already in use" in done.err
    assert (await blockdeck("serve", "--port", "0")).status == 2
    help_page = await blockdeck("serve", "--help")
    assert "There is no password" in help_page.out
