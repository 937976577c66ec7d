"""BlockDeck in a test: keys go in, and what an operator sees comes out."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from textual import events
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input, OptionList, Select

from tests.discovery.looking import scout
from tests.qemu import Vm
from tests.waiting import PATIENCE, until
from tui.app import BlockDeckApp
from tui.config import Settings
from tui.config.settings import RefreshSettings
from tui.qmp.address import UnixAddress
from tui.screens.backup import BackupScreen
from tui.vm.snapshot import VmSnapshot
from tui.widgets.device_detail import DeviceDetail
from tui.widgets.form_row import FormRow
from tui.widgets.line import Line
from tui.widgets.live_table import LiveTable
from tui.widgets.vm_header import VmHeader
from tui.worker import VmWorker

USUAL = (120, 40)

PATIENT = Settings(refresh=RefreshSettings(connect=PATIENCE / 2))
"""As they come, but a QEMU may take longer to greet, on a machine with other work to do."""

WIDE = (240, 60)
"""Every column of every table has room."""

W = TypeVar("W", bound=Widget)

_MOST_TABS = 60
_NOTHING = ("default", "not given")
_QUIET_ROUNDS = 12
_CHARACTERS = {"space": " ", "slash": "/", "question_mark": "?"}


class Deck:
    """One running app, with its keyboard and its screen."""

    def __init__(self, app: BlockDeckApp, pilot: Pilot[int]) -> None:
        self.app = app
        self._pilot = pilot

    # --- the keyboard ----------------------------------------------------------------------------

    async def press(self, *keys: str) -> None:
        """Press keys, one after the other, each when the one before has been dealt with."""
        # Pilot's own press waits for the whole process to be idle, for a tenth of a second a key.
        for key in keys:
            name = _character_to_key(key) if len(key) == 1 else key
            event = events.Key(name, key if len(key) == 1 else _CHARACTERS.get(key))
            event.set_sender(self.app)
            self.app.post_message(event)
            await self.settle()

    async def send(self, key: str, rounds: int) -> None:
        """Send a key and wait for nothing: give the event loop so many rounds, and go on."""
        self.app.post_message(events.Key(key, key if len(key) == 1 else None))
        for _ in range(rounds):
            # How far the app comes meanwhile is what such a test is about.
            await asyncio.sleep(0)

    async def settle(self) -> None:
        """Let every widget deal with what it was told so far, and with what came of that."""
        quiet = 0
        while quiet < _QUIET_ROUNDS:
            await asyncio.sleep(0)
            pumps = (self.app, *self.app.screen.walk_children(with_self=True))
            busy = any(not pump._message_queue.empty() for pump in pumps)
            quiet = 0 if busy else quiet + 1

    async def fill_in(self, text: str) -> None:
        """Put a text in place of what is in the focused input."""
        focused = self.app.focused
        assert isinstance(focused, Input), focused
        await self.press("end", "ctrl+u")
        await until(lambda: focused.value == "")
        await self.paste(text)
        # An input may take a text otherwise than it came, but it takes it.
        await until(lambda: bool(focused.value) is bool(text))

    async def paste(self, text: str) -> None:
        """Paste a text where the focus is."""
        assert isinstance(self.app.focused, Input), self.app.focused
        self.app.focused.post_message(events.Paste(text))
        await self.settle()

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        await self._pilot.resize_terminal(width, height)

    # --- the screen ------------------------------------------------------------------------------

    @property
    def screen(self) -> str:
        """The text on the terminal, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)

    @property
    def toasts(self) -> list[str]:
        """The notices that are on show."""
        return [notice.message for notice in self.app._notifications]

    async def sees(self, *texts: str, within: float = PATIENCE) -> str:
        """Wait until all these texts are on the terminal; returns what is."""
        try:
            await until(lambda: all(text in self.screen for text in texts), within)
        except AssertionError as error:
            missing = [text for text in texts if text not in self.screen]
            raise AssertionError(f"{missing} never came to be seen:\n{self.screen}") from error
        return self.screen

    async def sees_no_more(self, *texts: str) -> None:
        """Wait until none of these texts is on the terminal."""
        try:
            await until(lambda: not any(text in self.screen for text in texts))
        except AssertionError as error:
            raise AssertionError(f"one of {texts} stays:\n{self.screen}") from error

    async def is_told(self, *texts: str) -> str:
        """Wait for a notice with all these texts; returns it."""

        def told() -> str:
            return next((t for t in self.toasts if all(text in t for text in texts)), "")

        return await until(told)

    def on_screen(self, kind: type[W]) -> W:
        """The one widget of that kind."""
        return self.app.screen.query_one(kind)

    def line(self, name: str) -> str:
        """The text of the line with that id."""
        return next((line.text for line in self.app.screen.query(f"#{name}").results(Line)), "")

    @property
    def header(self) -> str:
        """The top line; "" where the screen has none, or is still being put together."""
        return next((header.text for header in self.app.screen.query(VmHeader)), "")

    @property
    def detail(self) -> str:
        """What is told about the highlighted disk; "" before it is there."""
        details = self.app.screen.query(DeviceDetail)
        return next((line.text for detail in details for line in detail.query(Line)), "")

    # --- tables ----------------------------------------------------------------------------------

    @property
    def rows(self) -> list[dict[str, str]]:
        """The table's rows, each with its cells by the column's title; none before it is there."""
        table = next(iter(self.app.screen.query(LiveTable)), None)
        if table is None:
            return []
        columns = table.shown_columns
        lines = [table.get_row_at(number) for number in range(table.row_count)]
        return [
            {
                # Spaces only align numbers.
                column.title: " ".join(text.plain.split()) if column.right else text.plain
                for column, text in zip(columns, line, strict=True)
            }
            for line in lines
        ]

    def column(self, title: str) -> list[str]:
        """One column of the table, from the top."""
        return [row[title] for row in self.rows]

    def row(self, name: str) -> dict[str, str]:
        """The one row that begins with this name."""
        (found,) = (row for row in self.rows if next(iter(row.values())) == name)
        return found

    @property
    def highlighted(self) -> str:
        """The first cell of the row under the cursor."""
        cursor = self.on_screen(LiveTable).cursor_row
        return next(iter(self.rows[cursor].values()))

    async def go_to_row(self, name: str) -> None:
        """Move the cursor down to the row that begins with this name."""
        await until(lambda: name in self.column(next(iter(self.rows[0]))) if self.rows else False)
        await self.press("home")
        for _ in self.rows:
            if self.highlighted == name:
                await until(lambda: self.detail.startswith(name))
                return
            await self.press("down")
        raise AssertionError(f"the cursor does not come to {name}:\n{self.screen}")

    # --- the VM ----------------------------------------------------------------------------------

    @property
    def worker(self) -> VmWorker:
        """The worker of the VM on show."""
        assert self.app.worker is not None
        return self.app.worker

    @property
    def vm(self) -> VmSnapshot:
        """What is known of the VM."""
        return self.worker.snapshot


