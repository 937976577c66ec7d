"""Does something once what it takes is there."""

from collections.abc import Callable
from functools import partial

from textual.message_pump import MessagePump

_AGAIN = 0.01
"""Seconds until it is looked at again."""


def once(node: MessagePump, so: Callable[[], object], act: Callable[[], None]) -> None:
    """Act now if it is so, else as soon as it is; never, where the node goes before that.

    `call_later` and `call_after_refresh` are no way to look again and again: Textual does what they
    ask for before it gives anybody else a turn. Who waited like that for another widget to come, or
    to go, would wait for ever, and nothing on the screen would move any more.
    """
    if so():
        act()
    else:
        node.set_timer(_AGAIN, partial(once, node, so, act))
