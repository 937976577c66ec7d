"""What a terminal makes of bytes: tmux is the one that tells."""

from pathlib import Path

from tests.journeys.tmux import Tmux
from tests.waiting import until

_END = b"\x1b]2;all was drawn\x07"


async def picture(sent: bytes | bytearray, size: tuple[int, int], directory: Path) -> str:
    """The screen after these bytes."""
    file = directory / "sent"
    file.write_bytes(sent + _END)
    terminal = Tmux(*size)
    try:
        # Raw, as the program that sent them had it: nothing is added to a line feed.
        terminal.run("sh", "-c", 'stty raw -echo; cat "$0"; exec sleep 600', file)
        await until(lambda: terminal.title == "all was drawn")
        return terminal.screen
    finally:
        terminal.close()
