"""Writes the page about the keys: `python -m tui.keys_reference > docs/reference/keys.md`."""

import sys
from collections.abc import Iterator

from textual.binding import Binding

from tui.app import BlockDeckApp
from tui.screens.all_keys import SCREENS, bindings_of, title_of

_HEAD = """\
# Keys

`?` shows them in BlockDeck, and `Ctrl+P` offers every act by name. Those with a name in the last
column can be [changed](../configuration.md). This page is generated from the bindings themselves:
`python -m tui.keys_reference > docs/reference/keys.md`.

While a field has the focus, letters are only text. Escape only ever goes back, and jobs go on
in QEMU when BlockDeck is left.
"""


def page() -> str:
    """The page, in Markdown."""
    app = BlockDeckApp()
    sources: tuple[type, ...] = (BlockDeckApp, *SCREENS)
    return "\n".join([_HEAD, *(line for source in sources for line in _table(app, source))])


def _table(app: BlockDeckApp, source: type) -> Iterator[str]:
    named = [b for b in bindings_of(source) if b.description and b.tooltip]
    if not named:
        return
    yield from (f"## {title_of(source)}", "", "| key | what | name |", "|---|---|---|")
    for binding in named:
        keys = " ".join(f"`{app.get_key_display(b)}`" for b in Binding.make_bindings([binding]))
        yield f"| {keys} | {binding.tooltip} | {f'`{binding.id}`' if binding.id else ''} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
