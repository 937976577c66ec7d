"""Opens the Unix socket of a monitor and tells why it could not be opened."""

import errno
import grp
import os
import pwd
import socket
import stat
from pathlib import Path

from tui.qmp.address import MAX_SOCKET_PATH, UnixAddress
from tui.qmp.diagnosis import SECOND_MONITOR, peer_pid
from tui.qmp.errors import (
    ConnectFailure,
    MonitorBusy,
    NobodyListens,
    NoSuchSocket,
    NotASocket,
    PermissionRefused,
)
from tui.qmp.line import Line
from tui.qmp.reserved import keep_off

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISREG, "a regular file"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)


def dial_unix(address: UnixAddress) -> Line:
    """Connect to a socket of this host's file system.

    Raises:
        ConnectFailure: with what is wrong with the path.
    """
    # connect() of a Unix socket never waits: with a full backlog it fails with EAGAIN.
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        _connect_unix(sock, address)
    except BaseException:
        sock.close()
        raise
    return Line(sock, peer_pid=peer_pid(sock))


def _connect_unix(sock: socket.socket, address: UnixAddress) -> None:
    try:
        name = os.fsencode(address.path)
    except UnicodeEncodeError as error:
        raise NoSuchSocket(address, "No file can have that name.") from error
    if len(name) > MAX_SOCKET_PATH or b"\0" in name:
        raise NoSuchSocket(
            address,
            f"The path of a socket has {MAX_SOCKET_PATH} bytes at most and no NUL character; "
            f"this one has {len(name)}.",
            "Start BlockDeck in the socket's directory and give its name alone.",
        )
    keep_off(address)
    try:
        sock.connect(name)
    except BlockingIOError as error:
        raise MonitorBusy(
            address,
            "The queue of this monitor is full: another client holds it, and others, or earlier "
            "attempts, wait for it.",
            f"End the client that holds it, or give the VM a second monitor: {SECOND_MONITOR}",
        ) from error
    except OSError as error:
        raise _unix_failure(address, error) from error


def _unix_failure(address: UnixAddress, error: OSError) -> ConnectFailure:
    path = address.path
    if error.errno == errno.ENOENT:
        return _missing(address)
    if error.errno == errno.ENOTDIR:
        return NoSuchSocket(address, f"{path} leads through something that is no directory.")
    if error.errno == errno.EPROTOTYPE:
        return NotASocket(address, f"{path} is a datagram socket, not a monitor's.")
    # A file or a directory is refused as a dead socket is, or for want of permission.
    kind = _kind(path)
    if kind is not None:
        return NotASocket(
            address, f"{path} is {kind}, not a socket.", "Give the path in the VM's -qmp option."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return refused_permission(address)
    if error.errno == errno.ECONNREFUSED:
        return NobodyListens(
            address,
            f"Nobody listens on {path}: the QEMU that made this socket has ended.",
            "Start the VM again; the socket file is a leftover.",
        )
    return ConnectFailure(address, f"{path}: {error.strerror}.")


def _missing(address: UnixAddress) -> NoSuchSocket:
    path = address.path
    if path.is_symlink():
        return NoSuchSocket(address, f"{path} is a link to something that does not exist.")
    if not path.parent.exists():
        return NoSuchSocket(address, f"There is no directory {path.parent}.")
    return NoSuchSocket(
        address,
        f"There is no socket {path}.",
        "The VM may not run; the path is the one in its -qmp option.",
    )


def _kind(path: Path) -> str | None:
    """What is at the path, unless it is a socket or cannot be looked at."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    return next((words for test, words in _KINDS if test(mode)), None)


def refused_permission(address: UnixAddress) -> PermissionRefused:
    """Why this user may not connect to a socket, and who may."""
    path = address.path
    barred = path
    for parent in reversed(path.absolute().parents):
        if not os.access(parent, os.X_OK, effective_ids=True):
            barred = parent
            break
    me = _user(os.geteuid())
    try:
        owned = barred.stat()
    except OSError as error:
        return PermissionRefused(address, f"{me} may not enter {barred}: {error.strerror}.")
    owner, group = _user(owned.st_uid), _group(owned.st_gid)
    act, needed = f"connect to {path}", stat.S_IWGRP
    if barred != path:
        act, needed = f"enter {barred}", stat.S_IXGRP
    who = [owner, *(["root"] if owned.st_uid else [])]
    who += [f"a member of the group {group}"] if owned.st_mode & needed else []
    return PermissionRefused(
        address,
        f"{me} may not {act}: it belongs to {owner}:{group} "
        f"with mode {stat.filemode(owned.st_mode)}.",
        f"Run BlockDeck as {' or as '.join(who)}.",
    )


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
