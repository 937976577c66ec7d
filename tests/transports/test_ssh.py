"""SSH: strangers are refused, on either side, and what OpenSSH's files say counts."""

import asyncio
import getpass
import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.qmp.connecting import connect, refused
from tests.qmp.machine import Machine
from tests.qmp.machine import machine as machine_in
from tests.transports.over_ssh import HOST, address_of, know, ssh_server
from tests.transports.ports import free_port
from tui.qmp.address import SshAddress
from tui.qmp.errors import (
    ConnectFailure,
    HostUnknown,
    HostUnreachable,
    LoginRefused,
    MonitorBusy,
    NobodyListens,
    NoSuchSocket,
    NotAnswering,
    NotASocket,
    PermissionRefused,
    Reserved,
    Untrusted,
)

pytestmark = pytest.mark.usefixtures("no_task_is_left")


@pytest.fixture
async def vm(place: Path) -> AsyncIterator[Machine]:
    """A running QEMU."""
    async with machine_in(place) as running:
        yield running


# --- the host must be known ---------------------------------------------------------------------


@pytest.mark.parametrize("lax", ["", "StrictHostKeyChecking no\n", "UserKnownHostsFile none\n"])
async def test_an_unknown_host_is_refused_with_its_fingerprint(vm: Machine, lax: str) -> None:
    with ssh_server() as sshd:
        home = know(sshd, trusted=False)
        with (home / "config").open("a") as config:
            config.write(lax)
        failure = await refused(address_of(sshd, vm.monitor))
        fingerprint = fingerprint_of(sshd.there / "host_key.pub")
    assert isinstance(failure, Untrusted)
    assert "not among your known hosts" in failure.sentence
    assert fingerprint in failure.sentence
    assert f"ssh -p {sshd.port} {HOST} true" in failure.advice
    assert (home / "known_hosts").read_text() == ""


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
async def test_a_changed_key_is_refused_loudly(vm: Machine, kind: str) -> None:
    with ssh_server() as sshd:
        know(sshd)
        known = fingerprint_of(sshd.there / "host_key.pub")
        address = address_of(sshd, vm.monitor)
        async with await connect(address) as session:
            assert await session.execute("query-name") == {}
        sshd.new_host_key(kind)
        failure = await _once_restarted(address)
        shown = fingerprint_of(sshd.there / "host_key.pub")
    assert isinstance(failure, Untrusted)
    assert "HAS CHANGED" in failure.sentence
    assert f"ssh-keygen -R '[{HOST}]:{sshd.port}'" in failure.advice
    assert f"has {known}" in failure.sentence
    assert f"{kind}" in failure.sentence
    assert shown in failure.sentence


async def test_a_key_that_was_revoked_is_refused(vm: Machine) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        known = home / "known_hosts"
        known.write_text("@revoked " + known.read_text() + known.read_text())
        failure = await refused(address_of(sshd, vm.monitor))
    assert isinstance(failure, Untrusted)
    assert "revoked" in failure.sentence


async def test_another_server_of_the_same_host_is_unknown_and_not_changed(vm: Machine) -> None:
    with ssh_server() as sshd, ssh_server() as other:
        home = know(sshd, trusted=False)
        key = (other.there / "host_key.pub").read_text()
        (home / "known_hosts").write_text(f"{HOST} {key}")
        failure = await refused(address_of(sshd, vm.monitor))
    assert isinstance(failure, Untrusted)
    assert "not among your known hosts" in failure.sentence


async def test_hashed_names_are_known(vm: Machine) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        subprocess.run(
            ["ssh-keygen", "-H", "-f", home / "known_hosts"], check=True, capture_output=True
        )
        assert HOST not in (home / "known_hosts").read_text()
        async with await connect(address_of(sshd, vm.monitor)) as session:
            assert await session.execute("query-name") == {}


# --- the operator must be known -----------------------------------------------------------------


