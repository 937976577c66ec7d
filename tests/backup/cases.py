"""Sets of arguments: mostly sound, spoiled in up to three places; hypothesis throws the dice."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, strategies

from tests.backup.images import MIB
from tui.backup.arguments import DRIVE_BACKUP

DEVICES = (
    "raw0",
    "chain",
    "plain",
    "ro",
    "odd",
    "n-raw",
    "n-q",
    "vmdk",
    "vdi",
    "qed",
    "vpc",
    "loose",
    *("v2", "slow", "cor", "luks", "qcow", "vhdx", "ended", "n-share"),
)
ODD_DEVICES = (
    *("busy", "n-busy", "cd0", "nosuch", "", "RAW0", "raw0 ", "dev-raw0", "f-raw", "n-thr"),
    *("n-null", "n-plain", "n-chain", "x" * 300, "[red]", "\x1b[31m", "n-ro", "zero", "temp"),
    *("work", "n-work", "mir", "n-mir", "n-ended", *(f"#block{number}" for number in range(24))),
)
FORMATS = ("qcow2", "raw", "qcow2", "raw", "vmdk", "vdi", "qed", "qcow", "vhdx", "vpc")
ODD_FORMATS = (
    *("", "QCOW2", "nosuch", "luks", "file", "null-co", "throttle", "copy-on-read", "host_device"),
    *("blkdebug", "dmg", "vvfat", "nbd", "bochs", "ssh", "http", "parallels"),
)
SYNCS = ("full", "full", "full", "top", "none", "incremental", "bitmap")
BITMAPS = ("b0", "kept", "torn", "idle", "rokept", "bb", "nb", "v2b", "nosuch", "", "x" * 40)
BITMAP_MODES = ("on-success", "never", "always")
ERRORS = ("report", "ignore", "enospc", "stop", "auto")
JOB_IDS = (
    "1st",
    "",
    "dup",
    "a b",
    "é",
    "a_b",
    "a" * 300,
    "raw0",
    *("dup-commit", "dup-mirror", "dup-create", "dup-ended"),
    "#x",
    "-x",
    "ok-1",
    "a.b",
    "a\nb",
)
NODE_NAMES = ("filter0", "n-raw0", "raw0", "", "1x", "x" * 31, "x" * 32, "#block1", "a b", "n-q")
NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 512, 65535, 65536, 65537, MIB, 64, 2**31 - 1, 2**31, 2**63 - 1, 2**63, -(2**63)),
    *(2**64, 10**30, 1.0, 1.5, "1", True, None, [], {}),
)
WRONG: tuple[Any, ...] = (None, True, False, 0, 1, -1, 1.0, "", "x", [], {}, ["x"], {"x": 1}, 2**64)


TARGETS = (
    *(*("new",) * 40, "exists.raw", "short.raw", "empty", "text", "dir"),
    *("right.qcow2", "right.qcow2", "odd.qcow2", "wrong.qcow2", "overlay.qcow2", "orphan.qcow2"),
    *("right.vmdk", "right.vdi", "right.qed", "right.qcow", "right.vhdx", "right.parallels"),
    *("fifo", "loop", "dangling", "link", "socket", "nosuch/x", "text/x", "dir/new", "with space"),
    *("x" * 255, "x" * 256, "dir/", "new,comma", "new\nline", "ü.img", "a:b.img", "100%"),
)
EXISTING = (
    *("right.qcow2", "right.qcow2", "overlay.qcow2", "exists.raw", "exists.raw", "short.raw"),
    *("odd.qcow2", "right.vmdk", "right.vdi", "right.qed", "right.qcow"),
)
ODD_TARGETS = (
    "",
    "a:b",
    "foo://x",
    "json:{}",
    "null-co://",
    "file:",
    "nbd:unix:/nosuch",
    "fat:x",
    ":",
)


def cases(command: str, directory: Path, count: int, seed: str) -> list[dict[str, Any]]:
    """So many sets of a command's arguments, no two alike; the same ones for the same seed."""
    one = _drive_backup if command == DRIVE_BACKUP else _blockdev_backup
    found: dict[str, dict[str, Any]] = {}
    for turn in itertools.count():

        @hypothesis.seed(f"{seed} {turn}")
        @hypothesis.settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @hypothesis.given(strategies.randoms(use_true_random=False))
        def note(random: Random) -> None:
            case = one(random, directory)
            found[json.dumps(case, sort_keys=True)] = case

        note()
        if len(found) >= count:
            break
    return list(found.values())[:count]


