"""Every way to write a QMP monitor on a command line, and what is none."""

import pytest

from tui.discovery.command_line import CommandLine, MonitorOption, read_command_line

QEMU = "/usr/bin/qemu-system-x86_64"
CONTROL = ("-mon", "c,mode=control")


def read(*words: str) -> CommandLine:
    return read_command_line((QEMU, *words))


def only(*words: str) -> MonitorOption:
    (monitor,) = read(*words).monitors
    return monitor


@pytest.mark.parametrize(
    ("words", "path", "waits"),
    [
        (("-qmp", "unix:/a,server=on,wait=off"), "/a", False),
        (("--qmp", "unix:/a,server,nowait"), "/a", False),
        (("-qmp", "unix:/a,server"), "/a", True),
        (("-qmp-pretty", "unix:path=/a,wait=off,server=on"), "/a", False),
        (("-chardev", "socket,id=c,path=/a,server=on,wait=off", *CONTROL), "/a", False),
        (("-mon", "c,mode=control,pretty", "-chardev", "socket,server,path=/a,id=c"), "/a", True),
        (("-chardev", "socket,id=c,path=/a,server=on", "-qmp", "chardev:c"), "/a", True),
    ],
)  # fmt: skip
def test_unix_monitors(words: tuple[str, ...], path: str, waits: bool) -> None:
    monitor = only(*words)
    assert (monitor.path, monitor.waits, monitor.obstacle) == (path, waits, "")


@pytest.mark.parametrize(
    ("words", "host", "port"),
    [
        (("-qmp", "tcp:localhost:4444,server=on,wait=off"), "localhost", "4444"),
        (("-qmp", "tcp::4444,server,nowait"), "", "4444"),
        (("-qmp", "tcp:0.0.0.0:4444,server=on"), "0.0.0.0", "4444"),
        (("-chardev", "socket,id=c,host=::1,port=4444,server=on", *CONTROL), "::1", "4444"),
        (("-chardev", "socket,id=c,port=4444,server=on", *CONTROL), "", "4444"),
    ],
)  # fmt: skip
def test_tcp_monitors(words: tuple[str, ...], host: str, port: str) -> None:
    monitor = only(*words)
    assert (monitor.host, monitor.port, monitor.path, monitor.obstacle) == (host, port, None, "")


@pytest.mark.parametrize("waits", [True, False])
def test_tls_monitors(waits: bool) -> None:
    backend = f"socket,id=c,host=h,port=4444,server=on,wait={'on' if waits else 'off'},tls-creds=t"
    monitor = only("-chardev", backend, *CONTROL)
    assert (monitor.tls, monitor.host, monitor.port) == (True, "h", "4444")
    assert (monitor.waits, monitor.obstacle) == (waits, "")
    assert not only("-qmp", "tcp:h:4444,server=on").tls
    # A client of TLS is as little to be connected to as any other.
    backend = "socket,id=c,host=h,port=4444,tls-creds=t"
    assert "QEMU itself makes" in only("-chardev", backend, *CONTROL).obstacle


def test_a_socket_that_was_handed_over() -> None:
    monitor = only(
        *("-chardev", "socket,id=charmonitor,fd=22,server=on,wait=off"),
        *("-mon", "chardev=charmonitor,id=monitor,mode=control"),
    )
    assert (monitor.fd, monitor.text, monitor.chardev) == ("22", "fd=22", "charmonitor")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("-qmp", "stdio"), "standard input"),
        (("-qmp", "pty"), "pseudo-terminal"),
        (("-qmp", "unix:/a"), "QEMU itself makes"),
        (("-qmp", "unix:/a,reconnect=5"), "QEMU itself makes"),
        (("-qmp", "telnet:localhost:4444,server=on"), "telnet"),
        (("-qmp", "websocket:localhost:4444,server=on"), "websocket"),
        (CONTROL, "outside the command line"),
        (("-chardev", "stdio,id=c,mux=on", *CONTROL), "standard input"),
        (("-chardev", "socket,id=c,path=@x,abstract=on,server=on", *CONTROL), "abstract"),
    ],
)  # fmt: skip
def test_monitors_that_nobody_can_connect_to(words: tuple[str, ...], why: str) -> None:
    assert why in only(*words).obstacle


