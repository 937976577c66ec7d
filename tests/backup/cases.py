"""Sets of arguments: mostly sound, spoiled in up to three places."""

import os
import shutil
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.backup.zoo import MIB, SIZE
from tests.qemu import qemu_img

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
)
ODD_DEVICES = (
    *("busy", "n-busy", "cd0", "nosuch", "", "RAW0", "raw0 ", "dev-raw0", "f-raw", "n-thr"),
    *("n-null", "n-plain", "n-chain", "x" * 300, "[red]", "\x1b[31m", "n-ro"),
)
FORMATS = ("qcow2", "raw", "qcow2", "raw", "vmdk", "vdi", "qed", "qcow", "vhdx", "parallels", "vpc")
ODD_FORMATS = (
    *("", "QCOW2", "nosuch", "luks", "file", "null-co", "throttle", "copy-on-read", "host_device"),
    *("blkdebug", "dmg", "vvfat", "nbd", "bochs", "ssh", "http"),
)
SYNCS = ("full", "full", "full", "top", "none", "incremental", "bitmap")
BITMAPS = ("b0", "kept", "torn", "idle", "rokept", "bb", "nosuch", "", "x" * 40)
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


class Targets:
    """Files and what only looks like one, made anew after each case."""

    def __init__(self, directory: Path) -> None:
        self._here = directory / "targets"
        self._here.mkdir()
        _make_targets(self._here)
        self._fresh = directory / "fresh"
        self._fresh.mkdir()
        self._known = {}
        for path in self._files():
            shutil.copy2(path, self._fresh / path.name)
            self._known[path.name] = _stamp(path)

    def _files(self) -> list[Path]:
        return [path for path in self._here.iterdir() if stat.S_ISREG(path.lstat().st_mode)]

    def restore(self) -> None:
        """Undo what a backup did."""
        for path in (*self._files(), *(self._here / "dir").iterdir()):
            if path.name not in self._known or path.parent != self._here:
                path.unlink()
            elif _stamp(path) != self._known[path.name]:
                shutil.copy2(self._fresh / path.name, path)
                self._known[path.name] = _stamp(path)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ctime_ns, found.st_size


def _make_targets(here: Path) -> None:
    (here / "dir").mkdir()
    (here / "exists.raw").write_bytes(b"x" * SIZE)
    (here / "short.raw").write_bytes(b"x" * MIB)
    (here / "empty").write_bytes(b"")
    (here / "text").write_text("a text\n" * 20)
    for name, size in {"right": SIZE, "odd": SIZE + 512, "wrong": MIB}.items():
        qemu_img("create", "-q", "-f", "qcow2", here / f"{name}.qcow2", str(size))
    base = here / "right.qcow2"
    overlay = here / "overlay.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", overlay)
    gone = here / "gone.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", gone, str(SIZE))
    qemu_img("create", "-q", "-f", "qcow2", "-b", gone, "-F", "qcow2", here / "orphan.qcow2")
    gone.unlink()
    for name in ("vmdk", "vdi", "qed", "qcow", "vhdx", "parallels"):
        qemu_img("create", "-q", "-f", name, here / f"right.{name}", str(SIZE))
    os.mkfifo(here / "fifo")
    (here / "loop").symlink_to(here / "loop")
    (here / "dangling").symlink_to(here / "created-through-a-link")
    (here / "link").symlink_to(here / "exists.raw")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(here / "socket"))


TARGETS = (
    *(*("new",) * 40, "exists.raw", "short.raw", "empty", "text", "dir"),
    *("right.qcow2", "right.qcow2", "odd.qcow2", "wrong.qcow2", "overlay.qcow2", "orphan.qcow2"),
    *("right.vmdk", "right.vdi", "right.qed", "right.qcow", "right.vhdx", "right.parallels"),
    *("fifo", "loop", "dangling", "link", "socket", "nosuch/x", "text/x", "dir/new", "with space"),
    *("x" * 255, "x" * 256, "dir/", "new,comma", "new\nline", "ü.img", "a:b.img", "100%"),
)
EXISTING = (
    *("right.qcow2", "right.qcow2", "overlay.qcow2", "exists.raw", "exists.raw", "short.raw"),
    *("odd.qcow2", "right.vmdk", "right.vdi", "right.qed", "right.qcow", "right.parallels"),
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


def draw(random: Random, directory: Path) -> dict[str, Any]:
    """One set of arguments."""
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
        arguments |= {"device": random.choice(("raw0", "chain", "chain", "ro"))}
        arguments |= {"bitmap": random.choice(BITMAPS), "bitmap-mode": "on-success"}
    for _ in range(random.choice((0, 0, 0, 1, 1, 1, 2, 3))):
        random.choice(SPOILERS)(random, arguments, directory)
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
