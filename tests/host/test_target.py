"""What is seen of a target, for the user that runs QEMU."""

import json
import os
import pwd
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.qemu import QemuStarter, qemu_img
from tui.backup.formats import vpc_size
from tui.backup.target import TargetFacts
from tui.host.complete import complete_path
from tui.host.image import read_header
from tui.host.locks import is_held
from tui.host.process import QemuProcess, qemu_process
from tui.host.target import look_at_target

MIB = 1 << 20


def process(**changes: object) -> QemuProcess:
    """A QEMU of ours, run by the user of the test, without root's privileges."""
    known: dict[str, object] = {
        "pid": os.getpid(),
        "created": 0.0,
        "name": "qemu-system-x86_64",
        "cmdline": ("qemu-system-x86_64",),
        "uid": os.geteuid(),
        "gid": os.getegid(),
        "groups": (),
        "cwd": "/",
        "same_mount_namespace": True,
        "overrides_permissions": False,
    }
    return QemuProcess.model_validate({**known, **changes})


OURS = process()
STRANGER = process(uid=pwd.getpwnam("nobody").pw_uid + 7, gid=54_321)

Look = Callable[..., TargetFacts]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """Look at a name in the test's directory."""

    def at(name: str, who: QemuProcess | None = OURS, disks: tuple[Path, ...] = ()) -> TargetFacts:
        return look_at_target(f"{tmp_path}/{name}", who, [str(disk) for disk in disks])

    return at


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that other users can look into, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="blockdeck-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_a_new_file_in_a_good_directory(look: Look) -> None:
    facts = look("new.qcow2")
    assert facts.visible
    assert facts.exists is False
    assert (facts.parent_exists, facts.parent_is_directory, facts.writable) == (True, True, True)
    assert facts.free_bytes is not None
    assert facts.free_bytes > 0
    assert facts.filesystem
    assert facts.seen_at is not None
    assert facts.same_file_as is None


def test_nothing_is_known_of_another_host(look: Look, tmp_path: Path) -> None:
    path = f"{tmp_path}/x"
    assert look("x", None) == TargetFacts(path=path)
    assert look("x", process(same_mount_namespace=False)) == TargetFacts(path=path)
    assert look("x", process(same_mount_namespace=None)) == TargetFacts(path=path)


@pytest.mark.parametrize(
    "target", ["", "nbd:unix:/x", "json:{}", "a\0b", "/dev/fdset/3", "/\ud800"]
)
def test_what_is_no_path_is_not_looked_at(target: str) -> None:
    assert look_at_target(target, OURS, ()) == TargetFacts(path=target)


