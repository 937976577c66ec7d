"""A Linux guest with an ext4 file system under load, which tells each file once it is safe."""

import asyncio
import hashlib
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.qemu import QemuStarter, Vm, qemu_img
from tests.said import said
from tests.waiting import until

ROOT = Path(__file__).resolve().parents[2]
DISK = "n0"
_SIZE = 96 << 20
_SAVED = re.compile(rb"^saved (\S+) ([0-9a-f]{64})\r?$", re.MULTILINE)
_SETUP_SECONDS = 600.0
_BOOT_SECONDS = 240.0
"""A kernel that is emulated, beside other tests."""


def guest_files() -> Path:
    """The directory of the kernel, the initramfs and the programs for ext4."""
    if shutil.which("apt-get") is None:
        pytest.skip("the Linux guest is made of Debian's packages, and apt-get is not here")
    done = subprocess.run(
        [ROOT / "scripts" / "guest.sh"],
        check=False,
        capture_output=True,
        text=True,
        timeout=_SETUP_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


@dataclass(frozen=True)
class LinuxGuest:
    """The guest, in a VM that runs.

    Attributes:
        vm: its QEMU.
        agent: the socket of its agent.
        files: what it was made of.
    """

    vm: Vm
    agent: Path
    files: Path
    _console: Path

    @classmethod
    async def boot(cls, qemu: QemuStarter, directory: Path) -> "LinuxGuest":
        """Boot it, and wait until it has saved some files."""
        files = await asyncio.to_thread(guest_files)
        raw, disk = directory / "made.raw", directory / "disk.qcow2"
        with raw.open("wb") as file:
            file.truncate(_SIZE)
        await asyncio.to_thread(run, files / "bin" / "mkfs.ext4", "-q", "-F", raw)
        await asyncio.to_thread(qemu_img, "convert", "-f", "raw", "-O", "qcow2", raw, disk)
        console, agent = directory / "console.log", directory / "agent.sock"
        vm = await qemu(
            *("-machine", "q35,accel=tcg", "-m", "256", "-name", "linux"),
            *("-kernel", str(files / "vmlinuz"), "-initrd", str(files / "initrd")),
            *("-append", "console=ttyS0 quiet panic=-1", "-no-reboot"),
            *("-serial", f"file:{console}"),
            *("-blockdev", f"driver=qcow2,node-name={DISK},file.driver=file,file.filename={disk}"),
            *("-device", f"virtio-blk-pci,drive={DISK},id={DISK}"),
            *("-device", "virtio-serial-pci"),
            *("-chardev", f"socket,id=agent,path={agent},server=on,wait=off"),
            *("-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"),
        )
        await vm.qmp("cont")
        guest = cls(vm, agent, files, console)
        await guest.saves(10, _BOOT_SECONDS)
        return guest

    @property
    def saved(self) -> dict[str, str]:
        """The SHA-256 of every file that the guest has told to be on its disk, by its path."""
        told = self._console.read_bytes()
        assert not re.search(rb"no (agent|file system)", told), told
        return {name.decode(): digest.decode() for name, digest in _SAVED.findall(told)}

    def has_saved(self, number: int) -> bool:
        """Whether it has told of more than so many files."""
        return self._console.exists() and len(self.saved) > number

    async def saves(self, more: int, seconds: float = 60.0) -> None:
        """Wait until it has saved so many files more."""
        number = (len(self.saved) if self._console.exists() else 0) + more - 1
        await until(lambda: self.has_saved(number), seconds)


@dataclass(frozen=True)
class RestoredDisk:
    """A raw image with the guest's file system, as a restore has made it."""

    path: Path
    files: Path

    def needs_recovery(self) -> bool:
        """Whether its journal is to be replayed, as after a crash."""
        features = self._debugfs("features")
        assert "has_journal" in features, features
        return "needs_recovery" in features

    def check(self) -> str:
        """`e2fsck -fn`: it finds nothing to do."""
        return run(self.files / "bin" / "e2fsck", "-fn", self.path)

    def recover(self) -> str:
        """`e2fsck -fy`, as a crashed guest does when it boots; 1 tells that it did something."""
        return run(self.files / "bin" / "e2fsck", "-fy", self.path, statuses=(0, 1))

    def kept(self, directory: Path) -> Mapping[str, str]:
        """The SHA-256 of every file that is kept on it."""
        directory.mkdir()
        self._debugfs(f"rdump kept {directory}")
        found = sorted((directory / "kept").rglob("*"))
        return {
            str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in found
            if path.is_file()
        }

    def _debugfs(self, request: str) -> str:
        return run(self.files / "bin" / "debugfs", "-R", request, self.path)


def run(*command: str | Path, statuses: Collection[int] = (0,)) -> str:
    """Run a program of e2fsprogs and return what it prints."""
    return said(*command, seconds=120, statuses=statuses)
