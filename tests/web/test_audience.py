"""`blockdeck serve` with more than one browser: one screen, the keys with one of them."""

import aiohttp
import psutil
import pytest

from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, Vm
from tests.waiting import until_answered
from tests.web.serving import serving
from tests.web.viewer import looking
from tui.terminal import BROWSER_DRIVER
from tui.web.server import MOST_AT_ONCE

pytestmark = pytest.mark.slow


@pytest.fixture
async def vm(qemu: QemuStarter) -> Vm:
    """A VM with a disk."""
    return await qemu("-name", "shown", "-blockdev", "null-co,node-name=disk0,size=67108864")


async def test_later_ones_look_on_and_their_keys_do_nothing(vm: Vm) -> None:
    async with serving(vm.monitor) as url, looking(url) as first:
        await first.sees("disk0", "READ-ONLY")
        await first.press("?")
        await first.sees("Everywhere")
        async with looking(url) as second:
            # All of what is on the screen, though it was drawn before they came.
            await second.is_told("onlooker")
            await second.sees("shown", "Everywhere")
            await second.press("q")
            await second.says("nothing", "known")
            await second.says("ping", "1")
            await second.is_told("pong", "1")
            await first.press("?")
            await first.press("4")
            await first.sees("No backup has ended yet")
            await second.sees("No backup has ended yet")
        assert ["onlooker"] not in first.told


async def test_the_keys_go_to_who_comes_next_and_not_to_who_looked_on(vm: Vm) -> None:
    async with serving(vm.monitor) as url:
        async with looking(url) as first:
            await first.sees("disk0", "connected")
            async with looking(url) as onlooker:
                await onlooker.sees("disk0")
                await first.leaves()
                await onlooker.press("q")
                async with looking(url) as next_one:
                    await next_one.sees("disk0", "connected")
                    await next_one.press("?")
                    await onlooker.sees("Everywhere")
                    assert next_one.told == []
                    await next_one.press("?")
                    await next_one.press("q")
                    # The screen is left for all.
                    await next_one.ends()
                    await onlooker.ends()
        async with looking(url) as another:
            await another.sees("disk0", "connected")
            assert another.told == []
        done = await blockdeck("devices", vm.monitor)
        assert done.status == 0, done.err


async def test_the_screen_is_as_large_as_every_window_has_room_for(vm: Vm) -> None:
    async with serving(vm.monitor) as url, looking(url, (120, 40)) as first:
        await first.sees("disk0", "connected")
        await first.draws(120, 40)
        async with looking(url, (100, 50)) as second:
            await second.draws(100, 40)
            await first.draws(100, 40)
            # A telephone would make it unusable for all others.
            await second.says("resize", {"width": 40, "height": 10})
            await first.draws(80, 24)
            # Hidden windows have no size.
            await second.says("resize", {"width": None, "height": None})
        await first.draws(120, 40)


async def test_so_many_look_on_and_no_more(vm: Vm) -> None:
    async with serving(vm.monitor) as url, looking(url) as first:
        await first.sees("disk0")
        async with aiohttp.ClientSession() as session:
            others = [await session.ws_connect(f"{url}/ws") for _ in range(MOST_AT_ONCE - 1)]
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await session.ws_connect(f"{url}/ws")
            await others[0].close()

            async def is_served() -> bool:
                try:
                    await (await session.ws_connect(f"{url}/ws")).close()
                except aiohttp.WSServerHandshakeError:
                    return False
                return True

            await until_answered(is_served)


async def test_the_demo_is_shown_and_ends_with_the_serving() -> None:
    async with serving("--demo", "--may-write") as url:
        async with looking(url) as first, looking(url) as second:
            await first.sees("scratch", "connected")
            await second.sees("scratch", "connected")
            await first.press("\x10")
            await first.sees("Search for commands")
            await first.press("kill qemu")
            await second.sees("Fault: kill QEMU")
            (demo,) = _children_of_serving()
        # The VM stays while nobody looks.
        async with looking(url) as again:
            await again.sees("scratch", "connected")
        assert _children_of_serving() == [demo]
    assert not demo.is_running()


async def test_the_demo_takes_no_other_vm(vm: Vm) -> None:
    done = await blockdeck("serve", vm.monitor, "--demo")
    assert done.status == 2
    assert "--demo has a VM and a directory of its own" in done.err
    strange = await blockdeck("demo", "--at", "{}", env={"TEXTUAL_DRIVER": BROWSER_DRIVER})
    assert strange.status == 1
    assert "blockdeck demo --headless" in strange.err


async def test_a_screen_that_is_killed_ends_the_session_for_all(vm: Vm) -> None:
    async with serving(vm.monitor) as url, looking(url) as first, looking(url) as second:
        await first.sees("disk0", "connected")
        words = {"--read-only", str(vm.monitor)}
        (screen,) = (one for one in psutil.process_iter() if words <= set(_words(one)))
        screen.kill()
        await first.ends()
        await second.ends()
        async with looking(url) as another:
            await another.sees("disk0", "connected")


def _children_of_serving() -> list[psutil.Process]:
    """The demos that a `serve` of this test has started."""
    ours = psutil.Process().children(recursive=True)
    return [one for one in ours if "tui.demo" in _words(one)]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