def test_a_relative_path_is_that_of_qemu(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert look_at_target("x", process(cwd=str(tmp_path)), ()).exists is True
    assert look_at_target("x", process(cwd=None), ()).visible is False


def test_the_file_prefix_is_no_part_of_the_path(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    facts = look_at_target(f"file:{tmp_path}/x", OURS, ())
    assert facts.exists is True
    assert facts.path == f"file:{tmp_path}/x"


def test_what_a_path_can_be(look: Look, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 10)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("new")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/socket")
    kinds = {name: look(name).kind for name in ("file", "fifo", "link", "socket", "")}
    assert kinds == {
        "file": "file",
        "fifo": "fifo",
        "link": "file",
        "socket": "socket",
        "": "directory",
    }
    assert look("file").size == 10
    assert look("loop").link_loop
    assert look("dangling").exists is False
    assert look("dangling").writable is True
    assert look("x" * 256).name_too_long
    assert look("file/x").parent_is_directory is False
    assert look("no/x").parent_exists is False
    assert look_at_target("/dev/null", OURS, ()).kind == "char"


IS_ROOT = os.geteuid() == 0
OTHER = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
SOMEBODY_ELSE = 54_321


def opens(path: Path) -> bool:
    """Whether the kernel lets the other user create or open the file, as QEMU would."""
    user = {"user": OTHER.pw_uid, "group": OTHER.pw_gid, "extra_groups": []} if IS_ROOT else {}
    command = ["/bin/sh", "-c", 'exec 3<>"$1"', "sh", str(path)]
    done = subprocess.run(command, check=False, stderr=subprocess.DEVNULL, cwd="/", **user)  # type: ignore[call-overload]
    return bool(done.returncode == 0)


def test_rights_are_what_the_kernel_says(public: Path) -> None:
    other = process(uid=OTHER.pw_uid, gid=OTHER.pw_gid)
    for directory_mode in (0o755, 0o777, 0o1777, 0o700, 0o733, 0o500, 0o100, 0o111):
        directory = public / f"{directory_mode:o}"
        directory.mkdir()
        files = {directory / f"{mode:o}": mode for mode in (0o600, 0o666, 0o644, 0o060, 0o006)}
        for path, mode in files.items():
            path.touch()
            path.chmod(mode)
        if IS_ROOT:
            theirs, elses = directory / "theirs", directory / "elses"
            for path, uid in {theirs: OTHER.pw_uid, elses: SOMEBODY_ELSE}.items():
                path.touch()
                path.chmod(0o666)
                os.chown(path, uid, uid)
                files[path] = 0o666
        directory.chmod(directory_mode)
        for path in (*files, directory / "new"):
            facts = look_at_target(str(path), other, ())
            if facts.exists is not None:
                assert (facts.writable is True and not facts.protected) is opens(path), path
        directory.chmod(0o700)


def test_groups_and_privileges_count(public: Path) -> None:
    path = public / "x"
    path.touch()
    path.chmod(0o660)
    gid = path.stat().st_gid

    def writable(**changes: object) -> bool | None:
        who = STRANGER.model_copy(update=changes)
        return look_at_target(str(path), who, ()).writable

    assert writable() is False
    assert writable(groups=(gid,)) is True
    assert writable(gid=gid) is True
    assert writable(overrides_permissions=True) is True


def test_a_disk_is_known_by_any_of_its_names(look: Look, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(b"x" * 1024)
    (tmp_path / "hard").hardlink_to(disk)
    (tmp_path / "soft").symlink_to(disk)
    for name in ("disk", "hard", "soft"):
        facts = look(name, disks=(tmp_path / "gone", disk))
        assert facts.same_file_as == str(disk)
        assert facts.same_filesystem_as_source is True
    assert look("new", disks=(disk,)).same_file_as is None
    assert look("new", disks=(Path("/proc/self/maps"),)).same_filesystem_as_source is False


FORMATS = ("qcow2", "qcow", "qed", "vmdk", "vdi", "vhdx", "vpc", "parallels")


@pytest.mark.parametrize("name", FORMATS)
def test_an_image_is_known_by_its_header(look: Look, tmp_path: Path, name: str) -> None:
    qemu_img("create", "-q", "-f", name, tmp_path / "x", str(4 * MIB))
    facts = look("x")
    assert facts.image_format == name
    sizes = {"vhdx": None, "vpc": vpc_size(4 * MIB)}
    assert facts.virtual_size == sizes.get(name, 4 * MIB)
    assert facts.backing_usable is None
    told = json.loads(qemu_img("info", "--output=json", tmp_path / "x")).get("cluster-size")
    unknown = ("vhdx", "vpc", "parallels")
    assert facts.cluster_size == (None if name in unknown else told)


@pytest.mark.parametrize(
    "size", [0, 512, MIB, 4 * MIB, 100 * MIB, 40 * 1024 * MIB, 200 * 1024 * MIB]
)
def test_a_vpc_is_as_large_as_its_geometry(tmp_path: Path, size: int) -> None:
    qemu_img("create", "-q", "-f", "vpc", tmp_path / "x", str(size))
    told = json.loads(qemu_img("info", "--output=json", tmp_path / "x"))["virtual-size"]
    assert read_header(tmp_path / "x").virtual_size == told
    assert vpc_size(size) == told


def test_raw_data_is_no_image(look: Look, tmp_path: Path) -> None:
    for name, data in {"empty": b"", "zeros": bytes(4096), "torn": b"QFI\xfb"}.items():
        (tmp_path / name).write_bytes(data)
    assert look("empty").image_format is None
    assert look("zeros").image_format is None
    assert (look("torn").image_format, look("torn").virtual_size) == ("qcow2", None)


def test_a_chain_is_followed(look: Look, tmp_path: Path) -> None:
    make = ("create", "-q", "-f", "qcow2")
    base, mid = tmp_path / "base", tmp_path / "mid"
    qemu_img(*make, base, str(MIB))
    qemu_img(*make, "-b", "base", "-F", "qcow2", mid)
    qemu_img(*make, "-b", mid, "-F", "qcow2", tmp_path / "top")
    assert look("top").backing_file == str(mid)
    assert look("top").backing_usable is True
    base.unlink()
    assert look("top").backing_usable is False
    assert look("mid").backing_usable is False


async def test_qemus_locks_are_seen(look: Look, tmp_path: Path, qemu: QemuStarter) -> None:
    qemu_img("create", "-q", "-f", "qcow2", tmp_path / "used", str(MIB))
    qemu_img("create", "-q", "-f", "qcow2", tmp_path / "free", str(MIB))
    overlay = ("-b", tmp_path / "used", "-F", "qcow2", tmp_path / "overlay")
    qemu_img("create", "-q", "-f", "qcow2", *overlay)
    vm = await qemu("-drive", f"if=none,id=d0,format=qcow2,file={tmp_path}/used")
    who = qemu_process(vm.pid)
    assert is_held(tmp_path / "used") is True
    assert is_held(tmp_path / "free") is False
    assert look("used", who).locked is True
    assert look("free", who).locked is False
    assert look("overlay", who).backing_usable is False
    assert look("used", who, (tmp_path / "used",)).same_file_as == f"{tmp_path}/used"


def test_paths_are_completed_directories_first(tmp_path: Path) -> None:
    for name in ("backup", "base"):
        (tmp_path / name).mkdir()
    for name in ("a.img", "b.img", ".hidden", "b\x1b"):
        (tmp_path / name).touch()
    at = str(tmp_path)
    assert complete_path(f"{at}/b", OURS) == (f"{at}/backup/", f"{at}/base/", f"{at}/b.img")
    assert complete_path(f"{at}/.h", OURS) == (f"{at}/.hidden",)
    assert f"{at}/a.img" in complete_path(f"{at}/", OURS)
    assert complete_path(f"{at}/none/x", OURS) == ()
    assert complete_path("relative", OURS) == ()
    assert complete_path("/a\0b/", OURS) == ()
    assert complete_path(f"{at}/b", None) == ()
    assert complete_path(f"{at}/b", process(same_mount_namespace=False)) == ()
    for number in range(80):
        (tmp_path / f"many{number:02}").touch()
    assert len(complete_path(f"{at}/many", OURS)) == 50
