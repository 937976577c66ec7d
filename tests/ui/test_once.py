"""What has to wait for a widget lets it come, or go; meanwhile the keys are heard."""

import asyncio

import pytest
from textual.app import App
from textual.widgets import Label

from tests.waiting import until
from tui.once import once

# Where nobody else has a turn any more no deadline of a wait is seen either.
pytestmark = pytest.mark.timeout(30)


async def test_what_is_so_is_acted_on_at_once() -> None:
    acted: list[bool] = []
    app: App[None] = App()
    async with app.run_test():
        once(app, lambda: True, lambda: acted.append(True))
        assert acted == [True]


async def test_others_have_their_turns_until_it_is_so() -> None:
    app: App[None] = App()
    async with app.run_test():
        come = asyncio.Event()

        async def bring() -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            come.set()

        acted: list[bool] = []
        bringing = asyncio.create_task(bring())
        once(app, come.is_set, lambda: acted.append(True))
        assert acted == []
        await until(lambda: acted)
        await bringing


async def test_a_widget_that_goes_does_not_act_any_more() -> None:
    app: App[None] = App()
    async with app.run_test() as pilot:
        label = Label()
        await app.mount(label)
        looks: list[bool] = []
        once(label, lambda: looks.append(True), lambda: None)
        await until(lambda: len(looks) > 1)
        await label.remove()
        looked = len(looks)
        await pilot.pause(0.1)
        assert len(looks) == looked
