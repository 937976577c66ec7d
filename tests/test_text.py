"""Nothing foreign reaches the terminal as anything but visible text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from tui.text import markup, plain

ANYTHING = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("drive0", "drive0"),
        ("[/red] [bold]x", "[/red] [bold]x"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J\x7f\0", "\\x9b2J\\x7f\\x00"),
        ("evil\u202egnp.exe", "evil\\u202egnp.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028para\u2029", "line\\u2028para\\u2029"),
        ("byte \udcff", "byte \\udcff"),
        ("tag \U000e0041", "tag \\U000e0041"),
        ("heart \u2764\ufe0f", "heart \u2764\\ufe0f"),
        ("Größe 磁盘 🦊", "Größe 磁盘 🦊"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_becomes_an_escape(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("/backup/drive0.qcow2", 20, "/backup/drive0.qcow2"),
        ("/backup/drive0.qcow2", 11, "/back…qcow2"),
        ("磁盘磁盘磁盘", 7, "磁…盘"),
        ("磁盘磁盘磁盘", 9, "磁盘…磁盘"),
        ("\x1b\x1b\x1b", 11, "\\x1b…\\x1b"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_the_middle_gives_way_to_the_limit(text: str, limit: int, shown: str) -> None:
    assert plain(text, limit) == shown


@given(ANYTHING)
def test_every_character_of_the_result_is_visible(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(ANYTHING, st.integers(0, 60))
def test_no_text_is_wider_than_its_limit(text: str, limit: int) -> None:
    assert cell_len(plain(text, limit)) <= limit


@given(ANYTHING)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)


def test_four_thousand_characters_fit_a_cell() -> None:
    assert plain("x" * 4000, 10) == "xxxxx…xxxx"


@given(ANYTHING | st.text("[]/\\ab=#@$('\""))
def test_as_markup_a_text_is_shown_as_it_is(text: str) -> None:
    assert Content.from_markup(markup(plain(text))).plain == plain(text)
