"""Who is behind a monitor."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.qemu import QemuStarter
from tests.waiting import until, until_now
from tui.host.process import QemuProcess, holder_pid, is_qemu, listener_pid, qemu_process


async def test_a_qemu_is_known_by_its_process(qemu: QemuStarter) -> None:
    vm = await qemu()
    found = qemu_process(vm.pid)
    assert found is not None
    assert found.name.startswith("qemu-system")
    assert (found.uid, found.gid) == (os.geteuid(), os.getegid())
    assert set(found.groups) == set(os.getgroups())
    assert found.same_mount_namespace is True
    assert found.cwd is not None
    assert found.alive()
    assert qemu_process(vm.pid) == found
    await vm.kill()
    await until(lambda: not found.alive())
    assert qemu_process(vm.pid) is None


def test_what_is_no_qemu_is_not_taken_for_one() -> None:
    assert qemu_process(os.getpid()) is None
    assert qemu_process(None) is None
    assert qemu_process(-1) is None
    assert qemu_process(2**22 + 1) is None


@pytest.mark.parametrize(
    ("name", "cmdline", "is_one"),
    [
        ("qemu-system-x86", ("/usr/bin/qemu-system-x86_64", "-S"), True),
        ("qemu-kvm", ("/usr/libexec/qemu-kvm",), True),
        ("CPU 0/KVM", ("/usr/bin/kvm",), True),
        ("ssh", ("ssh", "-L", "/run/qemu-system.sock"), False),
        ("libvirtd", ("/usr/sbin/libvirtd",), False),
        ("qemu-img", ("qemu-img", "info"), False),
        ("x", (), False),
    ],
)
def test_qemu_is_told_by_its_program(name: str, cmdline: tuple[str, ...], is_one: bool) -> None:
    assert is_qemu(name, cmdline) is is_one


@pytest.fixture
def pretender(tmp_path: Path) -> Iterator[psutil.Popen]:
    """A process that is called like a QEMU and has ended, and that nobody has waited for."""
    program = tmp_path / "qemu-system-pretender"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with psutil.Popen([str(program), "1000"]) as process:
        yield process
        process.kill()


def test_a_dead_process_is_not_alive(pretender: psutil.Popen) -> None:
    found = qemu_process(pretender.pid)
    assert found is not None
    pretender.kill()
    # It stays a zombie until it is waited for.
    assert os.waitid(os.P_PID, pretender.pid, os.WEXITED | os.WNOWAIT) is not None
    assert not found.alive()


def test_the_user_that_counts_is_the_one_it_became() -> None:
    """QEMU may drop root's rights; what it has left says what it can write."""
    is_root = os.geteuid() == 0
    other = pwd.getpwnam("nobody") if is_root else pwd.getpwuid(os.geteuid())
    user = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []} if is_root else {}
    with tempfile.TemporaryDirectory(prefix="blockdeck-test-") as public:
        Path(public).chmod(0o755)
        program = shutil.copy(shutil.which("sleep") or "/bin/sleep", f"{public}/qemu-system-x")
        with subprocess.Popen([program, "1000"], cwd="/", **user) as running:  # type: ignore[call-overload]
            found = qemu_process(running.pid)
            running.kill()
    assert found is not None
    assert (found.uid, found.gid) == (other.pw_uid, other.pw_gid)
    assert not found.overrides_permissions
    assert found.same_mount_namespace is True


def test_another_view_of_the_file_system_is_seen(tmp_path: Path) -> None:
    """In a mount namespace of its own a path need not be the same file."""
    program = tmp_path / "qemu-system-pretender"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    as_root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    command = ["unshare", *as_root, "--mount", str(program), "1000"]
    with subprocess.Popen(command) as process:
        try:
            found = _once_it_runs(process.pid)
            assert found.same_mount_namespace is False
        finally:
            process.kill()


def _once_it_runs(pid: int) -> QemuProcess:
    """`unshare` becomes the program it is given."""
    deadline = time.monotonic() + 20
    while (found := qemu_process(pid)) is None:
        assert time.monotonic() < deadline
        os.sched_yield()
    return found


def test_a_listener_on_loopback_is_found() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert listener_pid(["::1", "127.0.0.1"], server.getsockname()[1]) == os.getpid()


def test_another_host_is_not_looked_at() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        port = server.getsockname()[1]
        assert listener_pid(["192.0.2.1"], port) is None
        assert listener_pid([], port) is None
        assert listener_pid(["127.0.0.1"], port) == os.getpid()
    assert listener_pid(["127.0.0.1"], port) is None


async def test_who_serves_a_socket_is_found_though_another_made_it(qemu: QemuStarter) -> None:
    vm = await qemu()
    # The test made the socket and handed it over.
    assert holder_pid(vm.monitor) == vm.pid
    await vm.kill()
    await until(lambda: holder_pid(vm.monitor) is None)


def test_of_two_who_served_a_path_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s"
    taken_over = f"import socket, time; s = socket.socket(1); s.bind({str(path)!r}); time.sleep(60)"
    with socket.socket(socket.AF_UNIX) as first:
        first.bind(str(path))
        first.listen()
        assert holder_pid(path) == os.getpid()
        path.unlink()
        with subprocess.Popen([sys.executable, "-I", "-S", "-c", taken_over]) as other:
            try:
                until_now(path.exists)
                assert holder_pid(path) is None
            finally:
                other.kill()
