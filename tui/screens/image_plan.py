"""A page that plans an act upon images while its arguments are typed, and does what is planned."""

import asyncio
from abc import abstractmethod

from textual import on, work
from textual.widgets import Input

from tui.images.errors import ImageError
from tui.screens.image_act import ImageActScreen, in_sentences

_PAUSE = 0.25
"""Seconds without a key after which what is typed is looked at."""

_BEING_LOOKED_AT = "what is typed is still being looked at"


class ImagePlanScreen(ImageActScreen):
    """Plans anew with each change; its act `start` is there once a plan is ready."""

    not_ready = _BEING_LOOKED_AT
    """Why there is no plan to carry out."""

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
        self.not_ready = _BEING_LOOKED_AT
        self.refresh_bindings()
        await asyncio.sleep(_PAUSE)
        await self.look_now()

    async def look_now(self) -> None:
        """Plan it anew."""
        try:
            await self.plan()
        except ImageError as error:
            self.not_ready = in_sentences(error)
            self.show_text()
            self.complain(error, "Not yet: ")
        else:
            self.refresh_bindings()

    def hindrance(self, action: str) -> str | None:
        """Nothing is begun without a plan, or beside what runs."""
        if action == "start":
            return self.runs_now or (None if self.ready else self.not_ready)
        if action == "copy" and not self.to_copy:
            return f"there is nothing to copy: {self.not_ready}"
        return super().hindrance(action)
