"""The cast of the tour: what a player shows of it, and that a second one is the same."""

import json
from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.screen import ModalScreen, Screen
from textual.widgets import Label

from tests.line.test_cast import played
from tests.reel import Reel, film_the_tour, rows_of
from tui.tour.script import the_story

FIRST_STEPS = 4


def test_only_rows_that_differ_are_cast_and_the_last_moment_has_its_time(tmp_path: Path) -> None:
    reel, cast = Reel((8, 3)), tmp_path / "a.cast"
    reel.add(["one     ", "two     ", "three   "], 1.5)
    reel.add(["one     ", "\x1b[1mzwei\x1b[0m    ", "three   "], 3)
    reel.write(cast)
    header, *events = map(json.loads, cast.read_text().splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 8, 3)
    assert [at for at, _, _ in events] == [0, 0, 0, 0, 1.5, 4.5]
    assert events[4] == [1.5, "o", "\x1b[2;1H\x1b[1mzwei\x1b[0m    "]
    assert [row.rstrip() for row in played(cast).display] == ["one", "zwei", "three"]


class Below(Screen[None]):
    def compose(self) -> ComposeResult:
        yield Label("what is below")


async def test_what_is_below_a_dialog_is_cast_also_where_its_text_was_read_before() -> None:
    app: App[None] = App()
    async with app.run_test(size=(40, 8)) as pilot:
        await app.push_screen(Below())
        await app.push_screen(ModalScreen())
        await pilot.pause()
        # That renders the dialog without the stack of screens, as tests do.
        app.screen.refresh()
        assert not any("below" in strip.text for strip in app.screen._compositor.render_strips())
        assert "what is below" in "".join(rows_of(app))
        label = app.screen_stack[-2].query_one(Label)
        label.update("something else")
        await pilot.pause()
        assert "something else" in "".join(rows_of(app))


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_second_cast_is_the_same(tmp_path: Path) -> None:
    steps, casts = the_story()[:FIRST_STEPS], [tmp_path / name for name in ("a.cast", "b.cast")]
    for cast in casts:
        reel = await film_the_tour(tmp_path / f"{cast.stem}-state", steps)
        reel.write(cast)
    first, second = (cast.read_text().splitlines() for cast in casts)
    assert [(a, b) for a, b in zip(first, second, strict=True) if a != b] == []
    shown = "\n".join(played(casts[0]).display)
    for words in (f"{FIRST_STEPS}/{FIRST_STEPS}  Mended", "= 2.0 MiB/s", "Ready. F2 starts"):
        assert words in shown
