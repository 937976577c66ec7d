"""Through libvirt: its domains, its words, its end, and who may use it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import libvirt
import pytest

from tests.cli.running import blockdeck
from tests.journeys.conftest import TerminalOpener
from tests.journeys.conftest import terminal as terminal
from tests.journeys.steps import BLOCKDECK
from tests.qemu import qemu_img
from tests.qmp.connecting import connect, refused
from tests.transports.over_libvirt import Libvirtd, domain, domain_xml, running_libvirtd
from tests.transports.over_ssh import know, ssh_server
from tests.ui.conftest import DeckOpener
from tests.worker.disks import MIB
from tests.worker.watching import BRISK, J, ended, linked, running, until
from tui.qmp.address import LibvirtAddress, parse_address
from tui.qmp.errors import (
    CommandRefused,
    NobodyListens,
    NoSuchDomain,
    NotAnswering,
    NotResponding,
    PermissionRefused,
)
from tui.vm.job import Outcome
from tui.vm.snapshot import Link
from tui.worker import VmWorker

DISK = """
<disk type='file' device='disk'>
  <driver name='qemu' type='qcow2'/><source file='{path}'/><target dev='vda' bus='virtio'/>
</disk>
"""


def address_of(daemon: Libvirtd, name: str) -> LibvirtAddress:
    return LibvirtAddress(uri=daemon.uri, domain=name)


@pytest.fixture
def own_libvirtd() -> Iterator[Libvirtd]:
    """A libvirtd for one test that harms it."""
    with running_libvirtd() as daemon:
        yield daemon


@contextlib.asynccontextmanager
async def domain_with_disk(daemon: Libvirtd) -> AsyncIterator[tuple[str, int, Path]]:
    """A domain with a disk of 8 MiB; the directory is one that its QEMU may write to."""
    there = daemon.there / uuid.uuid4().hex
    there.mkdir()
    qemu_img("create", "-q", "-f", "qcow2", there / "disk.qcow2", str(8 * MIB))
    write = ["qemu-io", "-f", "qcow2", "-c", "write -q -P 7 0 8M", str(there / "disk.qcow2")]
    await asyncio.to_thread(lambda: subprocess.run(write, check=True, timeout=30))
    for path in (there, there / "disk.qcow2"):
        daemon.give(path)
    async with domain(daemon, DISK.format(path=there / "disk.qcow2")) as (name, pid):
        yield name, pid, there


# --- finding the domain -------------------------------------------------------------------------


async def test_a_domain_is_found_by_name_and_by_uuid(libvirtd: Libvirtd) -> None:
    async with domain(libvirtd, name="a [b] ü&?") as (name, pid):
        async with await connect(address_of(libvirtd, name)) as session:
            assert session.peer_pid == pid
            identity = await session.execute("query-uuid")
        assert isinstance(identity, dict)
        async with await connect(address_of(libvirtd, identity["UUID"])) as session:
            assert session.peer_pid == pid


async def test_an_unknown_domain_is_told_with_those_that_there_are(libvirtd: Libvirtd) -> None:
    async with domain(libvirtd, name="mail"):
        failure = await refused(address_of(libvirtd, "mial"))
    assert isinstance(failure, NoSuchDomain)
    assert "has no domain mial" in failure.sentence
    assert "mail" in failure.advice


async def test_without_a_name_the_domains_that_run_are_told(libvirtd: Libvirtd) -> None:
    async with domain(libvirtd, name="a&b") as (one, _), domain(libvirtd) as (other, _):
        failure = await refused(LibvirtAddress(uri=libvirtd.uri))
        assert isinstance(failure, NoSuchDomain)
        told = [parse_address(line) for line in failure.advice.split("\n")]
        assert {address_of(libvirtd, one), address_of(libvirtd, other)} <= set(told)
        # Nothing was asked of them.
        assert await asyncio.to_thread(_messages, libvirtd, one) == []


async def test_a_domain_that_does_not_run_is_told(libvirtd: Libvirtd) -> None:
    connection = await asyncio.to_thread(libvirtd.connect)
    defined = await asyncio.to_thread(connection.defineXML, domain_xml("asleep", str(uuid.uuid4())))
    try:
        failure = await refused(address_of(libvirtd, "asleep"))
    finally:
        await asyncio.to_thread(defined.undefine)
        connection.close()
    assert isinstance(failure, NobodyListens)
    assert failure.sentence == "The domain asleep does not run."
    assert "start asleep" in failure.advice


async def test_without_a_libvirt_its_own_words_are_told(
    place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    uri = f"qemu+unix:///session?socket={place}/none"
    failure = await refused(LibvirtAddress(uri=uri, domain="x"))
    assert isinstance(failure, NobodyListens)
    assert "No such file or directory" in failure.sentence
    # The library would write it to the screen.
    assert capfd.readouterr().err == ""


async def test_a_stopped_qemu_is_named(libvirtd: Libvirtd) -> None:
    async with domain(libvirtd) as (name, pid):
        os.kill(pid, signal.SIGSTOP)
        try:
            failure = await refused(address_of(libvirtd, name), timeout=0.5)
        finally:
            os.kill(pid, signal.SIGCONT)
    assert isinstance(failure, NotResponding)
    assert failure.sentence == f"QEMU process {pid} is stopped (SIGSTOP)."


# --- strangers ----------------------------------------------------------------------------------

AS_A_STRANGER = """
import asyncio, concurrent.futures.thread, os, sys
# A stranger may not be able to read them.
import tui.qmp.transport.through_libvirt
from tui.qmp.address import parse_address
from tui.qmp.errors import ConnectFailure
from tui.qmp.session import QmpSession
os.setgroups([])
os.setgid(54321)
os.setuid(54321)
try:
    asyncio.run(QmpSession.connect(parse_address(sys.argv[1]), on_event=print))
