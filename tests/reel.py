"""The tour as a cast of settled screens, for `asciinema play`.

What a terminal is sent while jobs run is never twice the same: so many looks at the numbers, so
many redraws. Cast are the moments of the story instead, each once nothing moves any more, with the
numbers of `tests.steady` and the names of `tests.still`, and with the times that the story's own
pace has for them. An event is a row that differs from the moment before, so that a diff shows only
what changed. Notices, which come and go by the clock, are left out. How much the guest has written
by a moment is told as `WRITTEN`: what bitmaps have recorded, and increments have copied.
"""

import asyncio
import html
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from textual._compositor import LayoutUpdate
from textual.app import App
from textual.widgets import Input

from tests.camera import Size
from tests.discovery.looking import FIRST_PID, StillScout
from tests.steady import steady, told
from tests.still import still
from tests.waiting import until
from tui.cast import Header
from tui.chain.catalog import Catalog, CatalogImage, CatalogPoint, read_catalog
from tui.chain.manifest import PointKind
from tui.demo.disks import ARCHIVE, DATA, DATABASE, LOGS, ROOT
from tui.demo.fault_lab import FaultLab
from tui.demo.vm import DemoVm
from tui.screens import chains as chains_screen
from tui.tour.app import TourApp
from tui.tour.player import OUTCOME_SECONDS, Player, reading
from tui.tour.script import SMALL, the_story
from tui.tour.stage import Stage
from tui.tour.step import Act, Look, Step, Typed
from tui.vm.job import Job
from tui.vm.snapshot import Device, VmSnapshot
from tui.vm.trouble import RUNNING

STORY_SECONDS = 540.0

_BEGINS = 1.5
_TYPED = 1.0
_REST = 0.6
"""Seconds between two looks at whether the screen rests: longer than the numbers stand."""

_MOST_LOOKS = 30

WRITTEN = 24 << 16
"""What the guest is told to have written to each of its disks, in bytes."""

_WRITES = {disk.name for disk in (ROOT, DATA, LOGS, DATABASE, ARCHIVE)}

_ROOM = re.compile(r"\d{3}(?= MiB free;)")
_READ = re.compile(r"\d{3}(?= MiB read in )")
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
            rows = list(rows_of(app))
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
        if not all(_room_is_known(job, full=self._stage.target_is_full) for job in vm.jobs):
            return False
        # The guest writes for as long as it runs.
        writes = disk.throughput is not None and disk.throughput.write > 0
        return vm.run_state != RUNNING or writes


def _room_is_known(job: Job, *, full: bool) -> bool:
    space = job.care.space
    return not job.live or (space is not None and (space.free == 0) is full)


def rows_of(app: App[Any]) -> Iterator[str]:
    """What is on the terminal, row by row; below a dialog it is the screen as it is by now."""
    screen = app.screen
    if screen.is_modal:
        # Without the stack of screens Textual renders a dialog's background blank, and keeps that,
        # as it keeps one that was on show a while ago.
        screen.refresh()
    update = screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    assert isinstance(update, LayoutUpdate)
    for row in update.strips:
        yield "".join(_drawn(segment) for strip in row for segment in strip)


def _drawn(segment: Segment) -> str:
    text = _still(segment.text)
    style = segment.style
    return style.render(text, color_system=ColorSystem.TRUECOLOR) if style else text


def _still(text: str) -> str:
    """A piece of one style, as the pictures have it: there each is an element of its own."""
    element = still(f">{html.escape(text).replace(' ', '&#160;')}<")
    told = html.unescape(element[1:-1]).replace("\xa0", " ")
    told = _READ.sub("230", _ROOM.sub("670", told))
    if _CHAIN.match(told):
        return _CHAIN.sub("a1b2c3d4", told)
    return _UUID.sub("b10cdecc-0000-4000-8000-000000000001", told)


def settled(vm: VmSnapshot) -> VmSnapshot:
    """The VM with numbers that stand still, also of what its guest has written."""
    vm = steady(vm)
    return replace(vm, devices=tuple(map(_written, vm.devices)))


def _written(device: Device) -> Device:
    if device.medium is None or device.title not in _WRITES:
        return device
    bitmaps = (
        bitmap.model_copy(update={"count": WRITTEN}) if bitmap.recording else bitmap
        for bitmap in device.medium.bitmaps
    )
    return device._replace(medium=device.medium._replace(bitmaps=tuple(bitmaps)))


@contextmanager
def _increments_settled() -> Iterator[None]:
    """Have the chains told with increments that are always as large."""

    def image(found: CatalogImage) -> CatalogImage:
        return replace(found, image=found.image.model_copy(update={"allocated": WRITTEN}))

    def point(found: CatalogPoint) -> CatalogPoint:
        if found.point.kind is PointKind.FULL or not found.point.complete:
            return found
        return replace(found, images=tuple(map(image, found.images)))

    def read(directory: Path) -> Catalog:
        seen = read_catalog(directory)
        chains = (replace(one, points=tuple(map(point, one.points))) for one in seen.chains)
        return replace(seen, chains=tuple(chains))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chains_screen, "read_catalog", read)
        yield


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
        with told(settled), _increments_settled():
            async with app.run_test(size=size):
                await until(lambda: player.ended, STORY_SECONDS)
        assert player.done == len(steps), f"it got stuck after {player.done} steps"
    return reel
