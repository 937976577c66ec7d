"""Verify finds what became of a chain since it was written, and says which points it takes."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.images.chains import Built, content, three_points
from tests.qemu import qemu_img
from tui.chain.directory import Kept, read_chain, write_chain
from tui.chain.manifest import PointState
from tui.images.errors import ImageError
from tui.images.findings import Gravity
from tui.images.progress import Progress
from tui.images.report import as_lines
from tui.images.verify import compare_with, verify


@pytest.fixture
def chain(tmp_path: Path) -> Built:
    return three_points(tmp_path / "backups")


async def test_a_sound_chain_is_sound(chain: Built) -> None:
    seen: list[Progress] = []
    found = await verify(chain.kept, on_progress=seen.append)
    assert (found.ok, found.sound, found.lost, found.findings) == (True, (1, 2, 3), (), ())
    assert found.read == sum(chain.image(n).stat().st_size for n in (1, 2, 3))
    assert seen[-1].fraction == 1
    assert [one.done for one in seen] == sorted(one.done for one in seen)


async def test_a_chain_of_which_no_point_is_complete_is_not_called_sound(chain: Built) -> None:
    assert "chain 0badcafe of web: SOUND" in as_lines(await verify(chain.kept), "web")
    first = chain.kept.chain.points[0].model_copy(update={"state": PointState.RUNNING})
    begun = chain.kept.chain.model_copy(update={"points": (first,)})
    told = list(as_lines(await verify(Kept(chain.kept.path, begun)), "web"))
    assert told[0] == "chain 0badcafe of web: NO COMPLETE POINT"
    assert "  sound     no point" in told
    assert any("point 1 is not complete" in line for line in told)


@pytest.mark.parametrize("serial", [1, 2, 3])
async def test_one_flipped_bit_is_found_and_takes_what_stands_on_it(
    chain: Built, serial: int
) -> None:
    path = chain.image(serial)
    data = bytearray(path.read_bytes())
    data[-5000] ^= 1
    path.write_bytes(data)
    found = await verify(chain.kept)
    assert found.sound == tuple(range(1, serial))
    assert found.lost == tuple(range(serial, 4))
    (finding,) = found.findings
    assert finding.where == path.name
    assert "has changed since it was written" in finding.what
    # What does not stand on it is not blamed.
    if serial > 1:
        assert (await verify(chain.kept, serial - 1)).ok


def remove(chain: Built) -> None:
    chain.image(2).unlink()


def rename(chain: Built) -> None:
    chain.image(2).rename(chain.directory / "other.qcow2")


def cut(chain: Built) -> None:
    os.truncate(chain.image(2), 100_000)


def empty(chain: Built) -> None:
    os.truncate(chain.image(2), 0)


def resize(chain: Built) -> None:
    qemu_img("resize", "-q", chain.image(2), "8M")


def stand_elsewhere(chain: Built) -> None:
    qemu_img("rebase", "-u", "-b", "other.qcow2", "-F", "qcow2", chain.image(2))


def stand_on_nothing(chain: Built) -> None:
    qemu_img("rebase", "-u", "-b", "", chain.image(2))


def swap(chain: Built) -> None:
    chain.image(2).write_bytes(chain.image(3).read_bytes())


def turn_raw(chain: Built) -> None:
    chain.image(2).write_bytes(content(chain.image(2)))


def pipe(chain: Built) -> None:
    chain.image(2).unlink()
    os.mkfifo(chain.image(2))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (remove, "is not there"),
        (rename, "has the name other.qcow2 now"),
        (cut, "has 100000 bytes, and had"),
        (empty, "is no qcow2 image"),
        (resize, "is of a disk of 8388608 bytes, and should be of 4194304"),
        (stand_elsewhere, "stands on other.qcow2, and should stand on web-sda-0badcafe-1.qcow2"),
        (stand_on_nothing, "stands on nothing, and should stand on"),
        (swap, "stands on web-sda-0badcafe-2.qcow2, and should stand on"),
        (turn_raw, "is no qcow2 image"),
        (pipe, "is no regular file"),
    ],
)
async def test_what_was_done_to_an_image_is_told(
    chain: Built, harm: Callable[[Built], None], words: str
) -> None:
    harm(chain)
    found = await verify(chain.kept)
    assert (found.sound, found.lost) == ((1,), (2, 3))
    assert any(words in one.what for one in found.findings), found.findings
    assert not found.ok


async def test_damage_is_found_without_checksums_as_far_as_metadata_tell(chain: Built) -> None:
    unsummed = without_sums(chain.kept)
    os.truncate(chain.image(2), chain.image(2).stat().st_size - 65536)
    found = await verify(unsummed)
    assert found.lost == (2, 3)
    assert len(found.unsummed) == 3
    assert any("qemu-img check finds" in one.what for one in found.findings)


def without_sums(kept: Kept) -> Kept:
    """The same chain, of which no file was ever summed up."""
    points = [
        point.model_copy(
            update={
                "images": {
                    name: image.model_copy(update={"sha256": None, "file_size": None})
                    for name, image in point.images.items()
                }
            }
        )
        for point in kept.chain.points
    ]
    chain = kept.chain.model_copy(update={"points": tuple(points)})
    return Kept(write_chain(kept.directory, chain), chain)


async def test_a_link_and_a_stranger_are_told_and_cost_nothing(
    chain: Built, tmp_path: Path
) -> None:
    away = tmp_path / "elsewhere.qcow2"
    chain.image(3).rename(away)
    chain.image(3).symlink_to(away)
    qemu_img("create", "-q", "-f", "qcow2", chain.directory / "stranger.qcow2", "1M")
    found = await verify(chain.kept)
    assert found.ok
    assert found.sound == (1, 2, 3)
    words = {one.where: (one.gravity, one.what) for one in found.findings}
    assert words["stranger.qcow2"][0] is Gravity.NOTE
    gravity, what = words[chain.image(3).name]
    assert gravity is Gravity.DOUBT
    assert f"is a link to {away}" in what


async def test_hostile_names_in_headers_are_escaped_and_never_opened(chain: Built) -> None:
    evil = "json:{}\x1b[31m"
    qemu_img("rebase", "-u", "-b", evil, "-F", "qcow2", chain.image(2))
    found = await verify(chain.kept)
    told = [one.what for one in found.findings]
    assert any("\\x1b[31m" in what for what in told)
    assert all("\x1b" not in what for what in told)


async def test_no_point_of_that_number(chain: Built) -> None:
    with pytest.raises(ImageError, match="has no point 9"):
        await verify(chain.kept, 9)


async def test_it_ends_when_it_is_cancelled(chain: Built) -> None:
    begun = asyncio.Event()
    running = asyncio.create_task(verify(chain.kept, on_progress=lambda _: begun.set()))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await verify(read_chain(chain.kept.path))).ok


async def test_a_point_is_compared_with_another_copy_of_that_moment(
    chain: Built, tmp_path: Path
) -> None:
    copy = tmp_path / "disk.raw"
    copy.write_bytes(chain.expected[2, "sda"])
    same = await compare_with(chain.kept, 2, "sda", copy)
    assert same.identical
    other = await compare_with(chain.kept, 3, "sda", copy)
    assert not other.identical
    assert "mismatch at offset 1048576" in other.words
    with pytest.raises(ImageError, match="No such file"):
        await compare_with(chain.kept, 2, "sda", tmp_path / "none")
