"""`blockdeck verify`, `restore` and `prune`, as an operator and a script use them."""

import asyncio
import os
import pty
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import blockdeck, finish, next_line, start
from tests.images.chains import Built, build, content, three_points
from tests.images.gate import Gate
from tests.images.test_prune import POINTS, restores
from tests.waiting import until
from tui.chain.directory import read_chain
from tui.chain.manifest import Chain


@pytest.fixture
def chain(tmp_path: Path) -> Built:
    return three_points(tmp_path / "backups")


async def test_verify_tells_what_is_sound_and_what_is_lost(chain: Built) -> None:
    sound = await blockdeck("verify", chain.directory)
    assert (sound.status, sound.err) == (0, "")
    assert "chain 0badcafe of web: SOUND" in sound.out
    assert "sound     points 1-3" in sound.out

    chain.image(2).unlink()
    by_manifest = await blockdeck("verify", chain.kept.path)
    assert by_manifest.status == 1
    for words in ("NOT SOUND", "LOST      points 2-3", "lost      web-sda-0badcafe-2.qcow2 is not"):
        assert words in by_manifest.out
    first = await blockdeck("verify", chain.directory, "--point", 1)
    assert first.status == 0
    found = (await blockdeck("verify", chain.directory, "--json")).lines[-1]
    assert (found["type"], found["ok"], found["sound"], found["lost"]) == (
        *("verified", False),
        *([1], [2, 3]),
    )
    (finding,) = found["findings"]
    assert (finding["gravity"], finding["points"]) == ("lost", [2, 3])


async def test_verify_against_another_copy(chain: Built, tmp_path: Path) -> None:
    copy = tmp_path / "copy.raw"
    copy.write_bytes(chain.expected[2, "sda"])
    words = ("verify", chain.directory, "--against", copy)
    same = await blockdeck(*words, "--point", 2)
    assert same.status == 0
    assert f"identical: point 2 and {copy}" in same.out
    other = await blockdeck(*words, "--point", 3, "--json")
    assert other.status == 1
    assert other.lines[-1]["identical"] is False
    assert (await blockdeck(*words)).status == 2


async def test_restore_says_the_commands_and_what_it_did(chain: Built, tmp_path: Path) -> None:
    target = tmp_path / "disk.raw"
    words = ("restore", chain.directory, target, "--point", 2, "--format", "raw")
    planned = await blockdeck(*words, "--dry-run")
    assert planned.status == 0
    assert not target.exists()
    shown = planned.out.partition("Without BlockDeck:\n")[2]
    subprocess.run(["sh", "-euc", shown], check=True, stdout=subprocess.DEVNULL)
    assert target.read_bytes() == chain.expected[2, "sda"]

    refused = await blockdeck(*words)
    assert refused.status == 1
    assert f"there is {target}: raw, 4.0 MiB" in refused.err
    assert "--overwrite" in refused.err
    target.write_bytes(b"")
    done = await blockdeck(*words, "--overwrite")
    assert done.status == 0
    assert "restored: sda of web at point 2" in done.out
    assert target.read_bytes() == chain.expected[2, "sda"]


