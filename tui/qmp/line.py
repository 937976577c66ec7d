"""An open way to a monitor: QMP is spoken on its socket, whatever lies beyond it.

Each transport turns an address into a line. All that follows, the handshake, the session, the
diagnosis, needs to know of no transport.
"""

import socket


class Line:
    """A connected, non-blocking socket on which the monitor speaks.

    Attributes:
        sock: for whoever speaks QMP; the line is closed after it.
        peer_pid: the process on this host that serves the monitor; None where it cannot be told.
        advice: what to do when the other side hangs up without a word; may be empty.
        broken: why the line broke, in words, where it knows more than that it did.
    """

    def __init__(
        self, sock: socket.socket, *, peer_pid: int | None = None, advice: str = ""
    ) -> None:
        self.sock = sock
        self.peer_pid = peer_pid
        self.advice = advice
        self.broken = ""

    async def close(self) -> None:
        """Let go of everything within half a second; idempotent, never raises."""
        self.sock.close()