class Form:
    """The backup form on show, used by keys alone."""

    def __init__(self, deck: Deck) -> None:
        self._deck = deck

    def _row(self, name: str) -> FormRow:
        found = [row for row in self._deck.app.screen.query(FormRow) if row.field.name == name]
        assert found, f"there is no field {name}"
        return found[0]

    @property
    def fields(self) -> list[str]:
        """The fields on show, from the top."""
        rows = self._deck.app.screen.query(FormRow)
        return [row.field.name for row in rows if all(w.display for w in row.ancestors_with_self)]

    @property
    def focused(self) -> str:
        """The field with the focus, or the id of what else has it."""
        focused = self._deck.app.focused
        if focused is None:
            return ""
        rows = [node for node in focused.ancestors if isinstance(node, FormRow)]
        return rows[0].field.name if rows else focused.id or type(focused).__name__

    async def tab_to(self, name: str) -> None:
        """Press Tab until the focus is there."""
        for _ in range(_MOST_TABS):
            if self.focused == name:
                return
            await self._deck.press("tab")
        raise AssertionError(f"Tab does not lead to {name}:\n{self._deck.screen}")

    async def go_to(self, name: str) -> None:
        """Put the focus into a field at once, as a click does; `tab_to` goes all the way."""
        await until(lambda: name in self.fields and self.is_enabled(name))
        self._row(name).query("Input, Select").first().focus()
        try:
            await until(lambda: self.focused == name)
        except AssertionError as error:
            shown = f"{self.focused!r}\n{self._deck.screen}"
            raise AssertionError(f"{name} never gets the focus, but {shown}") from error

    async def fill_in(self, name: str, text: str) -> None:
        """Go to a field and put a text in it."""
        await self.go_to(name)
        await self._deck.fill_in(text)
        await until(lambda: self.text(name) == text)

    async def choices(self, name: str) -> list[str]:
        """Unfold a list of choices and read it."""
        read = await self._unfold(name)
        await self._fold(name, "escape")
        return read

    async def choose(self, name: str, value: str) -> None:
        """Go to a list of choices and choose one by its first word."""
        place = (await self._unfold(name)).index(value)
        await self._fold(name, "home", *["down"] * place, "enter")
        await until(lambda: self.text(name) == ("" if value in _NOTHING else value))

    async def _unfold(self, name: str) -> list[str]:
        await self.go_to(name)
        await self._deck.press("enter")
        shown = self._row(name).query_one(OptionList)
        await until(lambda: self._deck.app.focused is shown)
        prompts = [str(shown.get_option_at_index(i).prompt) for i in range(shown.option_count)]
        return [prompt.partition(":")[0] for prompt in prompts]

    async def _fold(self, name: str, *keys: str) -> None:
        select = self._row(name).query_one(Select)
        await self._deck.press(*keys)
        # A field that its own choice makes pointless goes, and takes the focus along.
        await until(lambda: not select.expanded and self._deck.app.focused not in select.children)

    def text(self, name: str) -> str:
        """What stands in a field, as it is shown there."""
        for control in self._row(name).query(Input):
            return control.value
        return str(self._row(name).query_one(Select).value)

    def is_enabled(self, name: str) -> bool:
        """Whether a field can be changed."""
        return not self._row(name).query("Input, Select").first().disabled

    def under(self, name: str) -> str:
        """What stands under a field."""
        return self._row(name).query_one(".form-hint", Line).text

    @property
    def ticks(self) -> str:
        """The boxes to tick, as they are drawn."""
        screen = self._deck.app.screen
        return "\n".join(str(tick.render()) for tick in screen.query("Tick").results())

    @property
    def status(self) -> str:
        """What stands beside the start button."""
        return self._deck.line("form-status")

    @property
    def can_start(self) -> bool:
        """Whether the start button is on."""
        return not self._deck.app.screen.query_one("#start").disabled

    @property
    def preview(self) -> dict[str, Any]:
        """The command in the preview, read as QEMU would read it."""
        read = json.loads(self._deck.line("preview-text"))
        assert isinstance(read, dict)
        return read

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments in the preview."""
        assert self.preview["execute"] == "drive-backup"
        arguments = self.preview["arguments"]
        assert isinstance(arguments, dict)
        return arguments

    async def is_ready(self) -> None:
        """Wait until the start button is on."""
        await self._status("Ready. F2 starts the backup.", can_start=True)

    async def is_off(self, reason: str) -> None:
        """Wait until the start button is off, for this reason."""
        await self._status(f"Not yet: {reason}", can_start=False)

    async def _status(self, words: str, *, can_start: bool) -> None:
        try:
            await until(lambda: self.status == words and self.can_start is can_start)
        except AssertionError as error:
            raise AssertionError(f"never {words!r}:\n{self._deck.screen}") from error

    async def says(self, name: str, words: str) -> None:
        """Wait until these words stand under a field."""
        try:
            await until(lambda: words in self.under(name))
        except AssertionError as error:
            shown = f"{self.under(name)!r}\n{self._deck.screen}"
            raise AssertionError(f"{name} never says {words!r}: {shown}") from error


@contextlib.asynccontextmanager
async def deck(
    vm: Vm | None = None,
    size: tuple[int, int] = USUAL,
    *,
    state: Path,
    directory: Path | None = None,
    read_only: bool = False,
    settings: Settings | None = None,
    places: Sequence[Path] = (),
    beside: Sequence[Vm] = (),
) -> AsyncIterator[Deck]:
    """BlockDeck on the monitor of a VM, once its disks are on show; without one, as it asks.

    Those `beside` it are opened with it.

    Of this host's VMs it finds those of the test, and sockets in these places.
    """
    app = BlockDeckApp(
        *(UnixAddress(path=each.monitor) for each in (vm, *beside) if each is not None),
        directory=str(directory) if directory else None,
        state=state,
        read_only=read_only,
        settings=settings or PATIENT,
        scout=scout(*places),
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        opened = Deck(app, pilot)
        if vm is None:
            await opened.sees("Monitor of the VM to back up")
        else:
            try:
                await until(lambda: app.worker is not None and app.worker.snapshot.loaded)
            except AssertionError as error:
                raise AssertionError(f"no VM was opened:\n{opened.screen}") from error
            await until(lambda: app.screen.query(VmHeader) and "connected" in opened.header)
        yield opened


async def nothing_in_mind(deck: Deck) -> None:
    """Wait until the form neither judges nor means to ask QEMU anything."""
    groups = {"judge", "referee"}
    await deck.settle()
    await until(lambda: all(w.is_finished for w in deck.app.workers if w.group in groups))


async def open_form(deck: Deck, disk: str) -> Form:
    """From the disks to the form of one of them, once it is judged."""
    await deck.go_to_row(disk)
    await deck.press("b")
    await until(lambda: isinstance(deck.app.screen, BackupScreen))
    form = Form(deck)
    await until(lambda: form.status != "" and form.focused == "target")
    return form
