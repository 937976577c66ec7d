"""What a QEMU's command line tells of the VM: its name, its disks, its QMP monitors."""

import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from tui.discovery.options import Option, is_on, options_of, read_object, read_settings

_TCP = re.compile(r"(?:\[(?P<v6>[^\]]*)\]|(?P<host>[^:]*)):(?P<port>[^,]*)(?:,(?P<rest>.*))?", re.S)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_PROXMOX = re.compile(r"/run/qemu-server/(?P<number>\d+)\.qmp$")
_IMAGE_OPTIONS = frozenset({"", "hda", "hdb", "hdc", "hdd", "sd", "mtdblock"})
_FIRMWARE = frozenset({"pflash", "floppy"})
_SOCKET_KINDS = ("telnet", "websocket", "tn3270")


class MonitorOption(BaseModel):
    """A QMP monitor as a command line defines it.

    Attributes:
        source: the option that makes it a monitor, as in `-qmp`.
        text: where it is, in QEMU's words.
        path: of its Unix socket; may be relative to QEMU's directory at its start.
        host: where it listens on TCP; "" is every address.
        port: as it is written: a number, or a service's name.
        fd: the number of the socket that QEMU was handed.
        chardev: the id of its character device, "" in the short form.
        tls: whether it takes TLS alone.
        waits: whether QEMU does not start before a client has come.
        obstacle: why no client can connect, as the end of a sentence about it; else "".
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    source: str
    text: str
    path: str | None = None
    host: str | None = None
    port: str | None = None
    fd: str | None = None
    chardev: str = ""
    tls: bool = False
    waits: bool = False
    obstacle: str = ""


class CommandLine(BaseModel):
    """What is worth knowing of a command line.

    Attributes:
        name: of the guest, "" without one.
        uuid: as it was given; None without one.
        disks: files and addresses of images, as they were given.
        monitors: its QMP monitors.
        other_sockets: paths of Unix sockets that are something else: HMP, serial ports, agents.
        configs: files from which more options are read; they may define monitors.
        libvirt_directory: where libvirt keeps what is this VM's, if libvirt has started it.
        proxmox_id: the number of the VM, if Proxmox VE has started it.
        daemonized: whether QEMU has left the directory it was started in.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    name: str = ""
    uuid: str | None = None
    disks: tuple[str, ...] = ()
    monitors: tuple[MonitorOption, ...] = ()
    other_sockets: frozenset[str] = frozenset()
    configs: tuple[str, ...] = ()
    libvirt_directory: str | None = None
    proxmox_id: str | None = None
    daemonized: bool = False


def read_command_line(cmdline: Sequence[str]) -> CommandLine:
    """Read a command line, whatever is in it: it comes from other people's processes."""
    options = tuple(options_of(cmdline))
    chardevs = {
        str(settings.get("id", "")): settings
        for settings in (read_settings(o.value, "backend") for o in _all(options, "chardev"))
    }
    monitors = tuple(_monitors(options, chardevs))
    names = [read_settings(option.value, "guest") for option in _all(options, "name")]
    return CommandLine(
        name=next((n["guest"] for n in reversed(names) if "guest" in n), ""),
        uuid=_uuid(options),
        disks=tuple(dict.fromkeys(_disks(options))),
        monitors=monitors,
        other_sockets=frozenset(_paths(options, chardevs)) - {m.path for m in monitors if m.path},
        configs=tuple(option.value for option in _all(options, "readconfig")),
        libvirt_directory=_libvirt_directory(options, chardevs),
        proxmox_id=_proxmox_id(monitors),
        daemonized=any(True for _ in _all(options, "daemonize")),
    )


def _all(options: Sequence[Option], *names: str) -> Iterator[Option]:
    return (option for option in options if option.name in names)


# --- monitors -----------------------------------------------------------------------------------


def _monitors(
    options: Sequence[Option], chardevs: Mapping[str, Mapping[str, str]]
) -> Iterator[MonitorOption]:
    for option in options:
        source = f"-{option.name}"
        if option.name in ("qmp", "qmp-pretty"):
            if option.value.startswith("chardev:"):
                yield _by_chardev(source, option.value.removeprefix("chardev:"), chardevs)
            elif option.value != "none":
                yield _by_device(source, option.value)
        elif option.name == "mon":
            settings = read_settings(option.value, "chardev")
            if settings.get("mode") == "control":
                yield _by_chardev(source, settings.get("chardev", ""), chardevs)
        elif option.name == "monitor":
            # The storage daemon's `--monitor` names a chardev; an emulator's `-monitor` is HMP.
            described = read_object(option.value, "chardev")
            chardev = str(described.get("chardev", ""))
            if chardev in chardevs and described.get("mode", "control") == "control":
                yield _by_chardev("--monitor", chardev, chardevs)