async def test_restore_takes_the_last_point_and_an_image_without_a_manifest(
    chain: Built, tmp_path: Path
) -> None:
    done = await blockdeck("restore", chain.kept.path, tmp_path / "a.qcow2", "--json")
    assert done.status == 0
    plan, *_, outcome = done.lines
    assert (plan["type"], outcome["type"]) == ("plan", "restored")
    assert plan["commands"][0][:2] == ["qemu-img", "convert"]
    assert content(tmp_path / "a.qcow2") == chain.expected[3, "sda"]
    chain.kept.path.unlink()
    alone = await blockdeck("restore", chain.image(2), tmp_path / "b.qcow2")
    assert alone.status == 0
    assert content(tmp_path / "b.qcow2") == chain.expected[2, "sda"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "{none}"), "No such file"),
        (("verify", "{empty}"), "there is no chain in"),
        (("verify", "{chain}", "--point", "9"), "has no point 9"),
        (("verify", "{chain}", "--chain", "feedbeef"), "there is no chain feedbeef"),
        (("restore", "{chain}", "{empty}/a", "--disk", "sdz"), "has no disk sdz"),
        (("restore", "{chain}", "{chain}"), "is a directory"),
        (("prune", "{chain}", "--keep-last", "1"), "nothing was deleted"),
        (("prune", "{none}", "--keep-last", "1"), "No such file"),
    ],
)
async def test_what_cannot_be_done_is_said(
    chain: Built, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    places = {
        "none": tmp_path / "none",
        "empty": tmp_path / "empty",
        "chain": chain.directory,
    }
    done = await blockdeck(*(word.format(**places) for word in words))
    assert done.status == 1
    assert said in done.err
    assert len(list(chain.directory.iterdir())) == 4


async def test_no_qemu_img_is_said(chain: Built, tmp_path: Path) -> None:
    done = await blockdeck("verify", chain.directory, env={"PATH": str(tmp_path)})
    assert done.status == 1
    assert "qemu-img is not on the PATH of this host" in done.err
    assert "qemu-utils" in done.err


async def test_a_prune_is_shown_and_then_done(tmp_path: Path) -> None:
    built = build(tmp_path / "backups", POINTS)
    before = sorted(path.name for path in built.directory.iterdir())
    words = ("prune", built.directory, "--keep-last", 1, "--keep-weekly", 2)
    shown = await blockdeck(*words, "--dry-run")
    assert shown.status == 0
    assert "2026-11-03 03:00" in shown.out or "GOES" in shown.out
    assert "3 points and 8 files go: " in shown.out
    assert sorted(path.name for path in built.directory.iterdir()) == before
    done = await blockdeck(*words, "--yes", "--json")
    assert done.status == 0
    plan, *_, outcome = done.lines
    assert plan["drop"] == [2, 3, 4]
    assert sorted(outcome["deleted"]) == sorted(each["file"] for each in plan["deletes"])
    kept = read_chain(built.kept.path)
    await restores(built, kept, (1, 5))
    again = await blockdeck(*words, "--yes")
    assert (again.status, again.out.splitlines()[-1]) == (0, "Nothing goes.")
    assert (await blockdeck("prune", built.directory)).status == 2


async def test_a_terminal_is_asked_and_no_is_the_answer(chain: Built) -> None:
    ours, theirs = pty.openpty()
    process = await start("prune", chain.directory, "--keep-last", 1, stdin=theirs)
    os.close(theirs)
    os.write(ours, b"\n")
    _, said = await asyncio.wait_for(process.communicate(), 60)
    os.close(ours)
    assert process.returncode == 1
    assert b"Delete these points?" in said
    assert len(list(chain.directory.glob("*.qcow2"))) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_ends_a_restore_and_leaves_nothing(
    chain: Built, gate: Gate, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    words = ("restore", chain.directory, out / "disk.raw", "--format", "raw")
    process = await start(*words, env={"PATH": gate.path})
    await until(lambda: gate.reached)
    assert [path.name for path in out.iterdir()] == [".disk.raw.restoring"]
    process.send_signal(number)
    done = await finish(process)
    assert (done.status, done.err.strip()) == (130, "blockdeck: interrupted")
    assert not list(out.iterdir())


async def test_a_signal_ends_a_prune_and_leaves_the_chain(
    chain: Built, gate: Gate, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in chain.directory.iterdir()}
    words = ("prune", chain.directory, "--keep-last", 1, "--yes")
    process = await start(*words, env={"PATH": gate.path})
    await until(lambda: gate.reached)
    assert read_chain(chain.kept.path).chain.surplus
    process.send_signal(signal.SIGINT)
    assert (await finish(process)).status == 130
    assert {path.name: path.read_bytes() for path in chain.directory.iterdir()} == before


async def test_kill_9_of_a_restore_is_made_good_by_the_next(
    chain: Built, gate: Gate, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    words = ("restore", chain.directory, out / "disk.raw", "--format", "raw")
    process = await start(*words, env={"PATH": gate.path})
    await until(lambda: gate.reached)
    process.kill()
    # What it had started goes on without it, and comes to its end.
    gate.open()
    await finish(process)
    assert [path.name for path in out.iterdir()] == [".disk.raw.restoring"]
    done = await blockdeck(*words)
    while "another restore" in done.err:
        done = await blockdeck(*words)
    assert done.status == 0, done.err
    assert "A half-made restore is left there, and makes way" in done.err
    assert [path.name for path in out.iterdir()] == ["disk.raw"]
    assert (out / "disk.raw").read_bytes() == chain.expected[3, "sda"]


@pytest.mark.parametrize("seed", range(4))
async def test_kill_9_at_a_random_moment_of_a_prune_loses_nothing(
    tmp_path: Path, seed: int
) -> None:
    built = build(tmp_path / "backups", POINTS)
    words = ("prune", built.directory, "--keep-last", 1, "--keep-weekly", 2, "--yes", "--json")
    process = await start(*words)
    assert '"plan"' in await next_line(process)
    await asyncio.sleep(random.Random(seed).uniform(0, 1.2))
    if process.returncode is None:
        process.kill()
    await finish(process)
    left = read_chain(built.kept.path)
    copy = tmp_path / "copy"
    shutil.copytree(built.directory, copy)
    await restores(built, left, serials(left.chain))
    assert {1, 5} <= serials(left.chain)
    assert (await blockdeck(*words)).status == 0
    kept = read_chain(built.kept.path)
    assert serials(kept.chain) == {1, 5}
    await restores(built, kept, (1, 5))
    there = {path.name for path in built.directory.iterdir() if not path.name.startswith(".")}
    assert there == {*kept.chain.files(), kept.path.name}


def serials(chain: Chain) -> set[int]:
    return {point.serial for point in chain.points}