@pytest.mark.parametrize(
    "words",
    [
        ("-monitor", "unix:/a,server=on,wait=off"),
        ("-monitor", "stdio"),
        ("-mon", "chardev=c", "-chardev", "socket,id=c,path=/a,server=on"),
        ("-mon", "chardev=c,mode=readline", "-chardev", "socket,id=c,path=/a,server=on"),
        ("-qmp", "none"),
        ("-serial", "unix:/a,server=on"),
        ("-name", "-qmp"),
        ("-append", "-qmp unix:/a"),
    ],
)
def test_what_is_no_qmp_monitor(words: tuple[str, ...]) -> None:
    assert read(*words).monitors == ()


def test_the_storage_daemon_s_monitor_is_qmp() -> None:
    socket = ("--chardev", "socket,id=c,path=/a,server=on,wait=off")
    for monitor in ("c", "chardev=c,pretty=on", '{"chardev": "c"}', "chardev=c,mode=control"):
        line = read_command_line(("qemu-storage-daemon", *socket, "--monitor", monitor))
        assert [m.path for m in line.monitors] == ["/a"]


def test_sockets_that_are_something_else_are_known() -> None:
    line = read(
        *("-monitor", "unix:/hmp,server=on"),
        *("-chardev", "socket,id=agent,path=/agent,server=on"),
        *("-chardev", "socket,id=c,path=/qmp,server=on"),
        *CONTROL,
    )
    assert line.other_sockets == {"/hmp", "/agent"}


def test_name_and_uuid() -> None:
    uuid = "6f1ed2c1-8f0a-4d43-9c3c-0b1f5e3a2b11"
    assert read("-name", "web").name == "web"
    assert read("-name", "guest=a,,b,debug-threads=on").name == "a,b"
    assert read("-name", "web,process=qemu-web").name == "web"
    assert read("-uuid", uuid.upper()).uuid == uuid
    assert read("-smbios", f"type=1,uuid={uuid}").uuid == uuid
    assert read("-uuid", "nonsense").uuid is None
    assert read().name == ""


def test_disks() -> None:
    line = read(
        *("-drive", "file=/a,,b.qcow2,if=virtio,format=qcow2"),
        *("-drive", "if=pflash,file=/OVMF.fd"),
        *("-drive", "file=/cd.iso,media=cdrom"),
        *("-blockdev", '{"driver":"qcow2","file":{"driver":"file","filename":"/c"}}'),
        *("-blockdev", "driver=raw,node-name=m,file.driver=file,file.filename=/d"),
        *("-hda", "/e", "-S", "/f"),
    )  # fmt: skip
    assert line.disks == ("/a,b.qcow2", "/c", "/d", "/e", "/f")


def test_libvirt_s_vm_is_known_though_its_monitor_is_a_number() -> None:
    line = read(
        *("-name", "guest=web,debug-threads=on"),
        "-object",
        '{"qom-type":"secret","id":"masterKey0","format":"raw",'
        '"file":"/var/lib/libvirt/qemu/domain-1-web/master-key.aes"}',
        *("-chardev", "socket,id=charmonitor,fd=35,server=on,wait=off"),
        *("-mon", "chardev=charmonitor,id=monitor,mode=control"),
    )
    assert line.libvirt_directory == "/var/lib/libvirt/qemu/domain-1-web"
    assert line.proxmox_id is None


def test_proxmox_s_vm_is_known() -> None:
    line = read(
        *("-id", "100", "-name", "web,debug-threads=on", "-no-shutdown"),
        *("-chardev", "socket,id=qmp,path=/var/run/qemu-server/100.qmp,server=on,wait=off"),
        *("-mon", "chardev=qmp,mode=control"),
        *("-chardev", "socket,id=qmp-event,path=/var/run/qmeventd.sock,reconnect=5"),
        *("-mon", "chardev=qmp-event,mode=control"),
    )
    assert line.proxmox_id == "100"
    assert [bool(m.obstacle) for m in line.monitors] == [False, True]


def test_configuration_files_are_told() -> None:
    assert read("-readconfig", "/etc/vm.cfg").configs == ("/etc/vm.cfg",)
