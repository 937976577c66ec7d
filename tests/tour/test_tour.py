"""The tour plays to its end on the real demo, and can be steered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.discovery.looking import scout
from tests.qemu import QemuStarter
from tests.ui.deck import Deck
from tests.waiting import until
from tui.demo.fault_lab import FaultLab
from tui.demo.vm import DemoVm
from tui.tour.app import TourApp
from tui.tour.caption import TourCaption
from tui.tour.player import Player
from tui.tour.script import the_story
from tui.tour.stage import Stage
from tui.tour.step import Look, Step, When
from tui.widgets.key_bar import KeyBar

STORY_SECONDS = 200.0


@asynccontextmanager
async def tour(
    vm: DemoVm, state: Path, pace: float = 0, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[TourApp, Deck]]:
    app = TourApp(
        directory=str(vm.backups), state=state, scout=scout(), lab=FaultLab(vm.info), pace=pace
    )
    async with app.run_test(size=size) as pilot:
        yield app, Deck(app, pilot)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_it_plays_to_its_end_where_there_is_least_room(
    demo_vm: DemoVm, tmp_path: Path
) -> None:
    # On a larger terminal, a real one, it plays in test_terminal.
    async with tour(demo_vm, tmp_path / "state", size=(80, 24)) as (app, deck):
        try:
            await until(lambda: app.player.ended, STORY_SECONDS)
        finally:
            print(deck.screen)
        assert app.player.done == len(the_story()), deck.toasts
        assert [path.name for path in demo_vm.directory.glob("demo-*-point2.qcow2")]
        # The keys are the operator's again.
        await deck.press("2")
        await deck.sees("succeeded")


async def test_it_finds_its_vm_among_many(
    demo_vm: DemoVm, qemu: QemuStarter, tmp_path: Path
) -> None:
    # More than there is room for, before and after it, and one of the same name.
    for name in (*(f"{letter}{number:02}" for letter in "az" for number in range(12)), "demo"):
        await qemu("-name", name)
    app = TourApp(state=tmp_path / "state", scout=scout(), lab=FaultLab(demo_vm.info), pace=0)
    app.player = player = Player(Stage(app, demo_vm.info), the_story()[:1], 0)
    async with app.run_test(size=(80, 24)) as pilot:
        deck = Deck(app, pilot)
        await until(lambda: player.ended, 60)
        assert player.done == 1, deck.toasts
        assert set(deck.column("VM")) == {"demo"}
        await deck.press("enter")
        await deck.sees("archive")


async def test_nothing_is_done_while_it_is_held(demo_vm: DemoVm, tmp_path: Path) -> None:
    done: list[int] = []

    def act(number: int) -> When:
        def so(stage: Stage) -> bool:
            done.append(number)
            if number == 4:
                # The audience has a question in the middle of a step.
                stage.app.player.steer("space")  # type: ignore[attr-defined]  # it is a tour's
            return True

        return When(so)

    step = Step("A step", "of some acts", tuple(map(act, range(9))), lambda _: True, patience=0.5)
    app = TourApp(state=tmp_path / "state", scout=scout(), lab=FaultLab(demo_vm.info), pace=0)
    app.player = player = Player(Stage(app, demo_vm.info), [step], 0)
    async with app.run_test() as pilot:
        deck = Deck(app, pilot)
        await until(lambda: player.held)
        # Longer than its patience is.
        await asyncio.sleep(1.0)
        assert done == [0, 1, 2, 3, 4]
        await deck.press("space")
        await until(lambda: player.ended)
        assert done == list(range(9))
        assert player.done == 1


async def test_a_dialog_stands_until_it_can_be_read(demo_vm: DemoVm, tmp_path: Path) -> None:
    covered: list[bool] = []

    def so(stage: Stage) -> bool:
        covered.append(stage.has_notices)
        return True

    # Longer than its patience is, and with a notice over it at first.
    step = Step("A dialog", "to be read", (Look(60), When(so)), so, patience=0.5)
    app = TourApp(state=tmp_path / "state", scout=scout(), lab=FaultLab(demo_vm.info), pace=0)
    app.player = player = Player(Stage(app, demo_vm.info), [step], pace=0.5)
    async with app.run_test(notifications=True) as pilot:
        deck = Deck(app, pilot)
        app.notify("Something was done.", timeout=1)
        await deck.sees("Something was done.")
        await deck.press("space")
        await deck.sees_no_more("Something was done.")
        await asyncio.sleep(1.5)
        assert (player.held, covered) == (True, [])
        await deck.press("space", "right")
        await until(lambda: player.ended)
        assert player.done == 1
        assert not any(covered)


async def test_the_speaker_steers(demo_vm: DemoVm, tmp_path: Path) -> None:
    async with tour(demo_vm, tmp_path / "state", pace=10) as (app, deck):
        await deck.sees("1/16  Find a VM", "space holds")
        footer, caption = app.screen.query_one(KeyBar), app.screen.query_one(TourCaption)
        await until(lambda: caption.region.bottom == footer.region.y)
        await deck.press("space")
        await deck.sees("HELD")
        await deck.press("right")
        await deck.sees("2/16  Its disks")
        await deck.press("left")
        await deck.sees("1/16  Find a VM", "HELD")
        await deck.press("right")
        await deck.sees("2/16  Its disks", "HELD")
        await deck.press("left", "space")
        await deck.sees("2/16  Its disks")
        await deck.sees_no_more("HELD")
        # No key of the speaker's reaches the app.
        await deck.press("question_mark")
        assert "Everywhere" not in deck.screen
        await deck.press("q")
        await until(lambda: not app.is_running)
        assert app.return_value == 0
