"""Where the UI is refused, and where it draws in ASCII."""

import io
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tui.terminal import prepare_environment, refusal, unicode_ok

Terminal = io.TextIOWrapper


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    controller, end = pty.openpty()
    with os.fdopen(end, "r", encoding="utf-8") as stream:
        yield stream
    os.close(controller)


@pytest.mark.parametrize(
    "term",
    ["xterm", "xterm-256color", "screen", "tmux-256color", "linux", "vt100", "xterm-kitty", "foot"],
)
def test_the_terminals_of_operators_are_accepted(terminal: Terminal, term: str) -> None:
    assert refusal({"TERM": term}, terminal, terminal) is None


@pytest.mark.parametrize("term", ["dumb", "unknown", "", "no-such-terminal", "\x1b[2J"])
def test_a_terminal_without_a_screen_is_refused_in_one_line(terminal: Terminal, term: str) -> None:
    said = refusal({"TERM": term}, terminal, terminal)
    assert said is not None
    assert said.isprintable()
    assert "blockdeck devices, jobs, check or backup" in said


def test_term_may_be_missing(terminal: Terminal) -> None:
    assert "TERM is not set" in (refusal({}, terminal, terminal) or "")


def test_both_ends_must_be_terminals(terminal: Terminal) -> None:
    environ = {"TERM": "xterm"}
    with Path(os.devnull).open(encoding="utf-8") as nothing:
        assert "Standard input is not a terminal" in (refusal(environ, nothing, terminal) or "")
        assert "Standard error is not a terminal" in (refusal(environ, terminal, nothing) or "")
    assert refusal(environ, None, terminal) is not None
    assert refusal(environ, nothing, terminal) is not None


@pytest.mark.parametrize(
    ("environ", "ok"),
    [
        ({"LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "C.utf8"}, True),
        ({"LANG": "C"}, False),
        ({}, False),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1", "LC_ALL": ""}, False),
    ],
)
def test_the_locale_tells_whether_unicode_is_shown(environ: dict[str, str], ok: bool) -> None:
    assert unicode_ok(environ) is ok


@pytest.mark.parametrize(("lang", "ok"), [("C", "False"), ("C.UTF-8", "True")])
def test_python_does_not_hide_a_locale_without_unicode(lang: str, ok: str) -> None:
    asked = "from tui.terminal import unicode_ok; print(unicode_ok())"
    answer = subprocess.run(
        [sys.executable, "-c", asked], env={"LANG": lang}, capture_output=True, text=True
    )
    assert answer.stdout.strip() == ok


def test_the_operators_own_settings_win() -> None:
    environ = {"TEXTUAL_ANIMATIONS": "full"}
    prepare_environment(environ)
    assert environ == {"TEXTUAL_ANIMATIONS": "full", "TEXTUAL_SMOOTH_SCROLL": "0"}
