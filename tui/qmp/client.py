"""`qemu.qmp`'s client without its hoarding, and what may be said through it."""

import asyncio
import contextlib
import json
import logging
import re
import socket
from collections.abc import Callable, Mapping

from pydantic import ValidationError
from qemu.qmp import QMPClient, Runstate
from qemu.qmp.message import DeserializationError, Message
from qemu.qmp.qmp_client import ServerParseError

from tui.qmp.diagnosis import excerpt
from tui.qmp.errors import CommandUnsendable
from tui.qmp.models import QmpEvent
from tui.qmp.quick import QuickEvents, Turns

logger = logging.getLogger(__name__)

LONGEST_LINE = 32 * 1024 * 1024
"""Longest message taken from QEMU, in bytes; the schema, the longest known, has 1 % of it."""

_READ_AHEAD = 1024 * 1024
"""Half of what is read before it is taken in, in bytes: a second or two of the worst flood. With
`LONGEST_LINE` here, tens of MB would lie around of a flood that comes faster than it is taken in;
from then on it is QEMU that holds them either way."""

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
        super().__init__(readbuflen=_READ_AHEAD)
        self._on_event = on_event
        self._quick = QuickEvents()
        self._turns = Turns()
        # A filter that refuses everything keeps the queue and history of the listener empty.
        self.events.event_filter = self._hear

    def _hear(self, message: Message) -> bool:
        try:
            event = QmpEvent.model_validate(dict(message))
        except ValidationError as error:
            logger.warning("An event that is not one was dropped: %s", error)
            return False
        self._hand_on(event)
        return False

    def _hand_on(self, event: QmpEvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            # Whatever leaves this filter would kill the reader, and the connection with it.
            logger.exception("The handler of %s failed", event.event)

    async def _do_recv(self) -> Message:
        message = await self._next_message()
        # One that finds its client waiting when it starts may greet twice, and an event, or what
        # the client before had asked for, may come before the answer to the negotiation; the
        # library would take any of these for that answer.
        while self._greeting is not None and ("QMP" in message or self._is_early(message)):
            message = await self._next_message()
        return message

    async def _next_message(self) -> Message:
        """The next message; the events before it are handed on without the library's detours."""
        while True:
            line = await self._readline()
            if self._turns.over():
                # Reading what is there already never pauses, and a flood would let nobody in.
                await asyncio.sleep(0)
            running = self.runstate is Runstate.RUNNING
            event = self._quick.read(line) if running else None
            if event is None:
                return Message(line, eager=True)
            self._hand_on(event)

    async def _readline(self) -> bytes:
        """One message: one line, or many from a monitor that writes its JSON for people.

        `-qmp-pretty` begins each message with a lone brace and ends it with one in column 0.
        """
        lines = [await self._line()]
        if lines[0].strip() == b"{":
            length = 0
            while not lines[-1].startswith(b"}"):
                lines.append(await self._line())
                length += len(lines[-1])
                if length > LONGEST_LINE:
                    raise ValueError("a message without end")
        return b"".join(lines)

    async def _line(self) -> bytes:
        """One line, which may be longer than what is read ahead; the last need not be whole.

        Raises:
            EOFError: there is none any more.
            ValueError: it has no end.
        """
        assert self._reader is not None
        pieces, length = list[bytes](), 0
        # One without end is not waited for until what is read ahead is full once more.
        while length <= LONGEST_LINE - _READ_AHEAD:
            try:
                pieces.append(await self._reader.readuntil(b"\n"))
            except asyncio.LimitOverrunError as more:
                pieces.append(await self._reader.readexactly(more.consumed))
                length += more.consumed
                continue
            except asyncio.IncompleteReadError as last:
                pieces.append(last.partial)
            if not any(pieces):
                raise EOFError
            return b"".join(pieces)
        raise ValueError("a line without end")

    def _is_early(self, message: Message) -> bool:
        """Whether it is an event from before the session, which is heard, or is not for us at all.

        The negotiation has no id, so whatever has one was asked by another client.
        """
        if self.runstate is not Runstate.CONNECTING:
            return False
        if "event" in message:
            self._hear(message)
        return "event" in message or message.get("id") is not None

    def _do_send(self, msg: Message) -> None:
        assert self._writer is not None
        # QEMU needs no end of line; what passes messages on one by one does.
        self._writer.write(bytes(msg) + b"\n")

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
