"""A real terminal: a tmux server of the test's own, its keys and its screen."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.waiting import until

_SETTINGS = """
set -g status off
set -g default-terminal {term}
set -s escape-time 0
set -s set-clipboard external
"""

_NOT_OURS = frozenset({"TMUX", "COLUMNS", "LINES"})
"""What tells of the terminal that the tests themselves are run in."""

# tmux 3.3 sometimes overlooks that a pane's process has ended, so the pane has a shell that
# outlives the command and keeps what is left on the screen.
_SHELL = """
there=$1; shift
sh -c 'echo $$ >"$0/pid"; exec "$@"' "$there" "$@"
echo $? >"$there/status"
exec sleep 600
"""


class Tmux:
    """One pane of a size; what runs in it is started by `run`.

    Args:
        width: columns.
        height: lines.
        term: what TERM is in the pane.
        env: what else is set there; "" takes a variable away.
    """

    def __init__(
        self,
        width: int = 80,
        height: int = 24,
        *,
        term: str = "tmux-256color",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.size = width, height
        # The path of a socket is short, that of a test's directory may not be.
        self._directory = Path(tempfile.mkdtemp(prefix="bd-tmux-"))
        self._settings = self._directory / "tmux.conf"
        self._settings.write_text(_SETTINGS.format(term=term))
        self._env = {"TERM": term, "LC_ALL": "C.UTF-8", "COLORTERM": "", **(env or {})}

    def run(self, *words: str | Path) -> None:
        """Run a command in the pane."""
        given = [f"{name}={value}" for name, value in self._env.items() if value]
        taken = [word for name, value in self._env.items() if not value for word in ("-u", name)]
        command = ["env", *taken, *given, *map(str, words)]
        shell = shlex.join(["sh", "-c", _SHELL, "sh", str(self._directory), *command])
        width, height = map(str, self.size)
        self._tmux("new-session", "-d", "-x", width, "-y", height, "exec " + shell)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names (`Enter`, `Escape`, `F2`, `C-u`), one after the other."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type a text."""
        self._tmux("send-keys", "-l", text)

    def paste(self, text: str) -> None:
        """Paste a text, as terminals do into programs that can tell it from typing."""
        self._tmux("set-buffer", text)
        self._tmux("paste-buffer", "-d", "-p", "-r")

    def fill_in(self, text: str) -> None:
        """Paste a text in place of the one in the field."""
        self.press("End", "C-u")
        if text:
            self.paste(text)

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    @property
    def screen(self) -> str:
        """What stands on the screen."""
        return self._tmux("capture-pane", "-p")

    @property
    def coloured_screen(self) -> str:
        """What stands on the screen, with the sequences that colour it."""
        return self._tmux("capture-pane", "-p", "-e")

    async def sees(self, *texts: str) -> str:
        """Wait until all the texts stand on the screen; returns the screen."""
        last = ""

        def look() -> bool:
            nonlocal last
            last = self.screen
            return all(text in last for text in texts)

        try:
            await until(look)
        except AssertionError as error:
            raise AssertionError(f"{texts} not on the screen, but:\n{last}") from error
        return last

    async def sees_no_more(self, text: str) -> str:
        """Wait until a text is gone from the screen; returns the screen."""
        try:
            await until(lambda: text not in self.screen)
        except AssertionError as error:
            raise AssertionError(f"{text!r} still on the screen:\n{self.screen}") from error
        return self.screen

    async def exit_status(self) -> int:
        """Wait until the command has ended; returns its status."""
        try:
            return int(await until(lambda: self._told("status")))
        except AssertionError as error:
            raise AssertionError(f"it has not ended:\n{self.screen}") from error

    @property
    def alternate(self) -> bool:
        """Whether the alternate screen is on."""
        return self._format("alternate_on") == "1"

    @property
    def title(self) -> str:
        """The title that was set by what runs in the pane."""
        return self._format("pane_title")

    async def pid(self) -> int:
        """The process in the pane."""
        return int(await until(lambda: self._told("pid")))

    def _told(self, name: str) -> str:
        """What the shell in the pane has written down."""
        file = self._directory / name
        return file.read_text() if file.exists() else ""

    def close(self) -> None:
        """End the server and all in it."""
        self._tmux("kill-server", check=False)
        shutil.rmtree(self._directory)

    def _format(self, name: str) -> str:
        return self._tmux("display-message", "-p", f"#{{{name}}}").strip()

    def _tmux(self, *words: str, check: bool = True) -> str:
        socket, settings = str(self._directory / "socket"), str(self._settings)
        surroundings = {n: value for n, value in os.environ.items() if n not in _NOT_OURS}
        done = subprocess.run(
            ["tmux", "-u", "-S", socket, "-f", settings, *words],
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=30,
            env=surroundings,
        )
        assert not check or done.returncode == 0, (words, done.stderr)
        return done.stdout
