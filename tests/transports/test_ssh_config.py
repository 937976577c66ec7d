"""OpenSSH's files count as for `ssh`: the user's, then the system's, and the ways they tell of."""

import asyncio
import getpass
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from tests.journeys.sshd import Sshd
from tests.qmp.connecting import connect, refused
from tests.qmp.machine import Machine
from tests.qmp.machine import machine as machine_in
from tests.transports.over_ssh import HOST, address_of, know, ssh_server
from tests.transports.test_ssh import connect_once_restarted, fingerprint_of
from tests.waiting import until, until_answered
from tui.qmp.address import SshAddress
from tui.qmp.errors import LoginRefused, Untrusted
from tui.qmp.transport import ssh_config

pytestmark = pytest.mark.usefixtures("no_task_is_left")

_PROXY = """
import os, select, socket, sys
from pathlib import Path
Path(sys.argv[3]).touch()
line = socket.create_connection((sys.argv[1], int(sys.argv[2])))
while True:
    for ready in select.select([0, line], [], [])[0]:
        data = line.recv(65536) if ready is line else os.read(0, 65536)
        if not data:
            sys.exit()
        os.write(1, data) if ready is line else line.sendall(data)
"""


@pytest.fixture
async def vm(place: Path) -> AsyncIterator[Machine]:
    """A running QEMU."""
    async with machine_in(place) as running:
        yield running


