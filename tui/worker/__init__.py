"""The one place where a QMP session meets the rest of BlockDeck. It knows no widgets."""

from tui.worker.pace import Pace
from tui.worker.worker import VmWorker

__all__ = ["Pace", "VmWorker"]
