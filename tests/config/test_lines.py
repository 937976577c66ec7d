"""The line of a key is the line in which it stands, whatever is around it."""

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from tui.config.key_path import KeyPath, line_of
from tui.config.lines import key_lines

NAMES = st.text(st.sampled_from("abç .\"'[]=#\t\\"), min_size=1, max_size=5)
TEXTS = st.text(st.sampled_from("ab\n\"'[]{}=#, \\"), max_size=20)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def literal(text: str) -> str:
    """A multi-line literal, where the text allows it."""
    fits = "'''" not in text and not text.endswith("'") and not text.startswith("\n")
    return f"'''{text}'''" if fits else quoted(text)


VALUES = st.one_of(
    st.integers().map(str),
    st.booleans().map(lambda value: str(value).lower()),
    TEXTS.map(quoted),
    TEXTS.map(literal),
    st.lists(TEXTS.map(literal), max_size=3).map(lambda e: "[\n  # ]\n" + ",\n".join(e) + "\n]"),
    st.lists(st.lists(st.integers().map(str)).map(lambda e: f"[{', '.join(e)}]"), max_size=3).map(
        lambda each: f"[{', '.join(each)}]"
    ),
)
NOISE = st.lists(st.sampled_from(["", "# [no.table]", "   ", "# a = 1", "\t# '''"]), max_size=2)
TABLES = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=4)


@given(tables=TABLES, noise=NOISE, ending=st.sampled_from(["\n", "\r\n"]))
def test_each_key_is_found_in_its_line(
    tables: dict[str, dict[str, str]], noise: list[str], ending: str
) -> None:
    lines: list[str] = []
    wanted: dict[KeyPath, int] = {}
    for table, content in tables.items():
        lines += noise
        wanted[(table,)] = len(lines) + 1
        lines.append(f"[{quoted(table)}] # one")
        for key, value in content.items():
            lines += noise
            wanted[(table, key)] = len(lines) + 1
            lines += f"{quoted(key)} = {value}".split("\n")
    text = ending.join(lines)
    tomllib.loads(text)
    assert key_lines(text) == wanted


def test_dotted_keys_inline_tables_and_arrays_of_tables() -> None:
    text = "a.b = 1\nc = { d = 2, e = { f = 3 } }\n\n[x.y]\nz = [\n  1,\n]\n"
    text += "[[t]]\nu = 1\n[[t]]\nu = 2\n"
    assert key_lines(text) == {
        ("a",): 1,
        ("a", "b"): 1,
        ("c",): 2,
        ("c", "d"): 2,
        ("c", "e"): 2,
        ("c", "e", "f"): 2,
        ("x",): 4,
        ("x", "y"): 4,
        ("x", "y", "z"): 5,
        ("t",): 8,
        ("t", "u"): 9,
    }


def test_what_has_no_line_has_that_of_what_is_around_it() -> None:
    lines = key_lines("[a]\nb = [\n 1,\n 2\n]\n")
    assert line_of(("a", "b", 1), lines) == 2
    assert line_of(("a", "c"), lines) == 1
    assert line_of(("d",), lines) is None


def test_a_value_of_very_many_lines_is_read_in_a_moment() -> None:
    text = "a = [\n" + '"x",\n' * 100_000 + "]\nb = 1\n"
    assert key_lines(text) == {("a",): 1, ("b",): 100_003}
