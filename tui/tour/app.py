"""BlockDeck with a story that drives it."""

from pathlib import PurePath
from typing import Any, ClassVar, Literal

from textual import events, work

from tui.app import BlockDeckApp
from tui.paths import sheets
from tui.tour.caption import TourCaption
from tui.tour.player import Player, TourStuck
from tui.tour.script import the_story
from tui.tour.stage import Stage

_LOOK = 0.1
_LEAVE = ("q", "ctrl+q", "ctrl+c")


class TourApp(BlockDeckApp):
    """The app in which a story presses the keys; those of the operator steer the story.

    Args:
        pace: how many times as slow as a speaker; 0 is as fast as the conditions allow.
    """

    CSS_PATH: ClassVar[list[str | PurePath]] = [*BlockDeckApp.CSS_PATH, *sheets("tour")]

    def __init__(self, *args: Any, pace: float = 1.0, **options: Any) -> None:
        super().__init__(*args, **options)
        assert self.lab is not None, "a tour is of the demo"
        self.player = Player(Stage(self, self.lab.info), the_story(), pace)

    async def on_mount(self) -> None:
        """Begin."""
        self.add_class("-tour")
        # Textual calls the base class's handler, too.
        self.set_interval(_LOOK, self.player.show)
        self._play()

    @work(group="tour", exclusive=True)
    async def _play(self) -> None:
        words = "The tour is over. The demo is yours: ? for the keys, q to leave."
        how: Literal["information", "warning"] = "information"
        try:
            await self.player.play()
        except TourStuck as stuck:
            words, how = f"{stuck} The keys are yours.", "warning"
        self.player.ended = True
        self.remove_class("-tour")
        for screen in self.screen_stack:
            await screen.query(TourCaption).remove()
        self.notify(words, severity=how, timeout=20)

    async def on_event(self, event: events.Event) -> None:
        """Give the speaker's keys to the story, until it is over."""
        if (
            not isinstance(event, events.Key)
            or event.is_forwarded
            or self.player.ended
            or self.player.is_own(event)
        ):
            await super().on_event(event)
        elif event.key in _LEAVE:
            self.exit(0)
        else:
            self.player.steer(event.key)
