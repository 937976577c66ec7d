"""Pictures of the screen without what is different each time."""

import re
from collections.abc import Callable

_Words = str | Callable[[re.Match[str]], str]

_PASSING: tuple[tuple[re.Pattern[str], _Words], ...] = (
    (re.compile(r"terminal-\d+"), "terminal"),
    (re.compile(r"blockdeck-demo-[a-z0-9_]{8}"), "blockdeck-demo-aaaaaaaa"),
    (re.compile(r"blockdeck-host-[a-z0-9_]{8}"), "blockdeck-host-aaaaaaaa"),
    (re.compile(r"(?<=ck-demo-)[a-z0-9_]{8}(?=/)"), "aaaaaaaa"),
    (re.compile(r"(?<=blockdeck-demo…)[a-z0-9_]{1,8}(?=/)"), lambda cut: "a" * len(cut[0])),
    # What is remembered, and a report in it.
    (re.compile(r"(?<=/tmp/)tmp[a-z0-9_]{8}(?=/)"), "tmpaaaaaaaa"),
    (re.compile(r"\b20\d{6}T\d{6}\.\d{6}(?=-)"), "20260131T120000.000000"),
    (re.compile(r"(?<=>)[a-z0-9_]{1,8}(?=/reports/)"), lambda cut: "a" * len(cut[0])),
    (re.compile(r"(>(?:t?m)?p)[a-z0-9_]{8}(?=/reports/)"), r"\1aaaaaaaa"),
    (
        re.compile(r"(?<=>)(?:\d{0,7}T)?\d{1,6}\.\d{6}(?=-)"),
        lambda cut: "20260131T120000.000000"[-len(cut[0]) :],
    ),
    # A number in their order, and two digits by chance.
    (re.compile(r"(?<=#block)(\d+)\d\d(?!\d)"), r"\g<1>00"),
    # The same, without its beginning.
    (
        re.compile(r"(?<=>)\d{1,4}(?=(?:&#160;){2}\(made&#160;up)"),
        lambda cut: f"{cut[0][:-2]}00"[-len(cut[0]) :],
    ),
    (re.compile(r"\b20\d\d-\d\d-\d\d\b"), "2026-01-31"),
    (re.compile(r"\b20\d{12}\b"), "20260131120000"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "12:00:00"),
    (re.compile(r"\b\d\d:\d\d\b"), "12:00"),
    (re.compile(r"(?<=blockdeck-)[0-9a-f]{8}\b"), "a1b2c3d4"),
    # Cut off by a dialog; a disk of the demo may begin like that as well.
    (
        re.compile(r"(?<=blockdeck-)(?!(?:a|cd?|da?)<)[0-9a-f]{1,7}(?=<)"),
        lambda cut: "a1b2c3d4"[: len(cut[0])],
    ),
    # Cut off at the other side: a bitmap of a chain.
    (
        re.compile(r"(?<=>)([a-z]{0,8}-)?([0-9a-f]{1,8})(?=-\d(?:&#160;){2}\d)"),
        lambda cut: (cut[1] or "") + "a1b2c3d4"[-len(cut[2]) :],
    ),
    # The name of an image, after that of its disk.
    (re.compile(r"-[0-9a-f]{8}(?=-0\d{3}\.)"), "-a1b2c3d4"),
    # How much room there is on the machine.
    (re.compile(r"\b\d{3}&#160;GiB&#160;free"), "100&#160;GiB&#160;free"),
    (re.compile(r"(?<=room&#160;for&#160;)\d{3}(?=&#160;GiB)"), "100"),
    (re.compile(r"(?<=chain&#160;)[0-9a-f]{8}\b"), "a1b2c3d4"),
    (re.compile(r"\b[0-9a-f]{8}(?=(?:&#160;){2}point&#160;)"), "a1b2c3d4"),
    # How long reading images took.
    (re.compile(r"(?<=&#160;in&#160;)\d(?=&#160;s\b)"), "1"),
)
"""Each has the length of what it stands for, so that nothing moves."""

_DAY, _TIME = "2026-01-31 12:00", "20260131-120000"
_CUT = (
    # A date and a time, whole or without its end, where a line or a cell ends.
    (re.compile(r"\b20\d{6}(?:-\d{0,6})?(?!\d)"), lambda cut: _TIME[: len(cut[0])]),
    (re.compile(r"\b20\d{2,5}(?=…)"), lambda cut: _TIME[: len(cut[0])]),
    (re.compile(r"(?<=-)20\d{2,5}(?=<)"), lambda cut: _TIME[: len(cut[0])]),
    (re.compile(r"\b20\d\d-[\d-]{0,4}(?=<)"), lambda cut: _DAY[: len(cut[0])]),
    (re.compile(r"(?<=-31&#160;)\d[\d:]{0,3}(?=<)"), lambda cut: _DAY[11 : 11 + len(cut[0])]),
    # Without its beginning.
    (re.compile(r"(?<![\d-])\d{1,7}-\d{6}\b"), lambda cut: _TIME[-len(cut[0]) :]),
    (re.compile(r"(?<=[>…])-?\d{1,6}(?=\.qcow2)"), lambda cut: _TIME[-len(cut[0]) :]),
    (re.compile(r"(?<=…)-?\d{1,6}(?=&#160;|<)"), lambda cut: _TIME[-len(cut[0]) :]),
)


def still(svg: str) -> str:
    """A picture with the same times and the same made-up names each time."""
    for pattern, words in _PASSING:
        svg = pattern.sub(words, svg)
    return _same_time(svg)


def _same_time(text: str) -> str:
    for pattern, part in _CUT:
        text = pattern.sub(part, text)
    return text


def without_web_font(svg: str) -> str:
    """The picture with the fonts of whoever looks at it, fetched from nowhere."""
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    return re.sub(r"font-family:\s*[^;]*;", "font-family: monospace;", svg)