@pytest.fixture
def system(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that stands for `/etc/ssh/ssh_config`; it is not there yet."""
    path = place / "ssh_config"
    monkeypatch.setattr(ssh_config, "SYSTEM_CONFIG", path)
    return path


def host_block(name: str, sshd: Sshd, more: str = "") -> str:
    """A host of a configuration."""
    return (
        f"Host {name}\n  HostName {HOST}\n  Port {sshd.port}\n  User {getpass.getuser()}\n"
        f"  IdentityFile {sshd.there}/client_key\n{more}"
    )


def known(home: Path, *servers: Sshd) -> None:
    """Know these hosts, and no others."""
    entries = [
        f"[{HOST}]:{sshd.port} {(sshd.there / 'host_key.pub').read_text()}" for sshd in servers
    ]
    (home / "known_hosts").write_text("".join(entries))


async def is_not_vouched_for(address: SshAddress) -> bool:
    """Whether a certificate is shown, and is for another host."""
    failure = await refused(address)
    return isinstance(failure, Untrusted) and "principal" in failure.sentence


async def says_its_name(address: SshAddress) -> bool:
    async with await connect(address) as session:
        return await session.execute("query-name") == {}


# --- the files ----------------------------------------------------------------------------------


async def test_the_system_s_configuration_counts_after_the_user_s(
    vm: Machine, system: Path, place: Path
) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        more = place / "more.conf"
        more.write_text(host_block("hypervisor", sshd))
        # As every distribution has it, with what cannot be used by a user, and what is unknown.
        system.write_text(f"Include {place}/*.conf\nHost *\n  SendEnv LANG LC_*\n  Unheard of\n")
        (home / "config").write_text("")
        address = SshAddress(host="hypervisor", path=str(vm.monitor))
        assert await says_its_name(address)
        # Of a setting the first value counts.
        (home / "config").write_text("Host hypervisor\n  User nobody-of-that-name\n")
        failure = await refused(address)
        assert isinstance(failure, LoginRefused)


async def test_what_is_matched_in_the_end_is_read_too(vm: Machine, system: Path) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        (home / "config").write_text("")
        system.write_text(f"Match final all\n  IdentityFile {sshd.there}/client_key\n")
        assert await says_its_name(address_of(sshd, vm.monitor))


async def test_known_hosts_of_the_system_count_beside_the_user_s(
    vm: Machine, system: Path, place: Path
) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        system.write_text(f"GlobalKnownHostsFile {place}/hosts\n")
        assert await says_its_name(address_of(sshd, vm.monitor))
        (home / "known_hosts").rename(place / "hosts")
        assert await says_its_name(address_of(sshd, vm.monitor))
        (place / "hosts").unlink()
        assert isinstance(await refused(address_of(sshd, vm.monitor)), Untrusted)


async def test_a_mistake_in_the_system_s_configuration_is_told(vm: Machine, system: Path) -> None:
    with ssh_server() as sshd:
        know(sshd)
        system.write_text("\nPort x\n")
        failure = await refused(address_of(sshd, vm.monitor))
    assert f"The SSH configuration cannot be used: {system} line 2" in failure.sentence


# --- private keys -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
@pytest.mark.parametrize("named", [True, False])
async def test_a_key_that_others_may_read_is_not_used(vm: Machine, mode: int, named: bool) -> None:
    with ssh_server() as sshd:
        home = know(sshd, key=named)
        key = sshd.there / "client_key"
        if not named:
            key = home / "id_ed25519"
            shutil.copy(sshd.there / "client_key", key)
        key.chmod(mode)
        failure = await refused(address_of(sshd, vm.monitor))
        assert isinstance(failure, LoginRefused)
        assert f"{key} may be read by others (mode {mode:04o})" in failure.sentence
        assert failure.advice.endswith(f"chmod 600 {key}")
        key.chmod(0o600)
        assert await says_its_name(address_of(sshd, vm.monitor))


async def test_a_public_key_may_be_read_by_all(vm: Machine) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        public = home / "id_rsa"
        shutil.copy(sshd.there / "client_key.pub", public)
        public.chmod(0o644)
        with (home / "config").open("a") as config:
            config.write(f"IdentityFile {sshd.there}/client_key\n")
        assert await says_its_name(address_of(sshd, vm.monitor))


# --- the way ------------------------------------------------------------------------------------


async def test_a_host_on_the_way_has_a_way_of_its_own(vm: Machine) -> None:
    with ssh_server() as outer, ssh_server() as inner, ssh_server() as sshd:
        home = know(sshd)
        known(home, outer, inner, sshd)
        (home / "config").write_text(
            host_block("hypervisor", sshd, "  ProxyJump inner\n")
            + host_block("inner", inner, "  ProxyJump outer\n")
            + host_block("outer", outer)
        )
        address = SshAddress(host="hypervisor", path=str(vm.monitor))
        async with await connect(address) as session:
            assert await session.execute("query-name") == {}
            # It goes through the outermost one.
            outer.cut()
            reason = await asyncio.wait_for(session.closed(), 10)
        assert reason.startswith("The SSH connection to hypervisor was lost")
        # Each of them must be known.
        known(home, inner, sshd)
        failure = await refused(address)
        assert isinstance(failure, Untrusted)
        assert fingerprint_of(outer.there / "host_key.pub") in failure.sentence


async def test_a_way_that_leads_in_a_circle_is_told(vm: Machine) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        (home / "config").write_text(
            host_block("one", sshd, "  ProxyJump two\n")
            + host_block("two", sshd, "  ProxyJump one\n")
        )
        failure = await refused(SshAddress(host="one", path=str(vm.monitor)))
    assert "ProxyJump leads in a circle" in failure.sentence


async def test_no_way_is_a_way_too(vm: Machine) -> None:
    with ssh_server() as sshd:
        home = know(sshd)
        (home / "config").write_text(
            host_block("hypervisor", sshd, "  ProxyJump none\n")
            + "Host *\n  ProxyJump nowhere.invalid\n"
        )
        assert await says_its_name(SshAddress(host="hypervisor", path=str(vm.monitor)))


@pytest.fixture
async def no_command_is_left() -> AsyncIterator[None]:
    """A command is killed as its connection ends, and asyncio hears of it a moment later."""
    before = set(psutil.Process().children())
    yield
    await until(lambda: set(psutil.Process().children()) <= before)
    # Reaped: who holds the process is told in the rounds of the event loop that follow.
    for _ in range(3):
        await asyncio.sleep(0)


@pytest.mark.usefixtures("no_command_is_left")
async def test_a_command_makes_the_connection(vm: Machine, place: Path) -> None:
    script, used = place / "proxy.py", place / "used"
    script.write_text(_PROXY)
    with ssh_server() as sshd:
        home = know(sshd)
        command = f"  ProxyCommand {sys.executable} {script} {HOST} %p {used}\n"
        block = host_block("hypervisor", sshd, command).replace(f"  HostName {HOST}\n", "")
        (home / "config").write_text(block)
        # It is known by the name that was typed in, for nothing else is told of the other end.
        (home / "known_hosts").write_text(
            f"[hypervisor]:{sshd.port} {(sshd.there / 'host_key.pub').read_text()}"
        )
        address = SshAddress(host="hypervisor", path=str(vm.monitor))
        assert await says_its_name(address)
        assert used.exists()
        (home / "known_hosts").write_text("")
        assert isinstance(await refused(address), Untrusted)


# --- host keys ----------------------------------------------------------------------------------


async def test_a_host_may_be_known_by_another_name(vm: Machine) -> None:
    with ssh_server() as sshd, ssh_server() as other:
        home = know(sshd)
        with (home / "config").open("a") as config:
            config.write("HostKeyAlias hypervisor\n")
        entry = (sshd.there / "host_key.pub").read_text()
        (home / "known_hosts").write_text(f"hypervisor {entry}")
        assert await says_its_name(address_of(sshd, vm.monitor))
        # By that name alone.
        (home / "known_hosts").write_text(f"another {entry}")
        failure = await refused(address_of(sshd, vm.monitor))
        assert isinstance(failure, Untrusted)
        assert "not among your known hosts" in failure.sentence
        (home / "known_hosts").write_text(
            f"hypervisor {(other.there / 'host_key.pub').read_text()}"
        )
        failure = await refused(address_of(sshd, vm.monitor))
        assert isinstance(failure, Untrusted)
        assert "HAS CHANGED" in failure.sentence
        assert "ssh-keygen -R 'hypervisor'" in failure.advice


@pytest.mark.parametrize("principal", [HOST, "another.test"])
async def test_an_authority_vouches_for_a_host_by_its_name(vm: Machine, principal: str) -> None:
    with ssh_server() as sshd:
        home = know(sshd, trusted=False)
        authority = sshd.certify(principal)
        (home / "known_hosts").write_text(f"@cert-authority [{HOST}]:{sshd.port} {authority}")
        address = address_of(sshd, vm.monitor)
        if principal == HOST:
            await connect_once_restarted(address)
        else:
            await until_answered(lambda: is_not_vouched_for(address))
        # Without it the host is a stranger.
        (home / "known_hosts").write_text("")
        assert isinstance(await refused(address), Untrusted)
