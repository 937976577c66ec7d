"""Thaws a guest when nobody else does: `python -I -S watchdog.py SOCKET-FD PATH SECONDS PATIENCE`.

A program of its own, because it has to outlive the process that froze the guest. It imports nothing
but Python's own, so that it is there soon. It holds the very line that the guest was frozen by:
QEMU serves one client at a time, and what is sent on it comes to the agent behind the freeze.

Standard input is from the one who freezes: `A` is that it is about to, `D` that the guest is thawed
and this program not needed any more. Once armed it takes over at the end of its input, however that
comes about, when SECONDS have passed, or when it is told to end. It then tries for PATIENCE
seconds, also on new lines to PATH. Standard output gets `R` when it stands, and ends with it.

Exit status: 0 not needed, or thawed; 1 the guest did not answer.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time

_READ = 1 << 16
_ONE_TRY = 5.0
_PAUSE = 0.5


class _Ended(Exception):
    """Somebody ends this program."""


def main(fd: int, path: str, seconds: float, patience: float) -> int:
    """Stand by, and thaw the guest if need be."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    line = socket.socket(fileno=fd)
    os.write(1, b"R")
    if not _is_needed(seconds):
        return 0
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 0 if _thaw_somehow(line, path, time.monotonic() + patience) else 1


def _end(*_: object) -> None:
    raise _Ended


def _is_needed(seconds: float) -> bool:
    """Wait until it is, or is not any more."""
    armed = False
    deadline: float | None = None
    try:
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return True
            if not select.select([0], [], [], left)[0]:
                return True
            for byte in os.read(0, 64) or b"E":
                if byte == ord("A"):
                    armed, deadline = True, time.monotonic() + seconds
                elif byte == ord("D"):
                    return False
                else:
                    return armed
    except _Ended:
        return armed


def _thaw_somehow(line: socket.socket | None, path: str, end: float) -> bool:
    while time.monotonic() < end:
        if line is None:
            line = _connect(path)
        if line is not None:
            until = min(end, time.monotonic() + _ONE_TRY)
            thawed = _thaw(line, until)
            if thawed is not None:
                return thawed
            if not _is_open(line):
                line.close()
                line = None
        time.sleep(_PAUSE)
    return False


def _connect(path: str) -> socket.socket | None:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(_PAUSE)
    try:
        line.connect(path)
    except OSError:
        line.close()
        return None
    return line


def _is_open(line: socket.socket) -> bool:
    try:
        line.setblocking(False)
        return line.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def _thaw(line: socket.socket, until: float) -> bool | None:
    """Ask the agent to thaw, and how it stands; True if it is thawed, None if it does not say."""
    number = int.from_bytes(os.urandom(3), "big")
    sync = {"execute": "guest-sync-delimited", "arguments": {"id": number}}
    commands = (sync, {"execute": "guest-fsfreeze-thaw"}, {"execute": "guest-fsfreeze-status"})
    raw = b"\xff" + b"".join(json.dumps(told).encode() + b"\n" for told in commands)
    heard = b""
    try:
        line.settimeout(max(0.1, until - time.monotonic()))
        line.sendall(raw)
        while time.monotonic() < until:
            line.settimeout(max(0.1, until - time.monotonic()))
            piece = line.recv(_READ)
            if not piece:
                return None
            heard = (heard + piece)[-_READ:]
            # Behind the answer to this very number stands that to the thawing, and how it stands.
            answers = _answers(heard.rpartition(b"\xff")[2])
            if answers[:1] == [number] and len(answers) > 2 and answers[2] == "thawed":
                return True
            if answers[:1] == [number] and len(answers) > 2:
                return None
    except OSError:
        # Silence or the line's end: it is not known how the guest stands.
        return None
    return None


def _answers(raw: bytes) -> list[object]:
    found: list[object] = []
    for text in raw.split(b"\n")[:-1]:
        # What is no JSON object is no answer that is looked for.
        with contextlib.suppress(ValueError, AttributeError):
            found.append(json.loads(text).get("return"))
    return found


if __name__ == "__main__":
    if os.fork():
        # Whoever started it need not wait for it, and cannot take it along.
        os._exit(0)
    os.setsid()
    os.chdir("/")
    sys.exit(main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4])))
