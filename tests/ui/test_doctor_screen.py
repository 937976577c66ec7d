"""The leftovers: listed, explained, and cleaned up by keys, after a question."""

import pytest

from tests.qemu import QemuStarter, Vm
from tests.ui.conftest import DeckOpener
from tests.ui.deck import Deck
from tests.waiting import until, until_answered
from tests.worker.disks import null
from tests.worker.test_blockdev import in_state, nodes
from tests.worker.test_doctor import LONE, add_target, back_up
from tui.config import Settings
from tui.screens.confirm import Confirm
from tui.screens.doctor import DoctorScreen

MIB = 1 << 20
SIZES = [(80, 24), (160, 50)]


async def left_behind(qemu: QemuStarter) -> Vm:
    """A VM with a job that nobody dismissed, and the two nodes of its target."""
    vm = await qemu(*null(4 * MIB))
    await add_target(vm)
    await back_up(vm)
    await until_answered(in_state(vm, "concluded"))
    return vm


async def open_leftovers(deck: Deck, *names: str) -> None:
    """Open the screen and wait until these are listed."""
    await deck.press("L")
    await until(lambda: isinstance(deck.app.screen, DoctorScreen))
    await until(lambda: deck.column("Name") == list(names))


async def test_nothing_left_over_says_so(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    async with open_deck(await qemu(*null())) as deck:
        await deck.sees("d0")
        await open_leftovers(deck)
        await deck.sees("Nothing is left over", "Esc Back")
        await deck.press("escape")
        await deck.sees_no_more("Nothing is left over")


async def test_of_a_vm_without_a_disk_it_is_known_who_uses_its_nodes(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    async with open_deck(await qemu()) as deck:
        await deck.press("L")
        await deck.sees("Nothing is left over: every job, node, filter and bitmap has its owner.")


@pytest.mark.parametrize("key", ["K", "f9", "d"])
async def test_where_nothing_is_left_over_the_keys_say_so_whichever_they_are(
    qemu: QemuStarter, open_deck: DeckOpener, key: str
) -> None:
    settings = Settings(keys={"leftovers": {"clean_all": key, "clean": "Z"}})
    async with open_deck(await qemu(*null()), settings=settings) as deck:
        await deck.sees("d0")
        await open_leftovers(deck)
        await deck.press(key)
        await deck.is_told("there is nothing that can go")
        await deck.press("Z")
        await deck.is_told("nothing is left over")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_each_is_explained_and_cleaned_up_after_a_question(
    qemu: QemuStarter, open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    vm = await left_behind(qemu)
    async with open_deck(vm, size) as deck:
        await open_leftovers(deck, "theirs", "t", "t-f")
        await deck.sees("A backup job that has ended", "lost", "d Clean up", "A All")
        # Beside the table its sentences take two lines.
        for words in ("nobody has dismissed it", "Another client made it, and may count on it."):
            assert words in deck.line("leftover-text")
        # The node below another has to wait, and says for what.
        await deck.press("end")
        await deck.sees("not now", "has to go first")
        for key in ("d", "enter"):
            deck.app.clear_notifications()
            await until(lambda: not deck.toasts)
            await deck.press(key)
            await deck.is_told("has to go first")
        await deck.press("home", "d")
        await deck.sees("Clean up theirs?", "QEMU forgets the job", "Another client made it")
        await deck.sees("only just now")
        # Enter alone leaves it.
        await deck.press("enter")
        await until(lambda: isinstance(deck.app.screen, DoctorScreen))
        assert await vm.qmp("query-jobs")
        await deck.press("d")
        await until(lambda: isinstance(deck.app.screen, Confirm))
        await deck.press("y")
        await deck.sees("1 of 1: theirs cleaned up")
        await until(lambda: deck.column("Name") == ["t", "t-f"])
    assert await vm.qmp("query-jobs") == []
    assert {"t", "t-f"} <= set(await nodes(vm))


async def test_all_are_cleaned_up_one_after_the_other(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await left_behind(qemu)
    async with open_deck(vm) as deck:
        await open_leftovers(deck, "theirs", "t", "t-f")
        await deck.press("A")
        await deck.sees("Clean up all 3 leftovers?", "theirs, t, t-f", "made 3 of them")
        await deck.press("y")
        await deck.sees("3 of 3: t-f cleaned up", "Nothing is left over")
    assert await vm.qmp("query-jobs") == []
    assert [name for name in await nodes(vm) if name.startswith("t")] == []


async def test_what_takes_a_decision_of_its_own_does_not_go_along(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*LONE)
    await vm.qmp("blockdev-add", driver="null-co", node_name="later")
    async with open_deck(vm, (160, 50)) as deck:
        await open_leftovers(deck, "later", "lone")
        await deck.press("end")
        await deck.sees("given when QEMU was started", "A leaves it out.")
        await deck.press("A")
        await deck.sees("Clean up later?")
        await deck.press("y")
        await deck.sees("1 of 1: later cleaned up")
        await deck.press("A")
        await deck.is_told("nothing that can go without a thought of its own")
    assert await nodes(vm) == ["lone"]


async def test_the_first_failure_stops_the_rest(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    vm = await left_behind(qemu)
    async with open_deck(vm) as deck:
        await open_leftovers(deck, "theirs", "t", "t-f")
        await deck.press("A")
        await deck.sees("Clean up all 3 leftovers?")
        # Meanwhile its target is used again.
        await vm.qmp("job-dismiss", id="theirs")
        await vm.qmp("query-jobs")
        await back_up(vm, job_id="again", speed=64 << 10)
        await deck.press("y")
        await deck.sees("NOT DONE: t (1 not tried): it is in use now, so nothing was done")
    assert [job["id"] for job in await vm.qmp("query-jobs")] == ["again"]
    assert {"t", "t-f"} <= set(await nodes(vm))


async def test_read_only_explains_and_cleans_nothing(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*LONE)
    async with open_deck(vm, read_only=True) as deck:
        await open_leftovers(deck, "lone")
        await deck.sees("No device, job, export or other node uses it.")
        for key in ("d", "A"):
            await deck.press(key)
        await until(lambda: len(deck.toasts) == 2)
        assert all("BlockDeck is read-only" in toast for toast in deck.toasts)
    assert "lone" in await nodes(vm)
