"""A look at a target is bounded in time and never piles up."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.qemu import QemuStarter
from tests.worker.disks import null
from tests.worker.watching import worker_of
from tui.backup.target import TargetFacts
from tui.worker import sight
from tui.worker.sight import Sight


@pytest.fixture
def dead_mount(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A file system that answers nothing until the test ends."""
    looks: list[str] = []
    alive = threading.Event()

    def look(path: str, process: object, disks: object) -> TargetFacts:
        looks.append(path)
        alive.wait(20)
        return TargetFacts(path=path)

    monkeypatch.setattr(sight, "look_at_target", look)
    yield looks
    alive.set()


async def test_a_target_is_seen_where_qemu_is_on_this_host(qemu: QemuStarter) -> None:
    vm = await qemu(*null())
    (vm.directory / "taken").write_bytes(b"x" * 512)
    async with worker_of(vm) as worker:
        facts = await worker.look_at(str(vm.directory / "taken"))
        assert facts is not None
        assert (facts.visible, facts.exists, facts.size) == (True, True, 512)
        assert await worker.look_at(7) is None
        assert await worker.look_at("") is None


async def test_a_dead_file_system_costs_a_moment_and_one_thread(dead_mount: list[str]) -> None:
    eye = Sight(patience=0.1)
    seen = await asyncio.gather(*(eye.look(f"/dead/{n}", None, ()) for n in range(5)))
    assert seen == [None] * 5
    assert await eye.look("/dead/6", None, ()) is None
    assert dead_mount == ["/dead/0"]


async def test_a_look_that_fails_fails_for_who_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(path: str, process: object, disks: object) -> TargetFacts:
        raise LookupError(path)

    monkeypatch.setattr(sight, "look_at_target", look)
    with pytest.raises(LookupError):
        await Sight(patience=5).look(str(Path("/x")), None, ())
