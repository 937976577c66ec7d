"""The Unix sockets of this host as the kernel lists them; nothing is connected to.

Who is connected to whom is told by the kernel's `sock_diag` alone: `/proc/net/unix`, which psutil
reads, names no peers. Where a kernel lacks it, the peers stay unknown.
"""

import os
import re
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_SOCK_DIAG = 4  # NETLINK_SOCK_DIAG
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ERROR, _DONE = 2, 3
_SHOW = 0x01 | 0x02 | 0x04 | 0x08 | 0x40  # UDIAG_SHOW_NAME, _VFS, _PEER, _ICONS, _UID
_NAME, _VFS, _PEER, _ICONS, _SHUTDOWN, _UID = 0, 1, 2, 3, 6, 7
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBHIIIII")
_MESSAGE = struct.Struct("=BBBBIII")
_ATTRIBUTE = struct.Struct("=HH")
_NUMBER = struct.Struct("=I")
_ESTABLISHED, _LISTEN = 1, 10
_LEFT = 3  # RCV_SHUTDOWN | SEND_SHUTDOWN
_PATIENCE = 2.0

_INSIDE = re.compile(r"^/proc/[0-9]+/root(?=/)")

_LISTENING_FLAG = 0x10000
_CONNECTED = ("02", "03")


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """A Unix socket.

    Attributes:
        inode: of the socket itself; 0 for a connection that nobody has accepted yet.
        name: the path it was bound to, as the one who bound it gave it.
        listening: whether it takes connections; otherwise it is one.
        waiting: the other ends of the connections that it has not accepted yet.
        peer: the inode of the other end, where that is known.
        file: the inode of the file at its path, where that is known.
        left: whether the other end has gone.
        uid: of the one who made it, where that is known.
    """

    inode: int
    name: str
    listening: bool
    waiting: tuple[int, ...] = ()
    peer: int | None = None
    file: int | None = None
    left: bool = False
    uid: int | None = None


@dataclass(frozen=True)
class SocketTable:
    """All Unix sockets of one network namespace at one moment.

    Attributes:
        known: whether there is a table at all.
    """

    sockets: tuple[UnixSocket, ...] = ()
    known: bool = True
    _by_inode: Mapping[int, UnixSocket] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "SocketTable":
        """Ask the kernel."""
        try:
            sockets = tuple(_ask_kernel())
        except OSError:
            try:
                sockets = tuple(_read_proc())
            except OSError:
                return cls(known=False)
        return cls(sockets, _by_inode={s.inode: s for s in sockets if s.inode})

    @classmethod
    def of_process(cls, pid: int) -> "SocketTable":
        """Those of the network namespace of a process, without their other ends."""
        try:
            return cls(tuple(_read_proc(str(pid))))
        except OSError:
            return cls(known=False)

    def joined(self, other: "SocketTable") -> "SocketTable":
        """The sockets of both.

        A connection belongs to its client's network, the socket that it leads to to its server's.
        """
        return SocketTable(self.sockets + other.sockets, _by_inode=self._by_inode)

    def by_inode(self, inode: int | None) -> UnixSocket | None:
        """The socket with that inode."""
        return self._by_inode.get(inode) if inode else None

    def listener(self, path: Path) -> UnixSocket | None:
        """The socket that takes connections at a path."""
        try:
            file: int | None = path.stat().st_ino & 0xFFFFFFFF
        except OSError:
            file = None
        for sock in self.sockets:
            if not sock.listening:
                continue
            if sock.file is not None and file is not None:
                # The kernel numbers devices otherwise than stat() on some file systems.
                if sock.file == file and sock.name.rpartition("/")[2] == path.name:
                    return sock
            elif sock.name in (str(path), _INSIDE.sub("", str(path))):
                return sock
        return None

    def clients(self, listener: UnixSocket) -> tuple[UnixSocket, ...]:
        """The connections to a listening socket that are served, or wait for it."""
        served = (
            sock
            for sock in self.sockets
            if not sock.listening
            and not sock.left
            and sock.name == listener.name
            and (sock.file == listener.file or None in (sock.file, listener.file))
        )
        # The kernel lists those that wait by their other ends alone.
        wait = (UnixSocket(0, listener.name, False, peer=peer) for peer in listener.waiting)
        return (*served, *wait)


def _ask_kernel() -> Iterator[UnixSocket]:
    """All Unix sockets by `sock_diag`.

    Raises:
        OSError: this kernel does not know it.
    """
    states = 1 << _ESTABLISHED | 1 << _LISTEN
    body = _REQUEST.pack(socket.AF_UNIX, 0, 0, states, 0, _SHOW, 0xFFFFFFFF, 0xFFFFFFFF)
    header = _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as line:
        line.settimeout(_PATIENCE)
        line.send(header + body)
        while True:
            packet = line.recv(1 << 18)
            at = 0
            while at + _HEADER.size <= len(packet):
                length, kind, _, _, _ = _HEADER.unpack_from(packet, at)
                if kind == _DONE:
                    return
                if kind == _ERROR or length < _HEADER.size:
                    raise OSError("the kernel does not list its Unix sockets")
                yield _socket(packet[at + _HEADER.size : at + length])
                at += length + 3 & ~3


def _socket(message: bytes) -> UnixSocket:
    _, _, state, _, inode, _, _ = _MESSAGE.unpack_from(message)
    found: dict[int, bytes] = {}
    at = _MESSAGE.size
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = message[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    return UnixSocket(
        inode=inode,
        # An abstract name begins with a NUL; the name of a path may end with one.
        name=os.fsdecode(found.get(_NAME, b"").rstrip(b"\0")),
        listening=state == _LISTEN,
        waiting=tuple(number for (number,) in _NUMBER.iter_unpack(found.get(_ICONS, b""))),
        peer=_number(found.get(_PEER)),
        file=_number(found.get(_VFS)),
        left=found.get(_SHUTDOWN) == bytes([_LEFT]),
        uid=_number(found.get(_UID)),
    )


def _number(raw: bytes | None) -> int | None:
    """The first number of an attribute."""
    return int(_NUMBER.unpack_from(raw)[0]) if raw else None


def _read_proc(pid: str = "self") -> Iterator[UnixSocket]:
    """All Unix sockets that a process sees in `/proc/net/unix`, without their peers."""
    with Path(f"/proc/{pid}/net/unix").open(encoding="utf-8", errors="surrogateescape") as table:
        yield from read_lines(table)


def read_lines(table: Iterable[str]) -> Iterator[UnixSocket]:
    """The sockets of a `/proc/net/unix`, without their peers; a line that is none is left out."""
    for line in table:
        fields = line.rstrip("\n").split(maxsplit=7)
        try:
            listening = bool(int(fields[3], 16) & _LISTENING_FLAG)
            inode = int(fields[6])
        except (IndexError, ValueError):
            # Its head, for one.
            continue
        if listening or fields[5] in _CONNECTED:
            name = fields[7] if len(fields) > 7 else ""
            yield UnixSocket(inode=inode, name=name, listening=listening)
