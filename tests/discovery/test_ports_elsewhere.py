"""Monitors on TCP ports of another host are listed, asked and connected to as those on sockets."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.discovery.looking import at
from tests.discovery.starting import Starter, held_by_another
from tests.discovery.test_elsewhere import host, look, once_free, vm_of
from tests.qmp.connecting import connect
from tests.transports.ports import free_port
from tui.demo.qemu import Qemu
from tui.discovery.far_ports import read_owners, read_ports
from tui.discovery.models import Findings, FoundMonitor, MonitorState
from tui.qmp.address import SshAddress, TcpAddress

UNSHARE = shutil.which("unshare") or ""


def qmp_at(place: str, wait: str = "off") -> tuple[str, str]:
    """The option for a monitor at `HOST:PORT`."""
    return "-qmp", f"tcp:{place},server=on,wait={wait}"


def at_port(place: SshAddress, number: int, name: str = "127.0.0.1") -> str:
    """The address of a port there."""
    return str(place.at(TcpAddress(host=name, port=number)))


def only(found: Findings, qemu: Qemu) -> FoundMonitor:
    """The only monitor of a VM."""
    (monitor,) = vm_of(found, qemu).monitors
    return monitor


async def test_a_free_one_is_asked_and_can_be_connected_to(start: Starter) -> None:
    number = free_port()
    web = await start("-name", "web", *qmp_at(f":{number}"))
    with host() as place:
        vm = await once_free(place, web)
        assert at(vm, at_port(place, number)).state is MonitorState.FREE
        assert (vm.usable, vm.remedy) == (True, None)
        assert (vm.run_state, vm.version is not None) == ("prelaunch", True)
        assert vm.best is not None
        assert isinstance(vm.best.address, SshAddress)
        async with await connect(vm.best.address) as session:
            assert await session.execute("query-name") == {"name": "web"}
        used = await look(place, vm.best.address, asks=False)
    assert only(used, web).recent


async def test_one_that_is_held_is_left_alone_and_by_whom_is_told(
    start: Starter, tmp_path: Path
) -> None:
    number, log = free_port(), tmp_path / "said"
    db = await start(
        "-chardev",
        f"socket,id=c,host=127.0.0.1,port={number},server=on,wait=off,logfile={log}",
        *("-mon", "chardev=c,mode=control"),
    )
    with host() as place, held_by_another(number) as pid:
        found = await look(place)
        held = only(found, db)
        assert held.state is MonitorState.BUSY
        assert held.holder is not None
        assert held.holder.pid == pid
        assert f"(pid {pid}, user {vm_of(found, db).user})" in held.sentence
    assert log.read_text().count('"QMP"') == 1


async def test_a_port_that_the_kernel_chose_is_found(start: Starter) -> None:
    web = await start("-name", "web", *qmp_at("127.0.0.1:0"))
    with host() as place:
        vm = await once_free(place, web)
        address = vm.monitors[0].address
        assert isinstance(address, SshAddress)
        assert address.tcp is not None
        async with await connect(address) as session:
            assert await session.execute("query-name") == {"name": "web"}


async def test_one_that_waits_for_its_client_is_not_asked(start: Starter, tmp_path: Path) -> None:
    number, human = free_port(), tmp_path / "human"
    waits = await start(
        *("-monitor", f"unix:{human},server=on,wait=off", *qmp_at(f"127.0.0.1:{number}", "on")),
        ready=human,
    )
    with host() as place:
        monitor = only(await look(place), waits)
    assert monitor.state is MonitorState.NOT_ASKED
    assert "would start the VM" in monitor.sentence


async def test_a_stopped_one_answers_nothing(start: Starter) -> None:
    stopped = await start(*qmp_at(f"127.0.0.1:{free_port()}"))
    os.kill(stopped.pid, signal.SIGSTOP)
    with host() as place:
        monitor = only(await look(place), stopped)
    os.kill(stopped.pid, signal.SIGCONT)
    assert monitor.state is MonitorState.SILENT
    assert f"kill -CONT {stopped.pid}" in monitor.advice


async def test_where_sshd_forwards_no_port_that_is_said(start: Starter) -> None:
    web = await start("-name", "web", *qmp_at(f"127.0.0.1:{free_port()}"))
    with host("AllowTcpForwarding no\n") as place:
        found = await look(place)
    monitor, vm = only(found, web), vm_of(found, web)
    assert monitor.state is MonitorState.NO_PERMISSION
    assert "does not let this user connect to 127.0.0.1:" in monitor.sentence
    assert "AllowTcpForwarding yes" in monitor.advice
    # A monitor on a socket would do there.
    assert vm.remedy is not None
    assert vm.remedy.text.startswith("-qmp unix:")


@pytest.mark.skipif(
    os.geteuid() != 0 or not UNSHARE,
    reason="only root can give a process a network of its own",
)
async def test_a_port_in_a_network_of_its_own_is_no_address(start: Starter) -> None:
    own = await start.wrapped(
        *(UNSHARE, "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"),
        options=qmp_at("127.0.0.1:4444"),
    )
    with host() as place:
        monitor = only(await look(place), own)
    assert monitor.state is MonitorState.NO_ADDRESS
    assert "network namespace of its own" in monitor.sentence


def test_the_kernel_s_tables_are_read_for_both_families() -> None:
    row = "00000000:00000000 00:00000000 00000000     0        0"
    mapped = "0000000000000000FFFF00000100007F"
    told = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n"
        f"   0: 0100007F:115C 00000000:0000 0A {row} 11 1 0 100\n"
        f"   1: 0100007F:C47A 0100007F:115C 01 {row} 12 1 0 100\n"
        f"   0: {'0' * 24}01000000:115C {'0' * 32}:0000 0A {row} 13 1 0 100\n"
        f"   1: {mapped}:115C {mapped}:C47A 01 {row} 14 1 0 100\n"
        f"   2: 0100007F:C47A 0100007F:AC19 06 {row} 0 3 0\n"
        "   3: zz\n"
    )
    pids, programs = read_owners(
        'ESTAB 0 0 127.0.0.1:50298 127.0.0.1:4444 users:(("we b",pid=7,fd=3)) uid:9 ino:12 sk:1\n'
        "ESTAB 0 0 127.0.0.1:50300 127.0.0.1:4445 ino:15 sk:2\n"
    )
    assert (pids, programs) == ({12: 7}, {7: "we b"})
    assert read_ports(told, {**pids, 11: 5, 13: 5, 14: 5}).connections == (
        ("127.0.0.1", 4444, "0.0.0.0", 0, "LISTEN", 5),
        ("127.0.0.1", 50298, "127.0.0.1", 4444, "ESTABLISHED", 7),
        ("::1", 4444, "::", 0, "LISTEN", 5),
        ("127.0.0.1", 4444, "127.0.0.1", 50298, "ESTABLISHED", 5),
    )
    assert read_ports(told, pids).caller(4444, 5) == (7, "127.0.0.1:50298")
