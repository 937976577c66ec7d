"""A line of foreign text that costs nothing while it does not change."""

from textual.content import Content
from textual.widgets import Static


class Line(Static):
    """A `Static` of fixed size whose content is never markup and never causes a layout."""

    def __init__(
        self, text: str | Content = "", *, id: str | None = None, classes: str | None = None
    ) -> None:
        self._shown: str | Content = text
        super().__init__(text, id=id, classes=classes, markup=False)

    @property
    def text(self) -> str:
        """What is shown, without styles."""
        return self._shown if isinstance(self._shown, str) else self._shown.plain

    def show(self, text: str | Content) -> None:
        """Show this text; nothing is sent when it is what stands there."""
        if not same(text, self._shown):
            self._shown = text
            self.update(text, layout=False)

    def show_resized(self, text: str | Content) -> None:
        """Show a text whose height may differ: a layout is made only if it does."""
        if not same(text, self._shown):
            before = self._height(self.text)
            self._shown = text
            self.update(text, layout=self._height(self.text) != before)

    def _height(self, text: str) -> int:
        """The lines it takes at the present width."""
        return Content(text).get_height({}, max(1, self.size.width))


def same(one: str | Content, other: str | Content) -> bool:
    """Whether two texts look the same."""
    if isinstance(one, Content) and isinstance(other, Content):
        # Content compares by its text alone; a state told by colour must repaint too.
        return one.plain == other.plain and one.spans == other.spans
    return one == other and type(one) is type(other)
