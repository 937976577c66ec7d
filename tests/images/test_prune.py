"""After a prune, done or interrupted, every point that stays is the disk at that moment."""

import asyncio
import random
import shutil
import signal
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.running import forked
from tests.images.chains import DISK, KIB64, MIB, Built, build, content, describe
from tests.images.test_restore import random_points
from tests.qemu import qemu_img
from tests.small import small_filesystem
from tui.chain.directory import Kept, chains_in, read_chain, write_chain
from tui.chain.lock import alone_with
from tui.chain.manifest import PointKind, PointState
from tui.images.errors import ImageError
from tui.images.prune import prune, settle
from tui.images.prune_plan import ChainPrune, Making, plan_chain, plan_prune
from tui.images.retention import Rules
from tui.images.verify import verify

POINTS = [
    {"sda": [(0, 2 * MIB, 1)], "sdb": [(0, KIB64, 1)]},
    {"sda": [(MIB, KIB64, 2)], "sdb": []},
    {"sda": [(MIB, 4096, 3), (3 * MIB, 512, 3)], "sdb": [(0, KIB64, 0)]},
    {"sda": [(2 * MIB, 3 * KIB64, 4)], "sdb": [(MIB, KIB64, 4)]},
    {"sda": [(0, 512, 5)], "sdb": [(2 * MIB, 512, 5)]},
]


@pytest.fixture
def chain(tmp_path: Path) -> Built:
    return build(tmp_path / "backups", POINTS)


async def planned(kept: Kept, *keep: int) -> ChainPrune:
    return await plan_chain(kept, dict.fromkeys(keep, ("test",)))


async def is_whole(built: Built, serials: Iterable[int]) -> Kept:
    """The manifest has these points, each restores to what it was, and each file is right."""
    kept = read_chain(built.kept.path)
    serials = set(serials)
    assert {point.serial for point in kept.chain.points} == serials
    await restores(built, kept, serials)
    found = await verify(kept)
    assert not [one for one in found.findings if one.gravity.grave], found.findings
    return kept


async def restores(built: Built, kept: Kept, serials: Iterable[int]) -> None:
    for point in kept.chain.points:
        if point.serial in set(serials):
            for disk, image in point.images.items():
                path = kept.directory / image.file
                assert content(path) == built.expected[point.serial, disk]
                now = describe(path, image.virtual_size, image.backing)
                # How many blocks a file takes is the business of the file system it was copied to.
                assert image == now.model_copy(update={"allocated": image.allocated})


def only_named(kept: Kept) -> None:
    """No file is there but those of the manifest."""
    there = {path.name for path in kept.directory.iterdir()}
    assert there == {*kept.chain.files(), kept.path.name}
    assert kept.chain.surplus == ()


@pytest.mark.parametrize(
    "keep",
    [(5,), (1, 5), (4, 5), (2, 3, 5), (1, 3, 5), (1, 2, 3, 5), (3, 4, 5), (1, 4, 5)],
    ids=str,
)
async def test_what_stays_is_as_it_was(chain: Built, keep: tuple[int, ...]) -> None:
    before = {path: path.read_bytes() for path in chain.directory.glob("*.qcow2")}
    plan = await planned(chain.kept, *keep)
    assert {path: path.read_bytes() for path in chain.directory.glob("*.qcow2")} == before
    gone = await prune(plan)
    assert sorted(gone) == sorted(name for name, _ in plan.deletes)
    kept = await is_whole(chain, keep)
    only_named(kept)
    # The bitmap of the last complete point is as of a point that is still the last.
    assert kept.chain.last is not None
    assert kept.chain.last.serial == 5
    assert [point.parent for point in kept.chain.points] == [None, *keep[:-1]]


async def test_images_that_nothing_goes_from_under_stay_the_very_files(chain: Built) -> None:
    inode = chain.image(2).stat().st_ino
    plan = await planned(chain.kept, 1, 2, 4, 5)
    assert {(each.serial, each.making) for each in plan.rebuilds} == {
        (4, Making.MERGE),
        (5, Making.CARRY),
    }
    await prune(plan)
    assert chain.image(2).stat().st_ino == inode


async def test_increments_go_on_after_a_prune(chain: Built) -> None:
    await prune(await planned(chain.kept, 3, 5))
    kept = await is_whole(chain, (3, 5))
    last = kept.chain.last
    assert last is not None
    # As the next increment is made: a new image on the one that the manifest names.
    backing = last.images["sda"].file
    new = kept.directory / "next.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-b", backing, "-F", "qcow2", new)
    assert content(new) == chain.expected[5, "sda"]


