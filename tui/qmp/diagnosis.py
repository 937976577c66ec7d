"""Why no session came about, told from what the host and the other side show."""

import asyncio
import json
import socket
import struct

import psutil

from tui.qmp.address import MonitorAddress, TcpAddress, TlsAddress, UnixAddress
from tui.qmp.errors import (
    ConnectFailure,
    MonitorBusy,
    NobodyListens,
    NotQmp,
    NotResponding,
    WayNotServed,
)
from tui.qmp.line import Line

_PING_SECONDS = 0.5
_EXCERPT = 60

SECOND_MONITOR = "-qmp unix:/run/vm2.sock,server=on,wait=off"
"""The option that gives a VM one more monitor."""

_WHY_HUNG_UP = {
    False: "The QEMU behind it may be ending, or the socket serves something else.",
    True: "The QEMU behind it may be ending, or it takes TLS alone: tls://HOST:PORT.",
}

# How servers that speak first and are no QMP begin.
_BANNERS = (
    (b"RFB ", "That is a VNC server, not a QMP monitor."),
    (b"SSH-", "That is an SSH server, not a QMP monitor."),
    (b"HTTP/", "That is a web server, not a QMP monitor."),
    (b"\x15\x03", "That port speaks TLS: use tls://HOST:PORT."),
    (b"\xff", "That monitor speaks telnet: give it a plain socket instead of telnet:."),
)


def excerpt(raw: bytes) -> str:
    """A short quotation of foreign bytes with everything unprintable escaped."""
    shortened = raw[:_EXCERPT]
    quoted = shortened.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")
    return f'"{quoted}"' + (" …" if len(raw) > len(shortened) else "")


def peer_pid(sock: socket.socket) -> int | None:
    """The process that listens behind a connected Unix socket (`SO_PEERCRED`).

    None for TCP, and where the process lives in a PID namespace that is not visible from here.
    """
    if sock.family != socket.AF_UNIX:
        return None
    layout = struct.Struct("3i")
    pid, _, _ = layout.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, layout.size))
    return int(pid) or None


def stopped_process(pid: int | None) -> str | None:
    """What holds the process up, in words, or None if nothing does or it cannot be told."""
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        name, status = process.name(), process.status()
    except psutil.Error:
        return None
    who = f"QEMU process {pid}" if name.startswith("qemu") else f"Process {pid} ({name})"
    if status == psutil.STATUS_STOPPED:
        return f"{who} is stopped (SIGSTOP)"
    if status == psutil.STATUS_TRACING_STOP:
        return f"{who} is held by a debugger"
    return None


def hung_up(address: MonitorAddress, line: Line) -> NobodyListens:
    """The other side closed the connection before a whole greeting."""
    # Over TLS that may be its answer to a certificate that it does not take any more.
    kind = WayNotServed if isinstance(address, TlsAddress) else NobodyListens
    return kind(
        address,
        f"{line.broken}." if line.broken else f"{address} closed the connection before it greeted.",
        line.advice or _WHY_HUNG_UP[type(address) is TcpAddress],
    )


def not_qmp(address: MonitorAddress, first: bytes) -> NotQmp:
    """The other side spoke first, and it was no QMP greeting."""
    # `-qmp` and `-monitor` differ in one word, so this is the likeliest mistake of all.
    if first.startswith(b"QEMU ") or b"(qemu) " in first:
        return NotQmp(
            address,
            "That is QEMU's human monitor (HMP), not a QMP monitor.",
            f"Start QEMU with a QMP monitor as well: {SECOND_MONITOR}",
        )
    for banner, sentence in _BANNERS:
        if first.startswith(banner):
            return NotQmp(address, sentence)
    return NotQmp(address, f"{address} does not speak QMP: it sent {excerpt(first)}.")


def unanswered(address: MonitorAddress, pid: int | None, seconds: float) -> NotResponding:
    """The monitor began to talk and then fell silent during the negotiation."""
    stopped = stopped_process(pid)
    if stopped:
        return _stopped(address, stopped, pid)
    return NotResponding(
        address, f"{address} greeted, but did not finish the negotiation within {seconds:g} s."
    )


async def no_greeting(
    address: MonitorAddress, line: Line, seconds: float, *, ping: bool = True
) -> ConnectFailure:
    """Why an open line stayed silent for so many seconds. Sends a ping on it, if it may."""
    stopped = stopped_process(line.peer_pid)
    if stopped:
        return _stopped(address, stopped, line.peer_pid)
    if not ping:
        return _busy(address, seconds)
    answer = await _ping_guest_agent(line.sock)
    if answer == b"":
        return hung_up(address, line)
    if answer is not None and not answer.lstrip().startswith(b'{"QMP"'):
        if _is_agent_reply(answer):
            return NotQmp(address, "That is a guest agent's socket, not a QMP monitor.")
        return not_qmp(address, answer)
    return _busy(address, seconds)


def _stopped(address: MonitorAddress, sentence: str, pid: int | None) -> NotResponding:
    return NotResponding(address, f"{sentence}.", f"Let it go on with: kill -CONT {pid}")


def _busy(address: MonitorAddress, seconds: float) -> MonitorBusy:
    if isinstance(address, UnixAddress) and "/libvirt/qemu/" in str(address):
        advice = (
            "libvirt keeps its monitors to itself. Speak through it: qemu:///system?domain=NAME. "
            f"Or give the VM one more: {SECOND_MONITOR}"
        )
    else:
        advice = f"End the other client, or give the VM a second monitor: {SECOND_MONITOR}"
    return MonitorBusy(
        address,
        f"Connected, but no greeting within {seconds:g} s: another client holds this monitor "
        "(QMP serves one client at a time).",
        f"{advice} (The socket of a guest agent that does not run is silent as well.)",
    )


async def _ping_guest_agent(sock: socket.socket) -> bytes | None:
    """What the other side says to `guest-ping`: a line, b"" if it hangs up, None if nothing.

    A guest agent never speaks first. A monitor that is held by another client refuses the ping
    unread or unknown later on, so that asking does no harm.
    """
    loop = asyncio.get_running_loop()
    answer = b""
    try:
        async with asyncio.timeout(_PING_SECONDS):
            await loop.sock_sendall(sock, b'{"execute":"guest-ping"}\n')
            while b"\n" not in answer and len(answer) < 4096:
                more = await loop.sock_recv(sock, 4096)
                if not more:
                    return answer
                answer += more
    except TimeoutError:
        return answer or None
    except OSError:
        return answer
    return answer


def _is_agent_reply(line: bytes) -> bool:
    try:
        reply = json.loads(line)
    except ValueError:
        return False
    return isinstance(reply, dict) and ("return" in reply or "error" in reply)
