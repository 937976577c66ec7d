"""An end without complaints, whatever comes to the screen just then."""

import logging

from textual.app import App, ScreenStackError
from textual.css.query import NoMatches
from textual.dom import NoScreen
from textual.widget import MountError
from textual.worker import WorkerFailed

log = logging.getLogger(__name__)

_GONE = (MountError, NoMatches, NoScreen, ScreenStackError)
"""What is said of a part that is not there, or has no place any more."""


class CalmlyEnded(App[int]):
    """An app that may be left at any moment, as while a form with its many fields comes."""

    def _handle_exception(self, error: Exception) -> None:
        # As it ends Textual takes away one widget after the other. Those that come at that moment,
        # Textual's own as well, look for parts that they do not get any more; who has left would
        # be told in a traceback.
        cause = error.error if isinstance(error, WorkerFailed) else error
        if self._exit and isinstance(cause, _GONE):
            log.info("Gone as it came, while the app ended: %s", cause)
            return
        super()._handle_exception(error)
