"""A domain's monitor as libvirt's QEMU driver lets one use it. Everything here blocks."""

import contextlib
import itertools
import json
import logging
import threading
from collections.abc import Callable
from typing import Any

import libvirt
import libvirt_qemu
import psutil

from tui.qmp.address import LibvirtAddress
from tui.qmp.errors import (
    ConnectFailure,
    HostUnreachable,
    LoginRefused,
    NobodyListens,
    NoSuchDomain,
    PermissionRefused,
    WayNotServed,
)

logger = logging.getLogger(__name__)

_ALIVE_SECONDS, _ALIVE_COUNT = 5, 3
"""How often a silent libvirt is asked for a sign of life, and how often in vain."""

_BARRIER_SECONDS = 2.0

_MOST = 12

# After these the monitor is as good as before; QEMU's own refusals are replies, and no errors.
_PASSING = frozenset(
    {
        libvirt.VIR_ERR_OPERATION_TIMEOUT,
        libvirt.VIR_ERR_OPERATION_DENIED,
        libvirt.VIR_ERR_ACCESS_DENIED,
        libvirt.VIR_ERR_INVALID_ARG,
        libvirt.VIR_ERR_RESOURCE_BUSY,
    }
)
_AUTHENTICATION = frozenset(
    {
        libvirt.VIR_ERR_AUTH_FAILED,
        libvirt.VIR_ERR_AUTH_CANCELLED,
        libvirt.VIR_ERR_AUTH_UNAVAILABLE,
        libvirt.VIR_ERR_ACCESS_DENIED,
        libvirt.VIR_ERR_OPERATION_DENIED,
    }
)
_CLOSED = {
    libvirt.VIR_CONNECT_CLOSE_REASON_ERROR: "an error",
    libvirt.VIR_CONNECT_CLOSE_REASON_EOF: "libvirt closed it",
    libvirt.VIR_CONNECT_CLOSE_REASON_KEEPALIVE: "it gave no sign of life",
}

OnEvent = Callable[[dict[str, Any]], None]
OnEnd = Callable[[str], None]


class DomainEnded(Exception):
    """The domain, or the connection to libvirt, is gone; the text is one sentence without stop."""


class Domain:
    """One running domain.

    Args:
        on_event: told of each of QEMU's events, as QMP has them, in libvirt's own thread.
        on_end: told why the domain or the connection ended, in libvirt's own thread.

    Attributes:
        pid: the domain's QEMU on this host; None where it runs elsewhere or is not seen.
    """

    def __init__(self, address: LibvirtAddress, on_event: OnEvent, on_end: OnEnd) -> None:
        self.pid: int | None = None
        self._address = address
        self._on_event = on_event
        self._on_end = on_end
        self._connection: libvirt.virConnect | None = None
        self._domain: libvirt.virDomain | None = None
        self._registered: list[Callable[[], object]] = []

    def open(self) -> None:
        """Connect to libvirt and find the domain.

        Raises:
            ConnectFailure: with libvirt's words.
        """
        _EVENT_LOOP.start()
        try:
            self._connection = libvirt.open(_without_questions(self._address.uri))
        except libvirt.libvirtError as error:
            raise _no_libvirt(self._address, error) from error
        try:
            self._find(self._connection)
        except libvirt.libvirtError as error:
            raise ConnectFailure(self._address, f"libvirt: {error}.") from error

    def _find(self, connection: libvirt.virConnect) -> None:
        self._domain = domain = _lookup(connection, self._address)
        if not domain.isActive():
            raise NobodyListens(
                self._address,
                f"The domain {domain.name()} does not run.",
                f"Start it with: virsh -c '{self._address.uri}' start {domain.name()}",
            )
        with contextlib.suppress(libvirt.libvirtError):
            # Drivers that run within this process have nothing to keep alive.
            connection.setKeepAlive(_ALIVE_SECONDS, _ALIVE_COUNT)
        connection.registerCloseCallback(self._closed, None)
        self._registered.append(connection.unregisterCloseCallback)
        self._listen(connection, domain)
        if self._address.local:
            self.pid = _pid_of(domain.UUIDString())

    def _listen(self, connection: libvirt.virConnect, domain: libvirt.virDomain) -> None:
        lifecycle = connection.domainEventRegisterAny(
            domain, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._lived, None
        )
        self._registered.append(lambda: connection.domainEventDeregisterAny(lifecycle))
        events = libvirt_qemu.qemuMonitorEventRegister(connection, domain, None, self._heard, None)
        self._registered.append(lambda: libvirt_qemu.qemuMonitorEventDeregister(connection, events))

    def ask(self, command: dict[str, Any], *, settle: bool) -> dict[str, Any]:
        """QEMU's reply to a command.

        Args:
            settle: wait until the events that it caused have been told, as QMP itself does.

        Raises:
            DomainEnded: there is nobody to answer any more.
        """
        text = json.dumps(command)
        if "\\u0000" in text:
            return _error("libvirt cannot pass a NUL character on to QEMU")
        assert self._domain is not None
        try:
            said = libvirt_qemu.qemuMonitorCommand(self._domain, text, 0)
            if settle:
                # By the time of its answer libvirt has sent the events from before.
                self._domain.isActive()
                _EVENT_LOOP.barrier()
        except libvirt.libvirtError as error:
            if error.get_error_code() in _PASSING:
                return _error(f"libvirt: {error}")
            raise DomainEnded(f"libvirt has lost the domain's monitor: {error}") from error
        reply = json.loads(said)
        if not isinstance(reply, dict):
            return _error("libvirt gave an answer that is not QMP")
        return reply

    def close(self) -> None:
        """Let go of the domain."""
        for undo in reversed(self._registered):
            # Where the connection is gone there is nothing to undo.
            with contextlib.suppress(libvirt.libvirtError):
                undo()
        self._registered.clear()
        self._domain = None
        if self._connection is not None:
            # Nor to close where the daemon is gone.
            with contextlib.suppress(libvirt.libvirtError):
                self._connection.close()
            self._connection = None

    # --- called in libvirt's own thread ----------------------------------------------------------

    def _heard(
        self, _c: Any, _d: Any, name: str, seconds: int, micros: int, details: str | None, _o: Any
    ) -> None:
        event: dict[str, Any] = {
            "event": name,
            "timestamp": {"seconds": seconds, "microseconds": micros},
        }
        if details:
            event["data"] = json.loads(details)
        self._on_event(event)

    def _lived(self, _c: Any, _d: Any, event: int, _detail: int, _o: Any) -> None:
        if event in (libvirt.VIR_DOMAIN_EVENT_STOPPED, libvirt.VIR_DOMAIN_EVENT_CRASHED):
            self._on_end(f"The domain {self._address.domain} has ended")

    def _closed(self, _c: Any, reason: int, _o: Any) -> None:
        why = _CLOSED.get(reason)
        self._on_end("The connection to libvirt was lost" + (f": {why}" if why else ""))


