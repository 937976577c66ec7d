"""Chains of a guest that is frozen by its agent, from the screen."""

from pathlib import Path

from tests.agent.fake import fake_agent
from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.waiting import until
from tests.worker.disks import drive, pattern
from tests.worker.test_freezing import with_agent_port
from tui.chain.directory import chains_in


def frozen(directory: Path) -> list[bool]:
    """Of each complete point of the one chain, whether the guest was frozen for it."""
    kept, _ = chains_in(directory)
    points = [point for one in kept for point in one.chain.points if point.complete]
    return [point.frozen_seconds is not None for point in points]


async def test_frozen_where_it_is_chosen_then_for_the_next_and_without_after_a_question(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    port = tmp_path / "port.sock"
    vm = await qemu(*with_agent_port(port), *drive(pattern(tmp_path / "d.raw")))
    await vm.qmp("cont")
    # The port is empty, for there is no guest: who looks for the agent there finds ours.
    port.unlink()
    async with open_deck(vm) as deck:
        async with fake_agent(tmp_path) as agent:
            port.symlink_to(agent.path)
            await deck.sees("d0", "ready")
            await deck.press("5", "s")
            await deck.sees("Start a chain", "Freeze the guest")
            await deck.press("tab", "space", "f2")
            await deck.sees("complete")
            await until(lambda: frozen(open_deck.backups) == [True])
            await deck.sees("1 point")
            await deck.press("n")
            await deck.sees("2 points", "2  20")
            await until(lambda: frozen(open_deck.backups) == [True, True])
            assert not agent.frozen
        # Nobody answers any more: at 3 a.m. an increment is better than none.
        await deck.press("n")
        await deck.sees("Go on without freezing the guest?", "Without freezing")
        await deck.press("escape")
        await deck.sees_no_more("Go on without freezing")
        assert frozen(open_deck.backups) == [True, True]
        await deck.press("n")
        await deck.sees("Go on without freezing the guest?")
        await deck.press("y")
        await until(lambda: frozen(open_deck.backups) == [True, True, False])


async def test_without_an_agent_it_is_not_offered(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*drive(pattern(tmp_path / "d.raw")))
    async with open_deck(vm) as deck:
        await deck.sees("d0", "ready")
        await deck.press("5", "s")
        assert "Freeze" not in await deck.sees("Start a chain", "d0")
