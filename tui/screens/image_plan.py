"""A page that plans an act upon images while its arguments are typed, and does what is planned."""

import asyncio
from abc import abstractmethod

from textual import on, work
from textual.widgets import Input

from tui.images.errors import ImageError
from tui.screens.image_act import ImageActScreen

_PAUSE = 0.25
"""Seconds without a key after which what is typed is looked at."""


class ImagePlanScreen(ImageActScreen):
    """Plans anew with each change; its act `start` is there once a plan is ready."""

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether there is a plan that can be carried out."""

    @property
    @abstractmethod
    def to_copy(self) -> str:
        """What is copied; "" is nothing yet."""

    @abstractmethod
    def forget_plan(self) -> None:
        """What was planned is of other arguments."""

    @abstractmethod
    async def plan(self) -> None:
        """Plan by what is typed, show it, and say how it stands.

        Raises:
            ImageError: it cannot be done so.
        """

    @abstractmethod
    def action_start(self) -> object:
        """Carry out what is planned."""

    @on(Input.Changed)
    def _typed(self) -> None:
        self.look()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_start()

    @work(group="look", exclusive=True)
    async def look(self) -> None:
        """Plan it anew, once nothing was typed for a moment."""
        if self.running:
            return
        self.forget_plan()
        self.refresh_bindings()
        await asyncio.sleep(_PAUSE)
        await self.look_now()

    async def look_now(self) -> None:
        """Plan it anew."""
        try:
            await self.plan()
        except ImageError as error:
            self.show_text()
            self.complain(error, "Not yet: ")
        else:
            self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Dim what cannot be done."""
        if action == "start":
            return (self.ready and not self.running) or None
        if action == "copy":
            return bool(self.to_copy) or None
        return super().check_action(action, parameters)
