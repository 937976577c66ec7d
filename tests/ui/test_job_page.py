"""A job's page: what it was set up as, and how fast it was, drawn as it is."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from textual.renderables.sparkline import Sparkline

from tests.qemu import QemuStarter
from tests.ui.conftest import DeckOpener
from tests.waiting import until
from tests.worker.disks import MIB, null
from tui.backup.arguments import Json
from tui.screens.job_page import from_zero
from tui.vm.job import Job
from tui.widgets.job_settings import settings_line


def drawn(*rates: float) -> str:
    """The plot of these rates, a column each, eight steps high."""
    console = Console(file=io.StringIO(), width=len(rates), color_system=None)
    console.print(Sparkline(rates, width=len(rates), summary_function=from_zero(rates)), end="")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("rates", "bars"),
    [
        ((50.0, 100.0), "▄█"),
        ((100.0, 99.0, 100.0), "█▇█"),
        ((100.0, 100.0), "██"),
        ((0.0, 100.0), "▁█"),
        ((0.0, 0.0), "▁▁"),
    ],
)
def test_a_bar_is_as_high_as_its_rate(rates: tuple[float, ...], bars: str) -> None:
    assert drawn(*rates) == bars


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=str)
async def test_each_look_at_the_rate_is_one_cell_beside_the_scale(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    vm = await qemu(*null(64 * MIB))
    async with open_deck(vm, size) as deck:
        await deck.sees("d0")
        target = {"target": str(tmp_path / "t.qcow2"), "format": "qcow2", "sync": "full"}
        await vm.qmp("drive-backup", target, job_id="j", device="d0", speed=MIB)
        await deck.press("2")
        await until(lambda: deck.rows)
        await deck.press("i")
        await until(lambda: len(deck.vm.live_jobs[0].rates) >= 3 and any(deck.vm.jobs[0].rates))
        await deck.settle()
        plot = deck.app.screen.query_one("#job-page-rates")
        await until(lambda: plot.size.width == len(deck.vm.live_jobs[0].rates))
        assert plot.region.x < 20
        await deck.sees("0 B/s")


async def test_the_settings_of_our_own_job_are_told(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    vm = await qemu(*null(64 * MIB))
    async with open_deck(vm, (120, 40)) as deck:
        await deck.sees("d0")
        worker = deck.app.worker
        assert worker is not None
        arguments: dict[str, Json] = {
            "job-id": "blockdeck-j",
            "device": "d0",
            "target": str(tmp_path / "t.qcow2"),
            "format": "qcow2",
            "sync": "full",
            "speed": 1,
            "auto-dismiss": False,
            "on-target-error": "enospc",
        }
        await worker.start(arguments)
        await deck.press("2")
        await until(lambda: deck.rows)
        await deck.press("i")
        await deck.sees(
            "settings   sync full, on-source-error report, on-target-error enospc",
            "auto-finalize yes, auto-dismiss no",
        )
        facts, events = (deck.app.screen.query_one(f"#job-page-{n}") for n in ("text", "timeline"))
        assert (events.region.x, events.region.y > facts.region.bottom) == (facts.region.x, True)
        await deck.resize(200, 50)
        await until(lambda: events.region.x == facts.region.x + 99)
        assert abs(events.region.y - facts.region.y) <= 1


def test_of_a_transaction_the_settings_of_the_job_are_told() -> None:
    actions = [
        {"type": "blockdev-backup", "data": {"job-id": "a", "sync": "full"}},
        {"type": "blockdev-backup", "data": {"job-id": "b", "sync": "bitmap", "bitmap": "x"}},
    ]
    job = Job("b", "backup", command={"execute": "transaction", "arguments": {"actions": actions}})
    assert "sync bitmap, bitmap x, on-source-error report" in settings_line(job).plain
