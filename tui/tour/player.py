"""Plays a story: presses its keys, waits for what must be so, and never faster than it is read."""

import asyncio
import contextlib
import inspect
import time
from collections.abc import Sequence

from textual import events
from textual.keys import _character_to_key
from textual.message_pump import MessagePump

from tui.tour.caption import TourCaption
from tui.tour.stage import Stage
from tui.tour.step import Act, Condition, Look, Step, Typed, Until, When

_LOOK = 0.05
"""Seconds between two looks at whether something is so."""

_KEY_SECONDS = 0.25
_TYPED_SECONDS = 0.09
_AGAIN_SECONDS = 0.15
_QUEUE_SECONDS = 2.0
"""Seconds after which a widget that takes nothing out of its queue is no longer waited for."""

_WORD_SECONDS = 0.38
_LEAST_SECONDS = 3.0
OUTCOME_SECONDS = 3.0
"""Seconds for which what came of a step is left on the screen, however long it took."""

_NOTICE_SECONDS = 10.0
"""Seconds for which notices that cover what a step is about are waited for."""

_CHARACTERS = {" ": "space"}


class TourStuck(Exception):
    """Something that must be so never was; the text says in which step."""


class Player:
    """One performance.

    Args:
        stage: the app that is driven.
        steps: the story.
        pace: how many times as slow as a speaker; 0 is as fast as the conditions allow.

    Attributes:
        done: how many steps have been played.
        ended: whether the keys are the operator's again.
    """

    def __init__(self, stage: Stage, steps: Sequence[Step], pace: float = 1.0) -> None:
        self.done = 0
        self.ended = False
        self._stage = stage
        self._steps = tuple(steps)
        self._pace = pace
        self._free = asyncio.Event()
        self._free.set()
        self._onward = asyncio.Event()
        self._own: list[events.Key] = []
        self._deadline: asyncio.Timeout | None = None
        self._patience = 0.0
        # The step that is played, and the one whose caption is shown: an earlier one, told again.
        self._current = self._told = 0

    @property
    def held(self) -> bool:
        """Whether the audience has a question."""
        return not self._free.is_set()

    # --- steering --------------------------------------------------------------------------------

    def is_own(self, event: events.Key) -> bool:
        """Whether a key was pressed by the story."""
        return any(own is event for own in self._own)

    def steer(self, key: str) -> None:
        """What the speaker pressed."""
        if key == "space":
            if self.held:
                self._told = self._current
                self._free.set()
            else:
                self._free.clear()
        elif key == "right" and self._told < self._current:
            self._told += 1
        elif key == "right":
            self._free.set()
            self._onward.set()
        elif key == "left":
            # A VM does not go back in time; its story can be told again.
            self._free.clear()
            self._told = max(self._told - 1, 0)
        self.show()

    def show(self) -> None:
        """The caption, on whatever screen is on top."""
        if self.ended:
            return
        screen = self._stage.app.screen
        caption = next(iter(screen.query(TourCaption).results(TourCaption)), None)
        if caption is None:
            if screen.is_mounted and screen.is_attached:
                screen.mount(TourCaption())
            return
        step = self._steps[self._told]
        title = f"{self._told + 1}/{len(self._steps)}  {step.title}"
        caption.say(title, step.caption, "HELD" if self.held else "")

    # --- playing ---------------------------------------------------------------------------------

    async def play(self) -> None:
        """Play it all.

        Raises:
            TourStuck: something that must be so never was.
        """
        for number, step in enumerate(self._steps):
            await self._free.wait()
            self._onward.clear()
            self._current = self._told = number
            self.show()
            began = time.monotonic()
            await self._pause(min(1.5, self._reading(step) / 3))
            try:
                await self._perform(step)
            except TimeoutError as error:
                raise TourStuck(f"The tour got stuck at {step.title!r}.") from error
            self.done = number + 1
            await self._uncovered()
            left = self._reading(step) - (time.monotonic() - began)
            await self._pause(max(left, OUTCOME_SECONDS * self._pace))
        await self._free.wait()

    async def _perform(self, step: Step) -> None:
        """Do what a step does; its patience counts anew for each act, and not while it is held.

        Raises:
            TimeoutError: something that must be so was not in time.
        """
        self._patience = step.patience
        async with asyncio.timeout(None) as self._deadline:
            for act in step.acts:
                await self._freed()
                await self._do(act)
            await self._freed()
            await self._wait(step.so)

    async def _freed(self) -> None:
        """Wait while it is held, for as long as that takes; then the patience counts anew."""
        assert self._deadline is not None
        self._deadline.reschedule(None)
        await self._free.wait()
        self._deadline.reschedule(asyncio.get_running_loop().time() + self._patience)

    async def _do(self, act: Act) -> None:
        if isinstance(act, When):
            await self._wait(act.so)
        elif isinstance(act, Until):
            while not await _is_so(act.so, self._stage):
                await self._press(act.key, _AGAIN_SECONDS)
        elif isinstance(act, Look):
            assert self._deadline is not None
            # The speaker's time is not that of the condition to come.
            self._deadline.reschedule(None)
            await self._uncovered()
            await self._pause(act.seconds * self._pace)
        elif isinstance(act, Typed):
            for character in act.text:
                await self._press(character, _TYPED_SECONDS)
        else:
            await self._press(act, _KEY_SECONDS)

    async def _wait(self, so: Condition) -> None:
        while not await _is_so(so, self._stage):  # noqa: ASYNC110 -- nothing tells of it
            await asyncio.sleep(_LOOK)

    async def _press(self, key: str, seconds: float) -> None:
        if self.held:
            await self._freed()
        character = key if len(key) == 1 else None
        name = _CHARACTERS.get(key) or (_character_to_key(key) if character else key)
        event = events.Key(name, character)
        self._own.append(event)
        app = self._stage.app
        app.post_message(event)
        await self._taken()
        await asyncio.sleep(max(_LOOK, seconds * self._pace))
        self._own = self._own[-8:]

    async def _taken(self) -> None:
        """Wait until a key is done with, so that the next one finds what came of it."""
        app = self._stage.app
        await _emptied(app)
        # It goes to what has the focus and from there up to the app, a queue after the other.
        way = app.focused.ancestors_with_self if app.focused else [app.screen, app]
        for node in way:
            await _emptied(node)

    # --- the speaker's pace ----------------------------------------------------------------------

    def _reading(self, step: Step) -> float:
        return reading(step) * self._pace

    async def _uncovered(self) -> None:
        """Wait until no notice lies over the screen; where nobody reads, for nothing."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NOTICE_SECONDS if self._pace else 0):
                await self._wait(lambda stage: not stage.has_notices or self._onward.is_set())

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the speaker goes on; while it is held, longer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0)):
                await self._onward.wait()
        await self._free.wait()


def reading(step: Step) -> float:
    """Seconds that a step's caption takes to be read aloud."""
    return max(_LEAST_SECONDS, len(step.caption.split()) * _WORD_SECONDS)


async def _emptied(node: MessagePump) -> None:
    """Wait until all that is in its queue by now is done; one that is closing does nothing more."""
    done = asyncio.Event()
    if node.is_running and node.call_later(done.set):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_QUEUE_SECONDS):
                await done.wait()


async def _is_so(so: Condition, stage: Stage) -> bool:
    answer = so(stage)
    return bool(await answer) if inspect.isawaitable(answer) else bool(answer)
