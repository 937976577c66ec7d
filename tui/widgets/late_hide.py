"""News of having been hidden that comes late."""

from textual import events
from textual.widget import Widget


def keep_focus(control: Widget, hide: events.Hide) -> None:
    """Let a control keep the focus that it got as it was unfolded again.

    It is told that it is hidden after the layout in which it was. By then it may be back, and gone
    to, as F2 follows F3 at once; Textual would take the focus away for good.
    """
    if all(node.display for node in control.ancestors_with_self if isinstance(node, Widget)):
        hide.prevent_default()