@pytest.mark.parametrize("seed", range(5))
async def test_random_chains_by_random_rules(tmp_path: Path, seed: int) -> None:
    chance = random.Random(1000 + seed)
    points = random_points(chance)
    fulls = [n for n in range(2, len(points) + 1) if chance.random() < 0.2]
    every = timedelta(hours=chance.choice([6, 24, 100]))
    built = build(tmp_path / "backups", points, fulls=fulls, every=every)
    rules = Rules(last=chance.randint(1, 2), daily=chance.randint(0, 3))
    (plan,) = await plan_prune([built.kept], rules)
    await prune(plan)
    kept = await is_whole(built, plan.reasons)
    only_named(kept)
    (again,) = await plan_prune([kept], rules)
    assert again.idle
    assert again.reasons.keys() == plan.reasons.keys()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("keep", [(3, 5), (1, 3, 5)], ids=str)
async def test_killed_at_any_step_nothing_is_lost(tmp_path: Path, keep: Sequence[int]) -> None:
    whole = build(tmp_path / "whole", POINTS)
    words = ",".join(map(str, keep))
    step = 0
    while True:
        built = Built(whole.kept, whole.expected)
        copy = tmp_path / f"killed-{step}"
        shutil.copytree(whole.directory, copy)
        built.kept = read_chain(copy / whole.kept.path.name)
        done = await forked("tests.images.killed", copy, words, step)
        told = done.out.split("\n")
        # As it lies there, before anybody cleans up: by the manifest, and by the headers alone.
        left = read_chain(built.kept.path)
        assert {*keep} <= {point.serial for point in left.chain.points}
        changed = "changed" in told
        await restores(built, left, keep if changed else range(1, 6))
        if done.status == 0:
            break
        assert done.status == -signal.SIGKILL, done.err
        await settle(left)
        settled = read_chain(built.kept.path)
        assert settled.chain.points == left.chain.points
        there = {path.name for path in copy.iterdir()}
        assert there - {f".{settled.path.name}.lock"} == {*settled.chain.files(), settled.path.name}
        # And the prune can be done after all.
        await prune(await planned(settled, *keep))
        only_named(await is_whole(built, keep))
        step += 1
    assert step > 6


async def test_cancelled_it_leaves_the_chain_as_it_was(chain: Built) -> None:
    before = {path.name: path.read_bytes() for path in chain.directory.iterdir()}
    for wanted in ("announced", "made web-sda-0badcafe-3-merged1.qcow2"):
        reached = asyncio.Event()

        def step(name: str, wanted: str = wanted, reached: asyncio.Event = reached) -> None:
            if name == wanted:
                reached.set()

        running = asyncio.create_task(prune(await planned(chain.kept, 3, 5), on_step=step))
        await reached.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert {path.name: path.read_bytes() for path in chain.directory.iterdir()} == before


async def test_what_has_rotted_is_not_merged(chain: Built) -> None:
    data = bytearray(chain.image(2).read_bytes())
    data[-1000] ^= 4
    chain.image(2).write_bytes(data)
    before = {path.name: path.read_bytes() for path in chain.directory.iterdir()}
    with pytest.raises(ImageError, match=r"web-sda-0badcafe-2.qcow2 has changed since"):
        await prune(await planned(chain.kept, 3, 5))
    assert {path.name: path.read_bytes() for path in chain.directory.iterdir()} == before
    # Where it is not read, it may go.
    await prune(await planned(chain.kept, 1))
    await is_whole(chain, (1,))


async def test_a_chain_into_which_a_backup_runs_is_left_alone(chain: Built) -> None:
    running = chain.kept.chain.points[-1].model_copy(update={"state": PointState.RUNNING})
    made = chain.kept.chain.with_point(running)
    write_chain(chain.directory, made)
    (plan,) = await plan_prune([Kept(chain.kept.path, made)], Rules(last=1))
    assert "point 5 is not complete" in plan.hindrance
    with pytest.raises(ImageError, match="point 5 is not complete"):
        await prune(plan)


async def test_a_chain_that_changed_since_the_preview_is_left_alone(chain: Built) -> None:
    plan = await planned(chain.kept, 5)
    write_chain(chain.directory, chain.kept.chain.without_point(5))
    with pytest.raises(ImageError, match="changed meanwhile"):
        await prune(plan)
    await settle(read_chain(chain.kept.path))
    assert len(list(chain.directory.glob("*.qcow2"))) == 10