except ConnectFailure as failure:
    print(type(failure).__name__, failure.sentence, sep="\\n")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_another_user_is_not_let_in(libvirtd: Libvirtd) -> None:
    async with domain(libvirtd) as (name, _):
        child = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", AS_A_STRANGER, str(address_of(libvirtd, name))],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert child.stdout.split("\n")[0] == PermissionRefused.__name__, child
    assert "Permission denied" in child.stdout


# --- what it does to the domain -----------------------------------------------------------------


async def test_the_taint_is_real_and_told_before(libvirtd: Libvirtd) -> None:
    async with domain(libvirtd) as (name, _):
        assert await asyncio.to_thread(_messages, libvirtd, name) == []
        done = await blockdeck("jobs", str(address_of(libvirtd, name)))
        assert done.status == 0
        assert f"libvirt will mark the domain {name} as tainted (custom-monitor)" in done.err
        (message,) = await asyncio.to_thread(_messages, libvirtd, name)
        assert "tainted: custom monitor" in message


async def test_the_taint_is_on_the_screen(libvirtd: Libvirtd, tmp_path: Path) -> None:
    async with domain(libvirtd) as (name, _), DeckOpener(tmp_path)() as deck:
        await deck.fill_in(str(address_of(libvirtd, name)))
        await deck.sees("as tainted (custom-monitor)")
        await deck.press("enter")
        await deck.sees(" tainted ", "prelaunch", "connected")
        await deck.is_told(f"libvirt will mark the domain {name} as tainted (custom-monitor)")
        # Only what is not open already is told of.
        await deck.press("o")
        await deck.fill_in(str(address_of(libvirtd, name)))
        await deck.press("enter")
        await deck.sees(" tainted ", "connected")
        assert len([toast for toast in deck.toasts if "libvirt will mark" in toast]) <= 1


@pytest.mark.slow
async def test_the_taint_is_told_where_the_address_is_on_the_command_line(
    libvirtd: Libvirtd, terminal: TerminalOpener
) -> None:
    async with domain(libvirtd) as (name, _):
        there = terminal(120, 40)
        there.run(*BLOCKDECK, str(address_of(libvirtd, name)))
        said = f"libvirt will mark the domain {name} as tainted"
        await there.sees(said, "(custom-monitor)", "tainted in libvirt", "connected")
        there.press("q")
        assert await there.exit_status() == 0
        # It was said before the screen was opened, and stays when it is closed.
        await there.sees(said)


async def test_what_libvirt_would_cut_short_is_not_sent(libvirtd: Libvirtd) -> None:
    async with domain(libvirtd) as (name, _), await connect(address_of(libvirtd, name)) as session:
        with pytest.raises(CommandRefused, match="NUL"):
            await session.execute("block_resize", {"device": "a\0b", "size": 1})


# --- the end ------------------------------------------------------------------------------------


async def test_a_domain_that_is_destroyed_ends_the_session(libvirtd: Libvirtd) -> None:
    async with domain(libvirtd) as (name, _), await connect(address_of(libvirtd, name)) as session:
        connection = await asyncio.to_thread(libvirtd.connect)
        await asyncio.to_thread(connection.lookupByName(name).destroy)
        connection.close()
        reason = await asyncio.wait_for(session.closed(), 10)
        assert reason == f"The domain {name} has ended"


async def test_a_call_that_hangs_holds_up_nothing_but_its_own(libvirtd: Libvirtd) -> None:
    async with (
        domain(libvirtd) as (one, pid),
        domain(libvirtd) as (other, _),
        await connect(address_of(libvirtd, one)) as hangs,
        await connect(address_of(libvirtd, other)) as goes,
    ):
        os.kill(pid, signal.SIGSTOP)
        stuck = asyncio.create_task(hangs.execute("query-status", timeout=30))
        for _ in range(20):
            assert isinstance(await goes.execute("query-status", timeout=10), dict)
        assert not stuck.done()
        began = time.monotonic()
        stuck.cancel()
        await hangs.close()
        assert time.monotonic() - began < 2
        os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
