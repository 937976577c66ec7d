"""Chains of a guest that is frozen by its agent, from the screen."""

from pathlib import Path

import pytest
from textual.widgets import Input

from tests.agent.fake import FREEZE, STATUS, THAW, FakeAgent, fake_agent
from tests.faults.scene import graph
from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until
from tests.worker.disks import drive, pattern
from tests.worker.test_freezing import with_agent_port
from tui.chain.directory import chains_in
from tui.config import Settings


def frozen(directory: Path) -> list[bool]:
    """Of each complete point of the one chain, whether the guest was frozen for it."""
    kept, _ = chains_in(directory)
    points = [point for one in kept for point in one.chain.points if point.complete]
    return [point.frozen_seconds is not None for point in points]


@pytest.fixture
async def vm(qemu: QemuStarter, tmp_path: Path) -> Vm:
    """A running VM, whose QEMU tells of no agent."""
    return await running(qemu, tmp_path)


@pytest.fixture
def port(tmp_path: Path) -> Path:
    """Where the agent of `ported` is looked for; nothing is there yet."""
    return tmp_path / "port.sock"


@pytest.fixture
async def ported(qemu: QemuStarter, tmp_path: Path, port: Path) -> Vm:
    """A running VM with a port for an agent."""
    vm = await running(qemu, tmp_path, *with_agent_port(port))
    # The port is empty, for there is no guest: who looks for the agent there finds ours.
    port.unlink()
    return vm


async def running(qemu: QemuStarter, directory: Path, *more: str) -> Vm:
    """A running VM with a disk."""
    vm = await qemu(*more, *drive(pattern(directory / "d.raw")))
    await vm.qmp("cont")
    return vm


async def start_frozen(deck: Deck) -> None:
    """Start a chain, and have the guest frozen for it."""
    await deck.sees("d0", "ready")
    await deck.press("5", "s")
    await deck.sees("Start a chain", "Freeze the guest")
    await deck.press("tab", "tab", "space", "f2")


async def test_frozen_where_it_is_chosen_then_for_the_next_and_without_after_a_question(
    ported: Vm, port: Path, open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with open_deck(ported) as deck:
        async with fake_agent(tmp_path) as agent:
            port.symlink_to(agent.path)
            await deck.sees("d0", "ready")
            await deck.press("5", "s")
            await deck.sees("Start a chain", "[x] d0", "[ ] Freeze the guest")
            # Without colour, too, one sees what is ticked.
            await deck.press("space")
            await deck.sees("[ ] d0")
            await deck.press("space", "tab", "tab", "space")
            await deck.sees("[x] d0", "[x] Freeze the guest")
            await deck.press("f2")
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


async def test_an_agent_that_is_not_found_is_typed_and_found_again_for_the_next_point(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with fake_agent(tmp_path) as agent, open_deck(vm) as deck:
        await deck.sees("d0", "ready")
        await deck.press("5", "s")
        await deck.sees("[ ] Freeze the guest by its agent at", "the path of its socket")
        await deck.press("tab", "tab", "space")
        await deck.sees("[x] Freeze the guest by its agent at")
        await deck.sees("Where is the guest's agent?")
        await deck.press("f2")
        await deck.sees("Start a chain")
        await deck.press("tab")
        await deck.paste(str(agent.path))
        await deck.sees_no_more("Where is the guest's agent?")
        await deck.press("f2")
        await until(lambda: frozen(open_deck.backups) == [True])
        await deck.sees("1 point")
        await deck.press("n")
        await until(lambda: frozen(open_deck.backups) == [True, True])


async def test_the_agent_of_the_settings_is_there_already(
    vm: Vm, open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with fake_agent(tmp_path) as agent:
        named = {"web": {"monitor": str(vm.monitor), "agent": str(agent.path)}}
        async with open_deck(vm, settings=Settings.model_validate({"vms": named})) as deck:
            await deck.sees("d0", "ready")
            await deck.press("5", "s")
            await deck.sees("Start a chain", "Freeze the guest")
            typed = deck.app.screen.query_one("#chain-agent", Input)
            assert typed.value == str(agent.path)
            await deck.press("tab", "tab", "space", "f2")
            await until(lambda: frozen(open_deck.backups) == [True])


async def slowly_frozen(deck: Deck, agent: FakeAgent, port: Path) -> None:
    """Start a chain of a guest whose agent takes its time to freeze it, up to there."""
    agent.takes[FREEZE] = 3
    port.symlink_to(agent.path)
    await start_frozen(deck)
    await until(lambda: FREEZE in agent.begun)


async def test_who_quits_during_the_freeze_leaves_nothing_behind(
    ported: Vm, port: Path, open_deck: DeckOpener, tmp_path: Path
) -> None:
    before = await graph(ported)
    async with fake_agent(tmp_path) as agent:
        async with open_deck(ported) as deck:
            await slowly_frozen(deck, agent, port)
            await deck.press("q")
        assert not agent.frozen
        assert agent.calls[-2:] == [THAW, STATUS]
    assert list(open_deck.backups.iterdir()) == []
    assert await graph(ported) == before
    assert await ported.qmp("query-jobs") == []


async def test_a_point_that_is_being_begun_is_not_taken_for_one_that_was_left(
    ported: Vm, port: Path, open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with fake_agent(tmp_path) as agent, open_deck(ported) as deck:
        await slowly_frozen(deck, agent, port)
        # It looks at the directory, in which the point is not complete.
        await deck.press("d", "enter")
        await deck.sees("1 point")
        assert FREEZE not in agent.calls
        await until(lambda: frozen(open_deck.backups) == [True])
        assert not [told for told in deck.toasts if "did not come to be" in told]


async def test_a_freeze_that_lapses_is_told_and_the_point_goes_on_without_a_question(
    ported: Vm, port: Path, open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with fake_agent(tmp_path) as agent, open_deck(ported) as deck:
        # As the agent of Windows does by itself.
        agent.thaws_by_itself = True
        port.symlink_to(agent.path)
        await start_frozen(deck)
        await deck.is_told("thawed early, and not by us", "The backup goes on")
        await until(lambda: frozen(open_deck.backups) == [False])
        assert "Go on without freezing" not in deck.screen


async def test_a_guest_that_may_still_be_frozen_is_told_and_its_point_goes_on(
    ported: Vm, port: Path, open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with fake_agent(tmp_path) as agent, open_deck(ported) as deck:
        agent.hangs_up_at = THAW
        port.symlink_to(agent.path)
        await start_frozen(deck)
        await deck.is_told("THE GUEST MAY STILL BE FROZEN", "The backup goes on")
        await until(lambda: frozen(open_deck.backups) == [False])
        assert "Go on without freezing" not in deck.screen
        # The watchdog has it on a line of its own.
        await until(lambda: not agent.frozen)
