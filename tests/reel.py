"""The tour as a cast of settled screens, for `asciinema play`.

What a terminal is sent while jobs run is never twice the same: so many looks at the numbers, so
many redraws. Cast are the moments of the story instead, each once nothing moves any more, with the
numbers of `tests.steady` and the names of `tests.still`, and with the times that the story's own
pace has for them. An event is a row that differs from the moment before, so that a diff shows only
what changed. Notices, which come and go by the clock, are left out. How much the guest has written
by a moment stays as it was: a few sizes of bitmaps and increments differ each time.
"""

import asyncio
import html
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.color import ColorSystem
from rich.segment import Segment
from textual.widgets import Input

from tests.camera import Size
from tests.discovery.looking import FIRST_PID, StillScout
from tests.steady import told
from tests.still import still
from tests.waiting import until
from tui.cast import Header
from tui.demo.fault_lab import FaultLab
from tui.demo.vm import DemoVm
from tui.tour.app import TourApp
from tui.tour.player import OUTCOME_SECONDS, Player, reading
from tui.tour.script import SMALL, the_story
from tui.tour.stage import Stage
from tui.tour.step import Act, Look, Step, Typed
from tui.vm.trouble import RUNNING

STORY_SECONDS = 540.0

_BEGINS = 1.5
_TYPED = 1.0
_REST = 0.6
"""Seconds between two looks at whether the screen rests: longer than the numbers stand."""

_MOST_LOOKS = 30

_UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_CHAIN = re.compile(r"[0-9a-f]{8}(?= *$)")
"""The id of a chain, where it stands alone."""


class Reel:
    """The moments that were taken, as the lines of a cast."""

    def __init__(self, size: Size) -> None:
        width, height = size
        self._shown: list[str] = []
        self._header = Header(width=width, height=height, timestamp=0)
        self._events: list[tuple[float, str]] = [(0.0, "\x1b[?25l\x1b[?7l\x1b[2J")]
        self._at = 0.0

    def add(self, rows: list[str], seconds: float) -> None:
        """A moment, and for how long it stands."""
        before = self._shown or [""] * len(rows)
        for number, (row, old) in enumerate(zip(rows, before, strict=True), start=1):
            if row != old:
                self._events.append((round(self._at, 1), f"\x1b[{number};1H{row}"))
        self._shown = rows
        self._at += seconds

    def write(self, path: Path) -> None:
        """All of it, with the last moment's time at its end."""
        events = [*self._events, (round(self._at, 1), "\x1b[?7h\x1b[?25h")]
        lines = (json.dumps([at, "o", data]) for at, data in events)
        path.write_text("\n".join([self._header.model_dump_json(), *lines, ""]), encoding="utf-8")


class Filmed(Player):
    """Plays as fast as it can, and takes each moment that a speaker would leave standing."""

    def __init__(self, stage: Stage, steps: Sequence[Step], reel: Reel) -> None:
        super().__init__(stage, steps, 0)
        self._reel = reel

    async def _perform(self, step: Step) -> None:
        await self._take(_BEGINS)
        await super()._perform(step)
        await self._take(max(OUTCOME_SECONDS, reading(step) - _BEGINS))

    async def _do(self, act: Act) -> None:
        await super()._do(act)
        if isinstance(act, Look):
            await self._take(act.seconds)
        elif isinstance(act, Typed):
            await self._take(_TYPED)

    async def _take(self, seconds: float) -> None:
        app = self._stage.app
        await until(self._all_is_known)
        last: list[str] = []
        for _ in range(_MOST_LOOKS):
            await asyncio.sleep(_REST)
            for field in app.screen.query(Input):
                field.cursor_blink = False
            rows = list(_rows(self._stage))
            if rows == last:
                break
            last = rows
        else:
            raise AssertionError(f"{self._told} never comes to rest")
        self._reel.add(last, seconds)

    def _all_is_known(self) -> bool:
        """Whether what is told a moment after the rest has been told."""
        vm, disk = self._stage.vm, self._stage.disk(SMALL)
        if vm is None or disk is None:
            return True
        if any(job.live and job.care.space is None for job in vm.jobs):
            return False
        # The guest writes for as long as it runs.
        writes = disk.throughput is not None and disk.throughput.write > 0
        return vm.run_state != RUNNING or writes


def _rows(stage: Stage) -> Iterator[str]:
    for strip in stage.screen._compositor.render_strips():
        yield "".join(map(_drawn, strip))


def _drawn(segment: Segment) -> str:
    text = _still(segment.text)
    style = segment.style
    return style.render(text, color_system=ColorSystem.TRUECOLOR) if style else text


def _still(text: str) -> str:
    """A piece of one style, as the pictures have it: there each is an element of its own."""
    element = still(f">{html.escape(text).replace(' ', '&#160;')}<")
    told = html.unescape(element[1:-1]).replace("\xa0", " ")
    if _CHAIN.match(told):
        return _CHAIN.sub("a1b2c3d4", told)
    return _UUID.sub("b10cdecc-0000-4000-8000-000000000001", told)


async def film_the_tour(
    state: Path, steps: Sequence[Step] | None = None, size: Size = (120, 40)
) -> Reel:
    """Play the tour, or some of its first steps, on a demo VM of its own."""
    steps = the_story() if steps is None else steps
    reel = Reel(size)
    async with DemoVm.start() as vm:
        app = TourApp(
            directory=str(vm.backups), state=state, scout=StillScout(), lab=FaultLab(vm.info)
        )
        app.animation_level = "none"
        # The scout gives every VM another number.
        known = vm.info.model_copy(update={"pid": FIRST_PID})
        app.player = player = Filmed(Stage(app, known), steps, reel)
        with told():
            async with app.run_test(size=size):
                await until(lambda: player.ended, STORY_SECONDS)
        assert player.done == len(steps), f"it got stuck after {player.done} steps"
    return reel