class _EventLoop:
    """libvirt's own event loop: one thread for all connections of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = False

    def start(self) -> None:
        """Run it, before the first connection is made."""
        with self._lock:
            if self._running:
                return
            # Without a handler of ours libvirt writes its errors to where the screen is drawn.
            libvirt.registerErrorHandler(lambda _context, _error: None, None)
            libvirt.virEventRegisterDefaultImpl()
            threading.Thread(target=self._run, name="libvirt events", daemon=True).start()
            self._running = True

    def _run(self) -> None:
        while True:
            try:
                libvirt.virEventRunDefaultImpl()
            except libvirt.libvirtError:
                logger.exception("libvirt's event loop failed")
                return

    def barrier(self) -> None:
        """Wait until all that has come in by now has been told."""
        passed = threading.Event()
        # Timers are served in the order in which they were made: those of connections came first.
        timer = libvirt.virEventAddTimeout(0, lambda _timer, _opaque: passed.set(), None)
        passed.wait(_BARRIER_SECONDS)
        libvirt.virEventRemoveTimeout(timer)


_EVENT_LOOP = _EventLoop()


def _without_questions(uri: str) -> str:
    """The URI with which `ssh` asks nothing: its questions would land on the screen."""
    scheme, _, rest = uri.partition("://")
    if not scheme.endswith(("+ssh", "+libssh", "+libssh2")) or "no_tty=" in rest:
        return uri
    return uri + ("&" if "?" in rest else "?") + "no_tty=1"


def _lookup(connection: libvirt.virConnect, address: LibvirtAddress) -> libvirt.virDomain:
    if not address.domain:
        running = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        names = sorted(domain.name() for domain in running)
        lines = [str(address.model_copy(update={"domain": name})) for name in names[:_MOST]]
        lines += [f"and {len(names) - _MOST} more"] if len(names) > _MOST else []
        raise NoSuchDomain(
            address,
            f"Say which domain of {address.uri}:" if names else "No domain runs there.",
            "\n".join(lines),
        )
    for find in (connection.lookupByName, connection.lookupByUUIDString):
        try:
            return find(address.domain)
        except libvirt.libvirtError as error:
            if error.get_error_code() not in (
                libvirt.VIR_ERR_NO_DOMAIN,
                libvirt.VIR_ERR_INVALID_ARG,
            ):
                raise
    names = sorted(domain.name() for domain in connection.listAllDomains())
    raise NoSuchDomain(
        address,
        f"libvirt has no domain {address.domain} at {address.uri}.",
        f"It has: {', '.join(names[:20])}." if names else "It has none at all.",
    )


def _no_libvirt(address: LibvirtAddress, error: "libvirt.libvirtError") -> ConnectFailure:
    code, words = error.get_error_code(), f"libvirt: {error}."
    if code in _AUTHENTICATION:
        return LoginRefused(
            address, words, "libvirt must let this user in: often the group libvirt, or polkit."
        )
    if "Permission denied" in str(error):
        return PermissionRefused(
            address, words, "Run BlockDeck as root or as a member of the group libvirt."
        )
    if address.local:
        return WayNotServed(address, words, "Does libvirtd, or virtqemud, run?")
    return HostUnreachable(address, words)


def _pid_of(uuid: str) -> int | None:
    """The QEMU of this host that libvirt started with a UUID."""
    found = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if _has_uuid(process.info["cmdline"] or [], uuid)
    ]
    return found[0] if len(found) == 1 else None


def _has_uuid(cmdline: list[str], uuid: str) -> bool:
    return any(option == "-uuid" and value == uuid for option, value in itertools.pairwise(cmdline))


def _error(desc: str) -> dict[str, Any]:
    return {"error": {"class": "GenericError", "desc": desc}}
