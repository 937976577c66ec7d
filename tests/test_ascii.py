"""A screen without Unicode is the same screen: nothing moves."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.ascii import ascii_only
from tui.text import plain


@given(st.text())
def test_it_is_ascii_and_as_wide_as_before(text: str) -> None:
    shown = plain(text)
    assert ascii_only(shown).isascii()
    assert cell_len(ascii_only(shown)) == cell_len(shown)


@given(st.text(alphabet=string.printable + "\x1b\x07"))
def test_ascii_is_left_alone(text: str) -> None:
    assert ascii_only(text) == text


@pytest.mark.parametrize(
    ("drawn", "sent"),
    [
        ("│ ─── ┌┐", "| --- ++"),
        ("████░░░░  50%", "####....  50%"),
        ("▁▂▃▄▅▆▇█", "_.--==##"),
        ("└─ base.qcow2", "+- base.qcow2"),
        ("a long name…", "a long name~"),
        ("20 – 30 MiB/s", "20 - 30 MiB/s"),
        ("中文", "????"),
        ("é", "?"),
        ("e\u0301", "e"),
    ],
)
def test_what_is_drawn_stays_readable(drawn: str, sent: str) -> None:
    assert ascii_only(drawn) == sent
