"""Whether the terminal at hand can carry the UI, found out before anything heavy is imported."""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TextIO

SCREENLESS = (
    "Without a screen, use blockdeck devices, jobs, check or backup (see blockdeck --help)."
)

BROWSER_DRIVER = "tui.web.driver:BrowserDriver"
"""What draws for `blockdeck serve`, as Textual finds it."""

_UNABLE = frozenset({"", "dumb", "unknown", "network", "dialup", "switch"})

# Terminals that take the sequences the UI is drawn with, also where terminfo has no entry for them.
_KNOWN = (
    "xterm",
    "screen",
    "tmux",
    "linux",
    "vt100",
    "vt102",
    "vt220",
    "vt320",
    "vt420",
    "rxvt",
    "foot",
    "alacritty",
    "kitty",
    "wezterm",
    "ghostty",
    "contour",
    "konsole",
    "gnome",
    "mlterm",
    "putty",
    "st-",
    "ansi",
    "mintty",
    "iterm",
    "vscode",
)

_CURSOR_SEQUENCE = b"\x1b["

_TEXTUAL_DEFAULTS = {
    # Every frame of an animation is a screenful on the line.
    "TEXTUAL_ANIMATIONS": "none",
    "TEXTUAL_SMOOTH_SCROLL": "0",
}


def refusal(environ: Mapping[str, str], stdin: TextIO | None, stderr: TextIO | None) -> str | None:
    """Why the UI cannot be shown, in one line that names what can be used; None if it can.

    Args:
        environ: where TERM is looked up.
        stdin: where keys would come from.
        stderr: where Textual would draw; standard output may be redirected.
    """
    for stream, name in ((stdin, "Standard input"), (stderr, "Standard error")):
        if not _is_terminal(stream):
            return f"{name} is not a terminal. {SCREENLESS}"
    term = environ.get("TERM", "")
    if _understands(term):
        return None
    what = f"The terminal type (TERM={term!a})" if term else "The terminal type (TERM is not set)"
    return f"{what} cannot show a screen. {SCREENLESS}"


def in_a_browser(environ: Mapping[str, str] | None = None) -> bool:
    """Whether `blockdeck serve` has started this process, for a browser and not for a terminal."""
    return (environ or os.environ).get("TEXTUAL_DRIVER") == BROWSER_DRIVER


def _is_terminal(stream: TextIO | None) -> bool:
    # Python has None for a standard stream that was closed before it started.
    return stream is not None and not stream.closed and stream.isatty()


def _understands(term: str) -> bool:
    if term in _UNABLE:
        return False
    return term.startswith(_KNOWN) or _in_terminfo(term)


def _in_terminfo(term: str) -> bool:
    """Whether terminfo knows the terminal and its cursor is moved by ECMA-48 sequences."""
    try:
        import curses
    except ImportError:
        # Some builds of Python come without it; then only the known names count.
        return False
    try:
        curses.setupterm(term, 2)
    except curses.error:
        return False
    return (curses.tigetstr("cup") or b"").startswith(_CURSOR_SEQUENCE)


def prepare_environment(environ: MutableMapping[str, str] | None = None) -> None:
    """Give Textual defaults that suit a slow line; it reads them while it is imported."""
    target = os.environ if environ is None else environ
    for name, value in _TEXTUAL_DEFAULTS.items():
        target.setdefault(name, value)


def environment_at_start() -> Mapping[str, str]:
    """The environment this process was given.

    Python changes LC_CTYPE of its own environment when it finds the locale "C".
    """
    try:
        raw = Path("/proc/self/environ").read_bytes()
    except OSError:
        return os.environ
    pairs = (os.fsdecode(entry).partition("=") for entry in raw.split(b"\0") if b"=" in entry)
    return {name: value for name, _, value in pairs}


def unicode_ok(environ: Mapping[str, str] | None = None) -> bool:
    """Whether the locale says that the terminal shows Unicode.

    Args:
        environ: where LC_ALL, LC_CTYPE and LANG are looked up; the first that is set counts.
    """
    environ = environment_at_start() if environ is None else environ
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    locale = next((environ[name] for name in names if environ.get(name)), "")
    return "utf8" in locale.lower().replace("-", "")