async def test_a_libvirtd_that_gives_no_sign_of_life_is_given_up(own_libvirtd: Libvirtd) -> None:
    async with domain(own_libvirtd) as (name, _):
        address = address_of(own_libvirtd, name)
        async with await connect(address) as session:
            with own_libvirtd.frozen():
                with pytest.raises(NotAnswering):
                    await session.execute("query-status", timeout=0.2)
                reason = await asyncio.wait_for(session.closed(), 60)
        assert reason == "The connection to libvirt was lost: it gave no sign of life"
        async with await connect(address) as again:
            assert isinstance(await again.execute("query-status"), dict)


# --- a backup -----------------------------------------------------------------------------------


async def test_a_backup_through_libvirt_is_like_any_other(libvirtd: Libvirtd) -> None:
    async with (
        domain_with_disk(libvirtd) as (name, pid, there),
        VmWorker(address_of(libvirtd, name), pace=BRISK) as worker,
    ):
        (device,) = worker.snapshot.devices
        assert worker.process is not None
        assert worker.process.pid == pid
        facts = await worker.look_at(str(there / "target.qcow2"))
        assert facts is not None
        assert (facts.visible, facts.exists, facts.writable) == (True, False, True)
        await worker.start(_backup(device.backup_name, there))
        job = await ended(worker)
        assert (job.outcome, job.ours) == (Outcome.SUCCEEDED, True)
        names = [record.name for record in worker.events.since(0)]
        assert "BLOCK_JOB_COMPLETED" in names
        # The dry run before it is nobody's business.
        assert names.count("BLOCK_JOB_COMPLETED") == 1
    said = qemu_img("compare", "-U", there / "disk.qcow2", there / "target.qcow2")
    assert "Images are identical." in said


async def test_a_backup_outlives_libvirtd_and_is_adopted(own_libvirtd: Libvirtd) -> None:
    async with domain_with_disk(own_libvirtd) as (name, _, there):
        worker = VmWorker(address_of(own_libvirtd, name), pace=BRISK)
        async with running(worker):
            await linked(worker, Link.CONNECTED)
            (device,) = worker.snapshot.devices
            arguments = _backup(device.backup_name, there, speed=MIB)
            await worker.start(arguments)
            await asyncio.to_thread(own_libvirtd.kill)
            await linked(worker, Link.LOST)
            assert "libvirt" in worker.snapshot.connection.detail
            await asyncio.to_thread(own_libvirtd.start)
            await linked(worker, Link.CONNECTED)
            job = await until(worker, lambda: worker.snapshot.job(J))
            assert job is not None
            assert (job.live, job.ours) == (True, True)
            await worker.cancel(J)
            assert (await ended(worker)).outcome is Outcome.CANCELLED


# --- libvirt elsewhere --------------------------------------------------------------------------

_NETCAT = """
import os, socket, sys, threading
end = socket.socket(socket.AF_UNIX)
end.connect(sys.argv[-1])
def inward():
    while raw := end.recv(65536):
        os.write(1, raw)
    os._exit(0)
threading.Thread(target=inward).start()
while raw := os.read(0, 65536):
    end.sendall(raw)
os._exit(0)
"""


async def test_a_remote_uri_goes_the_way_that_libvirt_goes(libvirtd: Libvirtd, place: Path) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        wrapper = place / "ssh"
        options = f"-F {home}/config -o UserKnownHostsFile={home}/known_hosts"
        wrapper.write_text(f'#!/bin/sh\nexec ssh {options} "$@"\n')
        wrapper.chmod(0o755)
        netcat = place / "nc"
        netcat.write_text(f"#!{sys.executable}\n{_NETCAT}")
        netcat.chmod(0o755)
        socket = f"{libvirtd.there}/run/libvirt-sock"
        uri = (
            f"qemu+ssh://127.0.0.1:{sshd.port}/session"
            f"?socket={socket}&command={wrapper}&proxy=netcat&netcat={netcat}"
        )
        async with domain(libvirtd) as (name, _):
            address = LibvirtAddress(uri=uri, domain=name)
            async with await connect(address) as session:
                # Nothing of this host is judged for it.
                assert session.peer_pid is None
                assert isinstance(await session.execute("query-status"), dict)
            (home / "known_hosts").write_text("")
            failure = await refused(address)
    assert "Host key verification failed" in failure.sentence


def _messages(daemon: Libvirtd, name: str) -> list[str]:
    connection = daemon.connect()
    try:
        found = connection.lookupByName(name)
        return list(found.messages(libvirt.VIR_DOMAIN_MESSAGE_TAINTING))
    finally:
        connection.close()


def _backup(device: str | None, there: Path, **more: Any) -> dict[str, Any]:
    return {
        "job-id": J,
        "device": device,
        "target": str(there / "target.qcow2"),
        "format": "qcow2",
        "sync": "full",
        "auto-dismiss": False,
        **more,
    }
