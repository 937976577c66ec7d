"""`qemu.qmp`'s client without its hoarding, and what may be said through it."""

import asyncio
import contextlib
import json
import logging
import re
import socket
from collections.abc import Callable, Mapping

from pydantic import ValidationError
from qemu.qmp import QMPClient
from qemu.qmp.message import DeserializationError, Message
from qemu.qmp.qmp_client import ServerParseError

from tui.qmp.diagnosis import excerpt
from tui.qmp.errors import CommandUnsendable
from tui.qmp.models import QmpEvent

logger = logging.getLogger(__name__)

LONGEST_LINE = 32 * 1024 * 1024
"""Longest message taken from QEMU, in bytes; the schema, the longest known, has 1 % of it."""

CLOSED_BY_US = "BlockDeck closed the connection"

_FLUSH_SECONDS = 0.3
_FORCE_SECONDS = 0.5

# QEMU's parser takes neither lone surrogates nor Unicode's noncharacters, and it answers a parse
# error without an id, which the library takes as the end of the connection.
_UNSPEAKABLE = re.compile(
    "[\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)


class Client(QMPClient):
    """A client that hands each event on at once and keeps none.

    `on_event` runs within the reader, so that events arrive in order and before the reply of the
    command that caused them. An exception it raises is logged and ends nothing.
    """

    def __init__(self, on_event: Callable[[QmpEvent], None]) -> None:
        super().__init__(readbuflen=LONGEST_LINE)
        self._on_event = on_event
        # A filter that refuses everything keeps the queue and history of the listener empty.
        self.events.event_filter = self._hear

    def _hear(self, message: Message) -> bool:
        try:
            event = QmpEvent.model_validate(dict(message))
        except ValidationError as error:
            logger.warning("An event that is not one was dropped: %s", error)
            return False
        try:
            self._on_event(event)
        except Exception:
            # Whatever leaves this filter would kill the reader, and the connection with it.
            logger.exception("The handler of %s failed", event.event)
        return False

    async def _do_recv(self) -> Message:
        message = await super()._do_recv()
        # One that finds its client waiting when it starts may greet twice; the library would take
        # the second greeting for the answer to its first command.
        while self._greeting is not None and "QMP" in message:
            message = await super()._do_recv()
        return message

    # The library writes each message out, indented, for a debug log that nobody reads.
    def _cb_inbound(self, msg: Message) -> Message:
        return msg

    def _cb_outbound(self, msg: Message) -> Message:
        return msg

    async def end(self, sock: socket.socket) -> BaseException | None:
        """Disconnect within 0.8 s, by force where QEMU does not take what is still unsent.

        Returns:
            What had broken the connection, or None if nothing had.
        """
        ending = asyncio.create_task(self.disconnect())
        await asyncio.wait({ending}, timeout=_FLUSH_SECONDS)
        if not ending.done():
            # It fails where the other side is gone already, which is as good.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            await asyncio.wait({ending}, timeout=_FORCE_SECONDS)
        if not ending.done():
            logger.error("The connection did not end in time")
            ending.cancel()
            await asyncio.wait({ending}, timeout=_FLUSH_SECONDS)
        return ending.exception() if ending.done() and not ending.cancelled() else None


def check_sendable(command: str, arguments: Mapping[str, object] | None) -> None:
    """Make sure that the arguments are JSON as QEMU reads it.

    Raises:
        CommandUnsendable: they are not; sending them would end the connection.
    """
    try:
        text = json.dumps(arguments, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise CommandUnsendable(command, f"Not sent: {error}.") from error
    found = _UNSPEAKABLE.search(text)
    if found:
        raise CommandUnsendable(
            command, f"Not sent: U+{ord(found.group()):04X} cannot be written in QMP."
        )


def reason(error: BaseException | None) -> str:
    """How a connection ended, in words, from what `disconnect()` raised."""
    match error:
        case None:
            return CLOSED_BY_US
        case EOFError():
            return "QEMU closed the connection"
        case ConnectionError():
            return "The connection to QEMU was reset"
        case OSError():
            return f"The connection to QEMU broke: {error.strerror or error}"
        case DeserializationError() if not error.raw.endswith(b"\n"):
            return "QEMU closed the connection in the middle of a message"
        case DeserializationError():
            return f"QEMU sent something that is not QMP: {excerpt(error.raw)}"
        case ServerParseError():
            return f"QEMU did not understand what it was sent: {error.msg.get('error')}"
        case ValueError() if not isinstance(error, UnicodeError):
            return f"QEMU sent a message of more than {LONGEST_LINE // 2**20} MiB"
    return "QEMU sent something that is not QMP"
