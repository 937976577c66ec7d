"""Few VMs at a time are connected to, and one that hangs keeps no other out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import pytest

from tests.waiting import until
from tui.fleet import Fleet
from tui.history import History
from tui.qmp.address import UnixAddress
from tui.worker.entrance import Entrance


async def test_as_many_as_there_are_places_are_in_at_once() -> None:
    entrance, inside, most = Entrance(places=3, longest=60), 0, 0

    async def come_in() -> None:
        nonlocal inside, most
        async with entrance.turn():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(come_in() for _ in range(10)))
    assert (inside, most) == (0, 3)


async def test_one_that_fails_or_gives_up_leaves_its_place() -> None:
    entrance = Entrance(places=1, longest=60)
    with pytest.raises(ValueError, match="no"):
        async with entrance.turn():
            raise ValueError("no")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), entrance.turn():
            await asyncio.Event().wait()
    async with asyncio.timeout(20), entrance.turn():
        pass


async def test_a_place_that_is_kept_for_long_is_not_given_back_twice() -> None:
    entrance, first, second = Entrance(places=1, longest=0.05), asyncio.Event(), asyncio.Event()

    async def stay(there: asyncio.Event) -> None:
        async with entrance.turn():
            there.set()
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(stay(there)) for there in (first, second)]
    # The second comes in though the first never leaves.
    await asyncio.wait_for(second.wait(), 20)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with entrance.turn():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), entrance.turn():
                pass


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    """Opens VMs, and lets go of them at the end."""
    fleet = Fleet(History(tmp_path / "history.jsonl"), lambda: None, lambda *_: None)
    yield fleet
    await fleet.close_all()


@contextlib.asynccontextmanager
async def monitors(directory: Path, *, hang: bool) -> AsyncIterator[tuple[list[Path], set[str]]]:
    """Twelve sockets that never greet, or hang up at once; and which were connected to."""
    paths, came = [directory / f"{number}.sock" for number in range(12)], set()

    def server(path: Path) -> Awaitable[asyncio.Server]:
        async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            came.add(path.name)
            if hang:
                await reader.read()
            writer.close()

        return asyncio.start_unix_server(meet, path)

    async with contextlib.AsyncExitStack() as owner:
        for path in paths:
            await owner.enter_async_context(await server(path))
        yield paths, came


async def test_monitors_that_never_greet_keep_no_others_waiting(fleet: Fleet, place: Path) -> None:
    async with monitors(place, hang=True) as (paths, came):
        for path in paths:
            await fleet.open(UnixAddress(path=path))
        await until(lambda: len(came) == len(paths))
        await fleet.close_all()


class Watched(Entrance):
    """Counts those that are in at once."""

    inside = most = 0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with super().turn():
            self.inside += 1
            self.most = max(self.most, self.inside)
            try:
                yield
            finally:
                self.inside -= 1


async def test_vms_that_are_open_together_take_turns(fleet: Fleet, place: Path) -> None:
    fleet._entrance = entrance = Watched(places=2, longest=60)
    async with monitors(place, hang=False) as (paths, came):
        for path in paths:
            await fleet.open(UnixAddress(path=path))
        await until(lambda: len(came) == len(paths))
        await fleet.close_all()
    assert entrance.most == 2