def _by_device(source: str, text: str) -> MonitorOption:
    """A monitor from the short form, as in `-qmp unix:/run/vm.sock,server=on`."""
    kind, _, rest = text.partition(":")
    if kind == "unix":
        return _by_socket(source, read_settings(rest, "path"))
    if kind in ("tcp", *_SOCKET_KINDS):
        place = _TCP.fullmatch(rest)
        if place is not None:
            settings = read_settings(place["rest"] or "")
            host = place["v6"] if place["v6"] is not None else place["host"]
            kinds = {kind: "on"} if kind != "tcp" else {}
            return _by_socket(source, {**settings, **kinds, "host": host, "port": place["port"]})
    return MonitorOption(source=source, text=text, obstacle=f"is {_what(kind)}, not a socket")


def _by_chardev(
    source: str, chardev: str, chardevs: Mapping[str, Mapping[str, str]]
) -> MonitorOption:
    settings = chardevs.get(chardev)
    if settings is None:
        return MonitorOption(
            source=source,
            text=f"chardev {chardev}",
            chardev=chardev,
            obstacle="is defined outside the command line",
        )
    backend = settings.get("backend", "")
    if backend == "socket":
        return _by_socket(source, settings)
    place = settings.get("path", "")
    return MonitorOption(
        source=source,
        text=f"{backend} {place}".strip(),
        chardev=chardev,
        obstacle=f"is {_what(backend)}, not a socket",
    )


def _by_socket(source: str, settings: Mapping[str, str]) -> MonitorOption:
    server = is_on(settings, "server")
    obstacle = ""
    special = next((kind for kind in _SOCKET_KINDS if is_on(settings, kind)), None)
    if special is not None:
        obstacle = f"speaks {special}, not plain QMP"
    elif not server:
        obstacle = "is a connection that QEMU itself makes to another program"
    elif is_on(settings, "abstract"):
        obstacle = "is an abstract socket, which has no path"
    path, fd = settings.get("path"), settings.get("fd")
    host, port = settings.get("host"), settings.get("port")
    if path is not None:
        text = f"unix:{path}"
    elif fd is not None:
        text = f"fd={fd}"
    else:
        shown = f"[{host}]" if host and ":" in host else host or ""
        text = f"tcp:{shown}:{port}"
    return MonitorOption(
        source=source,
        text=text,
        chardev=settings.get("id", ""),
        path=path,
        fd=fd,
        host=(host or "") if port is not None and path is None else None,
        port=port if path is None else None,
        tls="tls-creds" in settings,
        waits=server and is_on(settings, "wait", default=True),
        obstacle=obstacle,
    )


def _what(backend: str) -> str:
    known = {
        "stdio": "QEMU's standard input and output",
        "pty": "a pseudo-terminal",
        "null": "nothing at all",
        "pipe": "a pipe",
        "vc": "a window of QEMU's display",
        "mon": "shared with another device",
    }
    return known.get(backend, f"a {backend}" if backend else "nothing known")


# --- the rest -----------------------------------------------------------------------------------


def _uuid(options: Sequence[Option]) -> str | None:
    given = [option.value for option in _all(options, "uuid")]
    for option in _all(options, "smbios"):
        settings = read_settings(option.value)
        if settings.get("type") == "1" and "uuid" in settings:
            given.insert(0, settings["uuid"])
    return next((text.lower() for text in reversed(given) if _UUID.fullmatch(text)), None)


def _disks(options: Sequence[Option]) -> Iterator[str]:
    for option in options:
        if option.name in _IMAGE_OPTIONS:
            yield option.value
        elif option.name == "drive":
            settings = read_settings(option.value)
            image = settings.get("file") or settings.get("file.filename")
            if image and settings.get("if") not in _FIRMWARE and settings.get("media") != "cdrom":
                yield image
        elif option.name == "blockdev":
            yield from _filenames(read_object(option.value, "driver"))


def _filenames(node: Mapping[str, object], depth: int = 0) -> Iterator[str]:
    if depth > 8:
        return
    for name, value in node.items():
        member = name.rpartition(".")[2]
        if member == "filename" and isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            yield from _filenames(value, depth + 1)


def _paths(options: Sequence[Option], chardevs: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for settings in chardevs.values():
        if "path" in settings:
            yield settings["path"]
    for option in _all(options, "monitor", "serial", "parallel", "gdb", "debugcon", "vnc"):
        if option.value.startswith("unix:"):
            yield read_settings(option.value.removeprefix("unix:"), "path").get("path", "")


def _libvirt_directory(
    options: Sequence[Option], chardevs: Mapping[str, Mapping[str, str]]
) -> str | None:
    """The directory `…/libvirt/qemu/…domain-1-name` of a VM that libvirt has started.

    Its monitor is handed over as a bare number since libvirt 5, but the key of its secrets is not.
    """
    monitor = chardevs.get("charmonitor", {}).get("path")
    if monitor is not None and "/libvirt/" in monitor:
        return monitor.rpartition("/")[0]
    for option in _all(options, "object"):
        file = read_object(option.value, "qom-type").get("file")
        if isinstance(file, str) and file.endswith("/master-key.aes"):
            return file.rpartition("/")[0]
    return "" if "charmonitor" in chardevs else None


def _proxmox_id(monitors: Sequence[MonitorOption]) -> str | None:
    """The number of Proxmox VE's VM, which its monitor is named after."""
    found = (_PROXMOX.search(monitor.path) for monitor in monitors if monitor.path)
    return next((match["number"] for match in found if match), None)
