"""The `blockdeck` command: the way into the UI, and everything that needs no screen."""

from tui.cli.entry import main

__all__ = ["main"]
