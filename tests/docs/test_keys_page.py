"""The page about the keys is that of the bindings there are."""

from tests.docs.pages import CHECKOUT
from tui.keys_reference import page

PAGE = CHECKOUT / "docs" / "reference" / "keys.md"


async def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page()
