"""An address without a path is answered with the monitors that the host has."""

from pathlib import Path

import pytest

from tests.cli.running import blockdeck
from tests.qmp.connecting import connect, refused
from tests.qmp.machine import machine
from tests.transports.over_ssh import HOST, address_of, know, ssh_server
from tui.qmp.address import SshAddress, parse_address
from tui.qmp.errors import NoSuchSocket, Reserved
from tui.qmp.transport.ssh_listing import unix_monitors


async def test_the_monitors_of_the_host_are_listed_and_can_be_connected_to(place: Path) -> None:
    with ssh_server() as sshd:
        know(sshd)
        async with machine(place, "-name", "guest=mail [/x],debug-threads=on") as vm:
            failure = await refused(SshAddress(host=HOST, port=sshd.port))
            assert isinstance(failure, NoSuchSocket)
            assert failure.sentence == f"Say which monitor of {HOST}:"
            listed = [line.split("  ", 1) for line in failure.advice.split("\n")]
            ours = [text for text, name in listed if name == "mail [/x]"]
            assert {str(vm.monitor), str(vm.second)} == {
                str(getattr(parse_address(text), "path", "")) for text in ours
            }
            async with await connect(parse_address(ours[0])) as session:
                assert await session.execute("query-name") == {"name": "mail [/x]"}


async def test_what_a_manager_needs_is_neither_listed_nor_connected_to(place: Path) -> None:
    home = place / "run/qemu-server"
    home.mkdir(parents=True)
    (place / "own").mkdir()
    path, log = home / "100.qmp", place / "sent"
    options = (
        *("-chardev", f"socket,id=qmp,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "chardev=qmp,mode=control"),
    )
    with ssh_server() as sshd:
        know(sshd)
        async with machine(place / "own", *options) as vm:
            told = (await refused(SshAddress(host=HOST, port=sshd.port))).advice
            typed = await refused(address_of(sshd, path))
        assert f"{sshd.port}{vm.monitor}" in told
        assert str(path) not in told
        assert "Left out is Proxmox VE's own monitor." in told
    assert isinstance(typed, Reserved)
    assert typed.sentence.startswith(f"ssh://{HOST}:{sshd.port}{path} is Proxmox VE's own monitor")
    assert log.read_text() == ""


async def test_a_command_says_it_too(place: Path) -> None:
    with ssh_server() as sshd:
        know(sshd)
        async with machine(place) as vm:
            done = await blockdeck("devices", f"ssh://{HOST}:{sshd.port}")
    assert done.status == 3
    assert f"ssh://{HOST}:{sshd.port}{vm.monitor}" in [
        line.strip() for line in done.err.split("\n")
    ]


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        ("-qmp unix:/run/a.sock,server=on,wait=off", ["/run/a.sock"]),
        ("--qmp unix:/run/a,,b,server", ["/run/a,b"]),
        ("-qmp-pretty unix:/run/a.sock,server", ["/run/a.sock"]),
        ("-qmp tcp:localhost:1,server -monitor unix:/run/hmp,server", []),
        ("-qmp unix:relative.sock,server", []),
        ("-chardev socket,id=c,path=/run/c,server=on -mon chardev=c,mode=control", ["/run/c"]),
        ("-mon c,mode=control -chardev socket,id=c,path=/run/c,server=on", ["/run/c"]),
        ("-chardev socket,id=c,path=/run/c,server=on -mon chardev=c,mode=readline", []),
        ("-chardev socket,id=c,fd=3,server=on -mon chardev=c,mode=control", []),
        ("-qmp", []),
        ("-qmp unix: -mon , -chardev ,", []),
    ],
)
def test_monitors_are_read_off_a_command_line(words: str, paths: list[str]) -> None:
    assert list(unix_monitors(["qemu-system-x86_64", *words.split()])) == paths
