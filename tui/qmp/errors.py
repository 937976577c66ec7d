"""What can go wrong between BlockDeck and a monitor.

    QmpError
     ├ ConnectFailure        no session came about; `.sentence`, `.advice`
     │  ├ NoSuchSocket       the path does not exist, or cannot be one
     │  ├ NoSocketNamed      the address names a host, and none of its sockets
     │  ├ NoSuchDomain       libvirt has no such domain
     │  ├ NotASocket         a file, a directory, a datagram socket …
     │  ├ PermissionRefused  the socket belongs to someone else
     │  ├ Reserved           it is the monitor that the VM's manager needs
     │  ├ NobodyListens      refused, the QEMU behind it is gone, or it hung up
     │  │  └ WayNotServed    what leads there does not answer: nothing is known of the QEMU
     │  ├ HostUnknown        the host's name has no address
     │  ├ HostUnreachable    no route, or no answer from the host
     │  ├ MonitorBusy        another client holds the monitor, or its queue is full
     │  ├ NotResponding      the QEMU behind it is stopped or does not come to answer
     │  ├ Untrusted          the other side cannot show that it is who it should be
     │  ├ LoginRefused       the other side does not let this user in
     │  ├ NotInstalled       a library that this way needs is missing
     │  └ NotQmp             a human monitor, a guest agent, some other server
     ├ CommandRefused        QEMU answered with an error
     │  ├ CommandUnsendable  it cannot be said in QMP, so it was not sent
     │  └ ReadOnly           only questions may be sent, so it was not sent
     ├ NotAnswering          the deadline passed; the command may still run
     ├ UnexpectedReply       the reply is not of the type the schema promises
     └ ConnectionLost        the connection ended before the reply

The text of a message may quote the other side: it is data, to be escaped where it is shown.
"""

from tui.qmp.address import MonitorAddress


class QmpError(Exception):
    """Base of everything the QMP side raises on purpose."""


def notes_of(error: BaseException) -> str:
    """What was added to an error on its way up, in sentences; nothing mostly."""
    return " ".join(getattr(error, "__notes__", ()))


class ConnectFailure(QmpError):
    """No session with the monitor came about.

    Attributes:
        address: the monitor that was asked for.
        sentence: what is wrong; this is also `str()` of the exception.
        advice: what to do about it; may be empty.
    """

    def __init__(self, address: MonitorAddress, sentence: str, advice: str = "") -> None:
        super().__init__(sentence)
        self.address = address
        self.sentence = sentence
        self.advice = advice


class NoSuchSocket(ConnectFailure):
    """Nothing is at the path, or the path cannot be a socket's."""


class NoSocketNamed(ConnectFailure):
    """The address names a host alone: its VMs can be listed, but there is nothing to connect to."""


class NoSuchDomain(ConnectFailure):
    """libvirt has no domain of that name or UUID."""


class NotASocket(ConnectFailure):
    """What is at the path is no stream socket."""


class PermissionRefused(ConnectFailure):
    """The user who runs BlockDeck may not connect to the socket."""


class Reserved(ConnectFailure):
    """The monitor is its manager's own, and was not connected to."""


class NobodyListens(ConnectFailure):
    """Nobody serves the socket or port, or the server hung up before it greeted."""


class WayNotServed(NobodyListens):
    """What leads to the monitor does not answer; of the QEMU behind it nothing is known."""


class HostUnknown(ConnectFailure):
    """The host's name cannot be resolved to an address."""


class HostUnreachable(ConnectFailure):
    """The host gives no answer at all."""


class MonitorBusy(ConnectFailure):
    """Another client holds the monitor: QMP serves one client at a time."""


class NotResponding(ConnectFailure):
    """The other side is a QEMU that is stopped or does not come to answer."""


class Untrusted(ConnectFailure):
    """The other side has not shown that it is who it should be; it was told nothing."""


class LoginRefused(ConnectFailure):
    """The other side does not let this user in."""


class NotInstalled(ConnectFailure):
    """The library that speaks to this kind of address is not installed."""


class NotQmp(ConnectFailure):
    """Something answered, but it does not speak QMP."""


class CommandRefused(QmpError):
    """QEMU answered a command with an error.

    Attributes:
        command: name of the command.
        error_class: `QapiErrorClass`, nearly always `GenericError`.
        desc: QEMU's own text.
    """

    def __init__(self, command: str, error_class: str, desc: str) -> None:
        super().__init__(desc)
        self.command = command
        self.error_class = error_class
        self.desc = desc


class CommandUnsendable(CommandRefused):
    """The arguments cannot be written in QMP's JSON; nothing was sent to QEMU."""

    def __init__(self, command: str, desc: str) -> None:
        super().__init__(command, "Unsendable", desc)


class ReadOnly(CommandRefused):
    """BlockDeck is read-only: a command that may change something was not sent to QEMU."""

    def __init__(self, command: str) -> None:
        super().__init__(command, "ReadOnly", f"BlockDeck is read-only: {command} was not sent")


class NotAnswering(QmpError):
    """No reply came within the deadline.

    The command may still run, so it must never be sent again before QEMU was asked what became
    of it.

    Attributes:
        command: name of the command.
        seconds: the deadline that passed.
        reason: why, as far as it can be told from here; may be empty.
    """

    def __init__(self, command: str, seconds: float, reason: str = "") -> None:
        told = [f"QEMU did not answer {command} within {seconds:g} s."]
        told += [f"{reason}."] if reason else []
        # A question changes nothing, whenever it is answered.
        told += [] if command.partition("-")[0] == "query" else ["It may still carry it out."]
        super().__init__(" ".join(told))
        self.command = command
        self.seconds = seconds
        self.reason = reason


class UnexpectedReply(QmpError):
    """The reply to a command is not of the type its schema promises.

    Attributes:
        command: name of the command.
        detail: what does not fit.
    """

    def __init__(self, command: str, detail: str) -> None:
        super().__init__(f"QEMU's reply to {command} is not understood: {detail}")
        self.command = command
        self.detail = detail


class ConnectionLost(QmpError):
    """The connection ended before the reply, or before the command could be sent.

    Attributes:
        reason: how it ended, in words for the operator.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
