"""A restored disk is the disk at that moment; the backups stay, and so does what is of use."""

import asyncio
import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.images.chains import DISK, KIB64, MIB, Built, Write, build, content, three_points
from tests.qemu import QemuStarter, qemu_img
from tests.small import small_filesystem
from tests.waiting import until
from tui.images.commands import ImageFormat, as_shell
from tui.images.errors import Exists, ImageError
from tui.images.progress import Progress
from tui.images.restore import RestorePlan, plan_restore, restore
from tui.images.source import at_point, of_image

FORMATS = list(ImageFormat)


@pytest.fixture
def chain(tmp_path: Path) -> Built:
    return three_points(tmp_path / "backups")


def files(directory: Path) -> dict[str, tuple[bytes, float]]:
    return {p.name: (p.read_bytes(), p.stat().st_mtime) for p in directory.iterdir()}


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


async def planned(
    chain: Built, target: Path, to: ImageFormat = ImageFormat.RAW, serial: int = 3
) -> RestorePlan:
    return await plan_restore(at_point(chain.kept, serial, "sda"), target, to)


def random_points(chance: random.Random) -> list[dict[str, list[Write]]]:
    disks = ["sda", "sdb"][: chance.randint(1, 2)]

    def write() -> Write:
        offset = chance.randrange(DISK // 512) * 512
        length = min(DISK - offset, chance.choice([512, 4096, KIB64, 3 * KIB64, MIB]))
        return offset, length, chance.choice([0, 0, *range(1, 256)])

    return [
        {disk: [write() for _ in range(chance.randint(0, 5))] for disk in disks}
        for _ in range(chance.randint(1, 6))
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_any_point_of_a_random_chain_is_the_disk_at_that_moment(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    points = random_points(chance)
    fulls = [n for n in range(2, len(points) + 1) if chance.random() < 0.2]
    built = build(tmp_path / "backups", points, fulls=fulls)
    before = files(built.directory)
    for (serial, disk), wanted in built.expected.items():
        for to in FORMATS:
            target = tmp_path / f"{serial}-{disk}.{to}"
            plan = await plan_restore(at_point(built.kept, serial, disk), target, to)
            done = await restore(plan)
            assert done.path == target
            assert content(target, to) == wanted
            target.unlink()
    assert files(built.directory) == before
    assert names(tmp_path) == ["backups"]


async def test_progress_comes_to_its_end(chain: Built, tmp_path: Path) -> None:
    seen: list[Progress] = []
    await restore(await planned(chain, tmp_path / "a.raw"), on_progress=seen.append)
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    assert {one.step for one in seen} == {"copying", "comparing"}
    assert seen[-1].fraction == 1


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("name", ["disk", "it's a; $(touch x) disk", "-rf", "a\nb\x1b[31m", "ä:b"])
async def test_the_commands_that_are_shown_restore_without_blockdeck(
    chain: Built, tmp_path: Path, to: ImageFormat, name: str
) -> None:
    target = tmp_path / "out" / name
    target.parent.mkdir()
    plan = await planned(chain, target, to, 2)
    shown = plan.shell()
    assert shown.replace("\n", "").isprintable()
    subprocess.run(["sh", "-euc", shown], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    assert content(target, to) == chain.expected[2, "sda"]
    assert names(target.parent) == [name]
    # Once more they do not write over it; said so, they do.
    again = subprocess.run(["sh", "-euc", shown], check=False, capture_output=True)
    assert again.returncode != 0
    qemu_img("create", "-q", "-f", "raw", target, "1M")
    over = (await planned(chain, target, to, 3)).shell(overwrite=True)
    subprocess.run(["sh", "-euc", over], check=True, stdout=subprocess.DEVNULL)
    assert content(target, to) == chain.expected[3, "sda"]


async def test_the_commands_of_names_that_are_no_text_can_be_shown(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9 'x' \\ %s")
    shown = as_shell([("printf", "%s", name)])
    shown.encode()
    said = subprocess.run(["sh", "-c", shown], check=True, capture_output=True).stdout
    assert said == os.fsencode(name)


async def test_what_is_there_stays_unless_it_may_go(chain: Built, tmp_path: Path) -> None:
    target = tmp_path / "disk.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", target, "1M")
    target.chmod(0o640)
    before = target.read_bytes()
    plan = await planned(chain, target, ImageFormat.QCOW2)
    assert plan.place.existing is not None
    for word in ("disk.qcow2", "qcow2", "192 KiB", time.strftime("%F")):
        assert word in plan.place.existing.words
    with pytest.raises(Exists, match=r"there is .*disk.qcow2: qcow2"):
        await restore(plan)
    assert target.read_bytes() == before
    await restore(plan, overwrite=True)
    assert content(target) == chain.expected[3, "sda"]
    assert target.stat().st_mode & 0o777 == 0o640


async def test_what_changed_since_it_was_shown_stays(chain: Built, tmp_path: Path) -> None:
    new = await planned(chain, tmp_path / "new.raw")
    (tmp_path / "new.raw").write_text("somebody was faster")
    with pytest.raises(ImageError, match="came to be meanwhile"):
        await restore(new)
    assert (tmp_path / "new.raw").read_text() == "somebody was faster"
    old = await planned(chain, tmp_path / "new.raw")
    (tmp_path / "new.raw").write_text("and changed it again")
    with pytest.raises(ImageError, match="changed or came into use meanwhile"):
        await restore(old, overwrite=True)
    assert (tmp_path / "new.raw").read_text() == "and changed it again"


def itself(chain: Built, place: Path) -> Path:
    return chain.image(1)


def hard_link(chain: Built, place: Path) -> Path:
    (place / "hard").hardlink_to(chain.image(2))
    return place / "hard"


def soft_link(chain: Built, place: Path) -> Path:
    (place / "soft").symlink_to(chain.image(3))
    return place / "soft"


def link_elsewhere(chain: Built, place: Path) -> Path:
    (place / "other").symlink_to(place / "not-there")
    return place / "other"


def through_a_linked_directory(chain: Built, place: Path) -> Path:
    (place / "way").symlink_to(chain.directory)
    return place / "way" / chain.image(1).name


def by_dots(chain: Built, place: Path) -> Path:
    return chain.directory / ".." / chain.directory.name / chain.image(1).name


def missing_image_of_the_chain(chain: Built, place: Path) -> Path:
    # It has only gone for now: its name is not free.
    chain.image(3).unlink()
    return chain.image(3)


def manifest(chain: Built, place: Path) -> Path:
    return chain.kept.path


def a_new_manifest(chain: Built, place: Path) -> Path:
    return place / "x.chain.json"


def directory(chain: Built, place: Path) -> Path:
    return place


def device(chain: Built, place: Path) -> Path:
    return Path("/dev/null")


def no_directory(chain: Built, place: Path) -> Path:
    return place / "none" / "disk.raw"


def planted_draft(chain: Built, place: Path) -> Path:
    (place / ".disk.raw.restoring").symlink_to(chain.image(1))
    return place / "disk.raw"


def linked_draft(chain: Built, place: Path) -> Path:
    (place / ".disk.raw.restoring").hardlink_to(chain.image(1))
    return place / "disk.raw"


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (itself, "one of the backups"),
        (hard_link, "is another name of web-sda-0badcafe-2.qcow2"),
        (soft_link, "is another name of web-sda-0badcafe-3.qcow2"),
        (link_elsewhere, "is a link to"),
        (through_a_linked_directory, "one of the backups"),
        (by_dots, "one of the backups"),
        (missing_image_of_the_chain, "one of the backups"),
        (manifest, "name of a manifest"),
        (a_new_manifest, "name of a manifest"),
        (directory, "is a directory"),
        (device, "no regular file"),
        (no_directory, "No such file or directory"),
        (planted_draft, "is in the way"),
        (linked_draft, "is in the way"),
    ],
)
async def test_the_backups_are_never_written_over(
    chain: Built, tmp_path: Path, attack: Callable[[Built, Path], Path], words: str
) -> None:
    place = tmp_path / "out"
    place.mkdir()
    target = attack(chain, place)
    before = files(chain.directory)
    with pytest.raises(ImageError, match=words):
        await restore(await planned(chain, target, serial=2), overwrite=True)
    assert files(chain.directory) == before


async def test_a_disk_in_use_stays(qemu: QemuStarter, chain: Built, tmp_path: Path) -> None:
    disk = tmp_path / "live.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", disk, "4M")
    vm = await qemu("-drive", f"if=none,id=d0,format=qcow2,file={disk}")
    with pytest.raises(ImageError, match="in use by a running QEMU"):
        await planned(chain, disk)
    with pytest.raises(ImageError, match="is being written to by a QEMU"):
        of_image(disk)
    await vm.kill()
    assert (await planned(chain, disk)).place.existing is not None


async def test_a_backup_that_a_vm_runs_on_is_not_restored(
    qemu: QemuStarter, chain: Built, tmp_path: Path
) -> None:
    await qemu("-drive", f"if=none,id=d0,format=qcow2,file={chain.image(3)}")
    with pytest.raises(ImageError, match=r"web-sda-0badcafe-3.qcow2 is being written to by a QEMU"):
        await planned(chain, tmp_path / "out.raw")


async def test_a_broken_chain_is_said_before_anything_is_written(
    chain: Built, tmp_path: Path
) -> None:
    chain.image(2).unlink()
    with pytest.raises(ImageError, match=r"web-sda-0badcafe-2.qcow2 is not there"):
        await planned(chain, tmp_path / "out.raw")
    await restore(await planned(chain, tmp_path / "out.raw", serial=1))
    assert (tmp_path / "out.raw").read_bytes() == chain.expected[1, "sda"]
    for serial, words in ((9, "has no point 9"), (1, "has no disk sdz")):
        with pytest.raises(ImageError, match=words):
            at_point(chain.kept, serial, "sdz")


async def test_room_that_is_not_there_is_seen_before(chain: Built, tmp_path: Path) -> None:
    with small_filesystem(tmp_path / "small", 2 * MIB) as small:
        with pytest.raises(ImageError, match=r"has room for 2.0 MiB"):
            await planned(chain, small / "out.raw")
        assert names(small) == []


async def test_room_that_goes_meanwhile_leaves_nothing_behind(chain: Built, tmp_path: Path) -> None:
    with small_filesystem(tmp_path / "small", 8 * MIB) as small:
        plan = await planned(chain, small / "out.raw")
        (small / "other").write_bytes(b"x" * 6 * MIB)
        with pytest.raises(ImageError, match="No space left on device") as caught:
            await restore(plan)
        assert "make room" in caught.value.advice
        assert names(small) == ["other"]


async def test_cancelled_it_leaves_nothing_behind(tmp_path: Path) -> None:
    built = build(tmp_path / "backups", [{"sda": [(0, 64 * MIB, 7)]}], size=64 * MIB)
    out = tmp_path / "out"
    out.mkdir()
    begun = asyncio.Event()
    plan = await planned(built, out / "disk.raw", serial=1)
    running = asyncio.create_task(restore(plan, on_progress=lambda _: begun.set()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert names(out) == []
    await until(lambda: str(plan.place.draft) not in _commands())


def _commands() -> str:
    return subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True).stdout


async def test_a_draft_of_a_killed_restore_makes_way(chain: Built, tmp_path: Path) -> None:
    (tmp_path / ".out.raw.restoring").write_bytes(b"half")
    plan = await planned(chain, tmp_path / "out.raw")
    assert plan.place.stale
    await restore(plan)
    assert (tmp_path / "out.raw").read_bytes() == chain.expected[3, "sda"]
    assert not (tmp_path / ".out.raw.restoring").exists()


async def test_images_without_a_manifest_are_restored(chain: Built, tmp_path: Path) -> None:
    chain.kept.path.unlink()
    source = of_image(chain.image(3))
    assert source.layers == tuple(chain.image(n) for n in (1, 2, 3))
    await restore(await plan_restore(source, tmp_path / "out.raw", ImageFormat.RAW))
    assert (tmp_path / "out.raw").read_bytes() == chain.expected[3, "sda"]
    for own in source.layers:
        with pytest.raises(ImageError, match="one of the backups"):
            await plan_restore(source, own, ImageFormat.RAW)


async def test_a_raw_base_without_a_manifest_is_taken_as_it_is_named(tmp_path: Path) -> None:
    base, top = tmp_path / "base.raw", tmp_path / "top.qcow2"
    # A guest can write what looks like an image into its disk: that must lead nowhere.
    inner = tmp_path / "inner.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", inner, "1M")
    base.write_bytes(inner.read_bytes().ljust(MIB, b"\0"))
    qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", top)
    source = of_image(top)
    assert source.layers == (base, top)
    await restore(await plan_restore(source, tmp_path / "out.raw", ImageFormat.RAW))
    assert (tmp_path / "out.raw").read_bytes() == base.read_bytes()


@pytest.mark.parametrize("backing", ["nbd://127.0.0.1:1/x", "json:{}", "top.qcow2", "none.qcow2"])
async def test_a_header_leads_to_files_of_this_host_alone(tmp_path: Path, backing: str) -> None:
    top = tmp_path / "top.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", top, "1M")
    qemu_img("rebase", "-u", "-b", backing, "-F", "qcow2", top)
    with pytest.raises(ImageError):
        of_image(top)
