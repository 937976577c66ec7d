"""What all dialogs have in common."""

from typing import Generic, TypeVar

from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer], Generic[Answer]):
    """A page on top of another one: it is answered once, and while it is the one on top."""

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close it with an answer, unless it is closed already, or another one covers it.

        Textual would close whatever is on top then: a second Enter would close the form below.
        """
        return super().dismiss(result) if self.is_active else AwaitComplete()