def _drive_backup(random: Random, directory: Path) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "device": random.choice(DEVICES),
        "sync": random.choice(SYNCS),
        "target": _target(random, directory),
        "job-id": f"job{random.randrange(1000)}",
        "format": random.choice(FORMATS),
    }
    if random.random() < 0.25:
        image = random.choice(EXISTING)
        arguments |= {"mode": "existing", "target": f"{directory}/targets/{image}"}
        if random.random() < 0.8:
            arguments["format"] = image.partition(".")[2]
    if arguments["sync"] in ("incremental", "bitmap"):
        arguments |= {"device": random.choice(("raw0", "chain", "chain", "ro", "v2", "n-q"))}
        arguments |= {"bitmap": random.choice(BITMAPS), "bitmap-mode": "on-success"}
    for _ in range(random.choice((0, 0, 0, 1, 1, 1, 2, 3))):
        random.choice(SPOILERS)(random, arguments, directory)
    return arguments


NODES = ("t-null", "t-null", "t-raw", "t-q", "t-q", "t-q", "loose", "n-share")
ODD_NODES = (
    *("t-small", "t-ro", "raw0", "n-raw0", "chain", "ro", "n-ro", "cd0", "nosuch", "", "busy"),
    *("n-busy", "n-null", "n-thr", "f-raw", "n-raw", "mir", "odd", "vmdk", "temp", "work"),
)


def _blockdev_backup(random: Random, directory: Path) -> dict[str, Any]:
    arguments = _drive_backup(random, directory)
    for name in ("format", "mode"):
        if random.random() < 0.98:
            arguments.pop(name, None)
    if "target" in arguments:
        odd = random.random() < 0.3
        arguments["target"] = random.choice(ODD_NODES if odd else NODES)
        if random.random() < 0.03:
            arguments["target"] = arguments.get("device")
    return arguments


def _target(random: Random, directory: Path) -> str:
    name = random.choice(TARGETS)
    if name == "new":
        name = f"new{random.randrange(20)}"
    prefix = random.choice(("", "", "", "", "", "", "file:", "file://"))
    return f"{prefix}{directory}/targets/{name}"


Spoiler = Callable[[Random, dict[str, Any], Path], None]


def _set(name: str, values: tuple[Any, ...]) -> Spoiler:
    def spoil(random: Random, arguments: dict[str, Any], directory: Path) -> None:
        arguments[name] = random.choice(values)

    return spoil


def _perf(random: Random, arguments: dict[str, Any], directory: Path) -> None:
    perf = arguments.setdefault("x-perf", {})
    if isinstance(perf, dict):
        names = ("max-workers", "max-chunk", "use-copy-range", "min-cluster-size", "foo")
        perf[random.choice(names)] = random.choice(NUMBERS)


def _mistype(random: Random, arguments: dict[str, Any], directory: Path) -> None:
    arguments[random.choice(tuple(arguments))] = random.choice(WRONG)


def _drop(random: Random, arguments: dict[str, Any], directory: Path) -> None:
    arguments.pop(random.choice(tuple(arguments)), None)


def _own_file(random: Random, arguments: dict[str, Any], directory: Path) -> None:
    names = ("raw.img", "top.qcow2", "base.img", "mid.qcow2", "ro.qcow2", "loose.img", "nraw.img")
    arguments["target"] = f"{directory}/{random.choice(names)}"


SPOILERS: tuple[Spoiler, ...] = (
    _set("device", ODD_DEVICES),
    _set("device", ODD_DEVICES),
    _set("format", ODD_FORMATS),
    _set("target", ODD_TARGETS),
    _set("job-id", JOB_IDS),
    _set("filter-node-name", NODE_NAMES),
    _set("speed", NUMBERS),
    _set("bitmap", BITMAPS),
    _set("bitmap-mode", (*BITMAP_MODES, "")),
    _set("compress", (True, True, False, 1)),
    _set("on-source-error", ("report", "stop", "auto", "bogus")),
    _set("on-target-error", ("report", "stop", "enospc", "")),
    _set("auto-dismiss", (True, False, None)),
    _set("auto-finalize", (True, False)),
    _set("sync", ("", "Full", "bogus", "none", "top")),
    _set("mode", ("", "existing", "absolute-paths", "new")),
    _set("discard-source", (True, False)),
    _set("on-cbw-error", ("break-snapshot", "break-guest-write")),
    _set("foo", ("bar", 1)),
    _perf,
    _perf,
    _mistype,
    _drop,
    _drop,
    _own_file,
)
