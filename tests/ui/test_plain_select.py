"""What a choice offers is text: a disk may have any name."""

from textual.app import App, ComposeResult

from tests.waiting import until
from tui.widgets.plain_select import PlainSelect

NAMES = ("[/x][bold]a[/bold]", "[@click=app.exit]b[/]", "[red")


class Choosing(App[None]):
    """A choice and nothing else."""

    def compose(self) -> ComposeResult:
        """The names, each for its place."""
        yield PlainSelect([(name, place) for place, name in enumerate(NAMES)], value=1)


def _screen(app: Choosing) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def test_names_stand_as_they_are_in_the_line_and_in_the_list() -> None:
    app = Choosing()
    async with app.run_test() as pilot:
        await until(lambda: NAMES[1] in _screen(app))
        await pilot.press("tab", "enter")
        await until(lambda: all(name in _screen(app) for name in NAMES))
        # The one that a name begins with is found by typing.
        await pilot.press(*"[red", "enter")
        await until(lambda: app.query_one(PlainSelect).value == 2)
        await until(lambda: NAMES[2] in _screen(app) and NAMES[1] not in _screen(app))


async def test_what_is_offered_anew_stands_as_it_is_too() -> None:
    app = Choosing()
    async with app.run_test():
        app.query_one(PlainSelect).offer([("[b]new[/b]", 7)])
        await until(lambda: "[b]new[/b]" in _screen(app))
        assert app.query_one(PlainSelect).value == 7