async def test_without_a_key_nobody_gets_in(vm: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with ssh_server() as sshd:
        know(sshd, key=False)
        failure = await refused(address_of(sshd, vm.monitor))
    assert isinstance(failure, LoginRefused)
    assert "accepts none of the keys" in failure.sentence


async def test_a_key_of_somebody_else_does_not_get_in(vm: Machine, place: Path) -> None:
    with ssh_server() as sshd:
        home = know(sshd, key=False)
        _make_key(home / "id_ed25519")
        failure = await refused(address_of(sshd, vm.monitor))
    assert isinstance(failure, LoginRefused)


async def test_a_key_under_a_passphrase_is_left_alone(
    vm: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with ssh_server() as sshd:
        know(sshd)
        subprocess.run(
            ["ssh-keygen", "-q", "-p", "-N", "secret", "-f", sshd.there / "client_key"],
            check=True,
            capture_output=True,
        )
        failure = await refused(address_of(sshd, vm.monitor))
    assert isinstance(failure, LoginRefused)


async def test_the_agent_is_asked(
    vm: Machine, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await asyncio.create_subprocess_exec(
        "ssh-agent", "-D", "-a", place / "agent", stdout=asyncio.subprocess.DEVNULL
    )
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(place / "agent"))
        with ssh_server() as sshd:
            know(sshd, key=False)
            address = address_of(sshd, vm.monitor)
            assert isinstance(await refused(address), LoginRefused)
            add = ["ssh-add", "-q", str(sshd.there / "client_key")]
            await asyncio.to_thread(
                lambda: subprocess.run(add, check=True, capture_output=True, timeout=30)
            )
            async with await connect(address) as session:
                assert await session.execute("query-name") == {}
    finally:
        agent.terminate()
        await agent.communicate()


# --- the configuration --------------------------------------------------------------------------


async def test_an_alias_of_the_configuration_is_enough(vm: Machine) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        (home / "config").write_text(
            f"Host hypervisor\n  HostName {HOST}\n  Port {sshd.port}\n  User {getpass.getuser()}\n"
            f"  IdentityFile {sshd.there}/client_key\n"
        )
        async with await connect(SshAddress(host="hypervisor", path=str(vm.monitor))) as session:
            assert await session.execute("query-name") == {}
            # The process on the other side is nobody's here.
            assert session.peer_pid is None


async def test_the_hosts_on_the_way_must_be_known_too(vm: Machine) -> None:
    with ssh_server() as bastion, ssh_server() as sshd:
        keys = "".join(f"IdentityFile {server.there}/client_key\n" for server in (bastion, sshd))
        known = [
            f"[{HOST}]:{server.port} {(server.there / 'host_key.pub').read_text()}"
            for server in (bastion, sshd)
        ]
        home = know(sshd)
        (home / "config").write_text(
            f"Host hypervisor\n  HostName {HOST}\n  Port {sshd.port}\n"
            f"  ProxyJump {getpass.getuser()}@{HOST}:{bastion.port}\n"
            f"Host *\n  UserKnownHostsFile {home}/known_hosts\n{keys}"
        )
        address = SshAddress(host="hypervisor", path=str(vm.monitor))
        (home / "known_hosts").write_text("".join(known))
        async with await connect(address) as session:
            assert await session.execute("query-name") == {}
            bastion.cut()
            reason = await asyncio.wait_for(session.closed(), 10)
            assert reason.startswith("The SSH connection to hypervisor was lost")
        (home / "known_hosts").write_text(known[1])
        failure = await refused(address)
        assert isinstance(failure, Untrusted)
        assert failure.sentence.startswith(f"{HOST} is not among your known hosts")
        assert fingerprint_of(bastion.there / "host_key.pub") in failure.sentence
        assert f"-p {bastion.port}" in failure.advice
        (home / "known_hosts").write_text(known[0])
        failure = await refused(address)
        assert isinstance(failure, Untrusted)
        assert fingerprint_of(sshd.there / "host_key.pub") in failure.sentence
        assert failure.advice.endswith("ssh hypervisor true")


async def test_a_host_on_the_way_that_leads_nowhere_is_told(vm: Machine) -> None:
    with ssh_server("AllowTcpForwarding no\n") as bastion:
        home = know(bastion)
        with (home / "config").open("a") as config:
            config.write(f"Host hypervisor\n  ProxyJump {HOST}:{bastion.port}\n")
        failure = await refused(SshAddress(host="hypervisor", path=str(vm.monitor)))
    assert isinstance(failure, HostUnreachable)
    assert failure.sentence.startswith("No SSH connection to hypervisor: ")


async def test_other_files_of_known_hosts_count(vm: Machine, place: Path) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        known = (home / "known_hosts").rename(place / "hosts")
        with (home / "config").open("a") as config:
            config.write(f"UserKnownHostsFile {place}/none {known}\n")
        async with await connect(address_of(sshd, vm.monitor)) as session:
            assert await session.execute("query-name") == {}
        # And only those.
        known.rename(home / "known_hosts")
        assert isinstance(await refused(address_of(sshd, vm.monitor)), Untrusted)


async def test_a_mistake_in_the_configuration_is_told(vm: Machine) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        (home / "config").write_text("Port x\n")
        failure = await refused(address_of(sshd, vm.monitor))
    assert "The SSH configuration cannot be used" in failure.sentence
    assert "line 1" in failure.sentence


@pytest.mark.parametrize(
    "line", ["AllowStreamLocalForwarding no", "AllowTcpForwarding no", "PermitOpen localhost:9"]
)
async def test_a_server_that_does_not_forward_is_a_possible_reason(vm: Machine, line: str) -> None:
    with ssh_server(f"{line}\n") as sshd:
        know(sshd)
        failure = await refused(address_of(sshd, vm.monitor))
    assert isinstance(failure, NobodyListens)
    assert f"cannot connect to {vm.monitor}" in failure.sentence
    assert line.split()[0] in failure.advice


# --- the socket on the other side ---------------------------------------------------------------


async def test_what_is_at_the_path_is_told(vm: Machine, place: Path) -> None:
    (place / "gone").mkdir()
    async with machine_in(place / "gone") as gone:
        pass
    with ssh_server() as sshd:
        know(sshd)
        nothing = await refused(address_of(sshd, place / "none.sock"))
        directory = await refused(address_of(sshd, place))
        dead = await refused(address_of(sshd, gone.monitor))
    assert isinstance(nothing, NoSuchSocket)
    assert nothing.sentence == f"There is no socket {place}/none.sock on {HOST}."
    assert isinstance(directory, NotASocket)
    assert isinstance(dead, NobodyListens)
    assert f"cannot connect to {gone.monitor}" in dead.sentence


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's sshd lets others in")
async def test_a_login_without_the_right_to_the_socket_is_kept_out(
    vm: Machine, place: Path
) -> None:
    with ssh_server() as sshd:
        know(sshd)
        # Where sshd looks for the keys of a user as that user.
        sshd.there.chmod(0o711)
        address = address_of(sshd, vm.monitor).model_copy(update={"user": "nobody"})
        place.chmod(0o700)
        failure = await refused(address)
        assert isinstance(failure, PermissionRefused)
        assert failure.sentence == f"nobody@{HOST} may not look at {vm.monitor} on {HOST}."
        place.chmod(0o711)
        vm.monitor.chmod(0o755)
        failure = await refused(address)
        assert isinstance(failure, NobodyListens)
        assert failure.sentence == f"nobody@{HOST} cannot connect to {vm.monitor} on {HOST}."
        assert "does not let this user in" in failure.advice
        assert "belongs to user 0, group 0, with mode srwxr-xr-x" in failure.advice
        # Nothing else is in the way.
        vm.monitor.chmod(0o777)
        async with await connect(address) as session:
            assert await session.execute("query-name") == {}


async def test_a_link_to_a_manager_s_own_monitor_is_not_followed(vm: Machine, place: Path) -> None:
    home = place / "run/qemu-server"
    home.mkdir(parents=True)
    vm.monitor.rename(home / "100.qmp")
    link = place / "mine.sock"
    link.symlink_to(home / "100.qmp")
    with ssh_server() as sshd:
        know(sshd)
        failure = await refused(address_of(sshd, link))
    assert isinstance(failure, Reserved)
    assert "Proxmox VE's own monitor" in failure.sentence


async def test_without_sftp_less_is_told(vm: Machine, place: Path) -> None:
    with ssh_server("Subsystem sftp /bin/false\n") as sshd:
        know(sshd)
        failure = await refused(address_of(sshd, place / "none.sock"))
    assert isinstance(failure, NobodyListens)
    assert failure.sentence == f"{HOST} cannot connect to {place}/none.sock."


async def test_a_monitor_that_another_client_holds_is_busy(vm: Machine) -> None:
    with ssh_server() as sshd:
        know(sshd)
        async with await connect(vm.monitor) as session:
            await session.execute("query-name")
            failure = await refused(address_of(sshd, vm.monitor), timeout=0.5)
    assert isinstance(failure, MonitorBusy)


# --- the way ------------------------------------------------------------------------------------


async def test_nobody_serves_ssh_there() -> None:
    failure = await refused(SshAddress(host=HOST, port=free_port(), path="/run/vm.sock"))
    assert isinstance(failure, NobodyListens)
    failure = await refused(SshAddress(host="nonexistent.invalid", path="/run/vm.sock"))
    assert isinstance(failure, HostUnknown)


async def test_a_port_that_speaks_something_else_is_told() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        failure = await refused(SshAddress(host=HOST, port=port, path="/run/vm.sock"))
    assert isinstance(failure, HostUnreachable)
    assert HOST in failure.sentence


async def test_a_cut_line_is_named(vm: Machine) -> None:
    with ssh_server() as sshd:
        know(sshd)
        async with await connect(address_of(sshd, vm.monitor)) as session:
            sshd.cut()
            reason = await asyncio.wait_for(session.closed(), 10)
    assert reason.startswith(f"The SSH connection to {HOST} was lost")


async def test_a_line_that_only_seems_to_be_there_is_given_up(vm: Machine) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        with (home / "config").open("a") as config:
            config.write("ServerAliveInterval 1\nServerAliveCountMax 2\n")
        async with await connect(address_of(sshd, vm.monitor)) as session:
            with sshd.frozen():
                with pytest.raises(NotAnswering):
                    await session.execute("query-status", timeout=0.2)
                reason = await asyncio.wait_for(session.closed(), 20)
    assert reason.startswith(f"The SSH connection to {HOST} was lost")


async def _once_restarted(address: SshAddress) -> ConnectFailure:
    """The failure of an attempt, made again while sshd starts anew."""
    for _ in range(200):
        try:
            session = await connect(address)
        except (NobodyListens, HostUnreachable):
            await asyncio.sleep(0.02)
        except ConnectFailure as failure:
            return failure
        else:
            await session.close()
            await asyncio.sleep(0.02)
    raise AssertionError("the old key is still shown")


async def connect_once_restarted(address: SshAddress) -> None:
    """Connect, again and again while sshd starts anew with what it shows from then on."""
    for _ in range(200):
        try:
            session = await connect(address)
        except (NobodyListens, HostUnreachable, Untrusted):
            await asyncio.sleep(0.02)
        else:
            await session.close()
            return
    raise AssertionError("it is not shown")


def fingerprint_of(public_key: Path) -> str:
    told = subprocess.run(
        ["ssh-keygen", "-lf", public_key], check=True, capture_output=True, text=True
    )
    return told.stdout.split()[1]


def _make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
