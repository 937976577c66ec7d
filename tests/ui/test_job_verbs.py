"""What an operator does to a job by keys."""

from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.ui.deck import WIDE, Deck
from tests.ui.test_jobs_screen import DISK, job_is_running, start_foreign
from tests.waiting import until, until_answered
from tui.screens.jobs import JobsScreen
from tui.screens.verb_menu import VerbMenu

NARROW = (80, 24)
MIB = 1 << 20


def dimmed(deck: Deck) -> set[str]:
    """The keys that the foot shows, but dimmed."""
    bindings = deck.app.screen.active_bindings.values()
    return {one.binding.key for one in bindings if not one.enabled and one.binding.show}


async def test_a_job_is_paused_and_goes_on(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        await deck.press("p")
        await until(lambda: deck.rows[0]["State"] == "paused")
        (job,) = await vm.qmp("query-block-jobs")
        assert job["paused"]
        await deck.press("p")
        await until(lambda: deck.rows[0]["State"] == "running")
        (job,) = await vm.qmp("query-block-jobs")
        assert not job["paused"]


async def test_a_speed_is_typed_and_read_back(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, WIDE) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        await deck.press("s")
        await deck.sees("Speed limit of nightly", "Now: 64.0 KiB/s", "No limit")
        await deck.fill_in("fast")
        await deck.press("enter")
        await deck.sees("'fast' is no size.")
        await deck.fill_in("1M")
        await deck.sees("= 1.0 MiB/s, 1,048,576 bytes a second")
        await deck.sees_no_more("is no size")
        await deck.press("enter")
        await until(lambda: deck.rows[0]["Limit"] == "1.0 MiB/s")
        await deck.sees("limit 1.0 MiB/s as asked")
    (job,) = await vm.qmp("query-block-jobs")
    assert job["speed"] == MIB


async def test_a_preset_is_chosen(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, NARROW) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        await deck.press("s")
        await deck.sees("Speed limit of nightly")
        await deck.press("down", "end", "enter")
        await until(lambda: deck.vm.jobs[0].speed == MIB)


async def test_what_cannot_be_done_is_dimmed_and_says_why(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        assert not {"p", "s", "c"} & dimmed(deck)
        await deck.press("a")
        await deck.sees("nightly (running)", "Finalize", "no: only while it is pending")
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, JobsScreen))
        await vm.qmp("block-job-cancel", device="nightly")
        await until(lambda: deck.rows[0]["State"] == "cancelled")
        await until(lambda: {"p", "s", "c"} <= dimmed(deck))
        await deck.press("p")
        await deck.is_told("Pause nightly: the job is over")
        await deck.press("c")
        await deck.is_told("Cancel nightly: the job is over")


async def test_a_job_that_waits_is_finalized(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, NARROW) as deck:
        await deck.sees("disk0")
        await start_foreign(
            vm, open_deck, "nightly", speed=0, **{"auto-finalize": False, "auto-dismiss": False}
        )
        await deck.press("2")
        await until(lambda: deck.rows and deck.rows[0]["State"] == "pending")
        await deck.press("a")
        menu = await until(lambda: isinstance(deck.app.screen, VerbMenu))
        assert menu
        await deck.sees("let the job end")
        # Pause and the like are passed over: Cancel, then Finalize.
        await deck.press("home", "down", "enter")
        await deck.sees("Finalize nightly?", "Another client started it")
        await deck.press("y")
        await until(lambda: deck.rows[0]["State"] == "succeeded")
        await deck.press("a")
        await deck.sees("QEMU forgets the job")
        await deck.press("home", "enter")
        await deck.sees("Dismiss nightly?", "QEMU forgets how it ended.")
        await deck.press("y")

        async def gone() -> bool:
            return not await vm.qmp("query-jobs")

        await until_answered(gone)


async def test_a_page_tells_all_about_a_job(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    vm = await qemu(*DISK)
    async with open_deck(vm, (120, 50)) as deck:
        await deck.sees("disk0")
        await start_foreign(vm, open_deck, "nightly")
        await job_is_running(deck)
        await deck.press("enter")
        await deck.sees("Timeline", "job created", "job is copying", "Not known: it was not")
        await until(lambda: deck.vm.jobs[0].rates)
        await deck.sees("Rate over", "0 B/s")
        await deck.sees("settings   auto-finalize yes, auto-dismiss yes")
        await deck.press("p")
        await deck.sees("state      paused")
        await deck.press("y")
        await deck.is_told("The command is not known")
        await deck.press("escape")
        await until(lambda: isinstance(deck.app.screen, JobsScreen))