async def test_a_point_made_while_it_prunes_is_kept(chain: Built) -> None:
    """Somebody who asks nobody writes the manifest in the middle of it."""
    plan = await planned(chain.kept, 3, 5)
    full = chain.directory / "six.qcow2"
    qemu_img("convert", "-O", "qcow2", chain.image(5), full)

    def step(name: str) -> None:
        if name.startswith("made"):
            now = read_chain(chain.kept.path).chain
            image = describe(full, DISK, None)
            changes = {"serial": 6, "parent": None, "kind": PointKind.FULL}
            images = {"sda": image, "sdb": image.model_copy(update={"file": "six-b.qcow2"})}
            six = now.points[-1].model_copy(update={**changes, "images": images})
            write_chain(chain.directory, now.with_point(six))

    with pytest.raises(ImageError, match="changed meanwhile"):
        await prune(plan, on_step=step)
    now = read_chain(chain.kept.path)
    assert [point.serial for point in now.chain.points] == [1, 2, 3, 4, 5, 6]
    assert not list(chain.directory.glob("*merged*"))
    await restores(chain, now, range(1, 6))


async def test_two_at_once_do_not_meet(chain: Built) -> None:
    plan = await planned(chain.kept, 5)
    with alone_with(chain.kept.path), pytest.raises(ImageError, match="another BlockDeck"):
        await prune(plan)
    await prune(plan)
    await is_whole(chain, (5,))


async def test_a_manifest_of_another_name_is_not_written_beside_it(chain: Built) -> None:
    away = chain.kept.path.rename(chain.directory / "mine.chain.json")
    with pytest.raises(ImageError, match=r"is not called blockdeck-0badcafe.chain.json"):
        await prune(await planned(read_chain(away), 5))
    assert len(list(chain.directory.glob("*.qcow2"))) == 10


async def test_a_file_of_another_manifest_is_not_deleted(chain: Built) -> None:
    other = chain.kept.chain.model_copy(update={"id": "deadbeef"})
    write_chain(chain.directory, other)
    plan = await planned(chain.kept, 5)
    await prune(plan)
    kept, _ = chains_in(chain.directory)
    for each in kept:
        await restores(chain, each, range(1, 6))


async def test_nothing_is_deleted_beside_a_manifest_that_cannot_be_read(chain: Built) -> None:
    (chain.directory / "x.chain.json").write_text("{")
    with pytest.raises(ImageError, match="what it names is not known"):
        await prune(await planned(chain.kept, 5))
    assert len(list(chain.directory.glob("*.qcow2"))) >= 10
    (chain.directory / "x.chain.json").unlink()
    await settle(read_chain(chain.kept.path))
    only_named(await is_whole(chain, (5,)))


async def test_a_disk_that_fills_up_leaves_the_chain_as_it_was(tmp_path: Path) -> None:
    with small_filesystem(tmp_path / "small", 24 * MIB) as small:
        built = build(small / "backups", POINTS)
        plan = await planned(built.kept, 3, 5)

        def fill(name: str) -> None:
            if name == "announced":
                rest = (small / "filler").open("wb", buffering=0)
                with rest:
                    try:
                        while True:
                            rest.write(bytes(KIB64))
                    except OSError:
                        rest.truncate(rest.tell() - 2 * KIB64)

        with pytest.raises(ImageError, match="No space left"):
            await prune(plan, on_step=fill)
        await restores_headers(built)
        (small / "filler").unlink()
        await settle(read_chain(built.kept.path))
        only_named(await is_whole(built, range(1, 6)))


async def restores_headers(built: Built) -> None:
    for (serial, disk), wanted in built.expected.items():
        away = built.directory.parent.parent / "away.raw"
        qemu_img("convert", "-O", "raw", built.image(serial, disk), away)
        assert away.read_bytes() == wanted


async def test_rules_hold_over_all_chains_of_a_disk(tmp_path: Path) -> None:
    old = build(tmp_path / "b", [{"sda": [(0, 512, 1)]}, {"sda": [(0, 512, 2)]}], chain="00000001")
    later = old.kept.chain.points[-1].started + timedelta(days=1)
    new = build(
        tmp_path / "b",
        [{"sda": [(0, 512, 3)]}, {"sda": [(0, 512, 4)]}],
        chain="00000002",
        start=later,
    )
    other = build(tmp_path / "b", [{"sda": [(0, 512, 9)]}], chain="00000003", vm="mail")
    plans = await plan_prune([old.kept, new.kept, other.kept], Rules(last=2))
    assert [plan.whole for plan in plans] == [True, False, False]
    for plan in plans:
        if not plan.idle:
            await prune(plan)
    kept, _ = chains_in(tmp_path / "b")
    assert [each.chain.id for each in kept] == ["00000002", "00000003"]
    assert not list((tmp_path / "b").glob("*00000001*"))
    await is_whole(new, (1, 2))


async def test_what_an_image_of_nobody_stands_on_does_not_go(chain: Built) -> None:
    overlay = chain.directory / "mine.qcow2"
    base = chain.image(4)
    qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", overlay)
    hindered = await planned(chain.kept, 5)
    assert f"mine.qcow2, which no manifest names, stands on {base.name}" in hindered.hindrance
    assert not (await planned(chain.kept, 1, 2, 3, 4)).hindrance
