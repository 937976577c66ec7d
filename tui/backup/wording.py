"""How values appear in messages."""

from datetime import datetime, timedelta

from tui.text import plain

_LONGEST = 60


def quote(value: object) -> str:
    """A value in single quotes, shortened, with what cannot be seen written as an escape."""
    return f"'{plain(value if isinstance(value, str) else str(value), _LONGEST)}'"


def when(moment: datetime, now: datetime) -> str:
    """A moment in words, as `today 14:02`, `yesterday 14:02` or `on 2024-05-01`."""
    if moment.date() == now.date():
        return f"today {moment:%H:%M}"
    if moment.date() == (now - timedelta(days=1)).date():
        return f"yesterday {moment:%H:%M}"
    return f"on {moment:%Y-%m-%d}"


def article(noun: str) -> str:
    """A noun with its indefinite article."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"
