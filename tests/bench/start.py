"""How long until the disks of a VM are on the screen: `python -m tests.bench.start`.

From the start of the process until the name of a disk of a real QEMU has been sent to the
pseudo terminal, against a bare Textual app until its one line has been sent, in turn. Beside them
runs the least program that shows those disks with the same packages (`tests.bench.least`).

Instructions are counted by `perf`, where it is there: they tell the same on a busy machine.
"""

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.figures import Figure
from tests.bench.pty import TERMINAL, opened
from tests.bench.running import installed, run
from tests.qemu import qemu, qemu_img

REACH = 1.5
RUNS = 10
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("bare app")
Bare().run()
"""


class Start(NamedTuple):
    """Seconds of the clock and of the processor until then; millions of instructions, counted."""

    wall: float
    cpu: float
    instructions: float | None = None


def start(command: list[str], text: bytes, env: dict[str, str]) -> Start:
    """Start a program on a terminal of its own and wait until it has sent a text."""
    with _started(command, text, env) as (pid, wall):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return Start(wall, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))


def counted(command: list[str], text: bytes, env: dict[str, str]) -> float | None:
    """Millions of instructions until a program has sent a text; None where none can be counted."""
    if not installed("perf"):
        return None
    with tempfile.NamedTemporaryFile("r") as told:
        perf = ["perf", "stat", "-x,", "-e", "instructions:u", "-o", told.name, "--", *command]
        with _started(perf, text, env) as (pid, _):
            # It tells what it counted when its child has ended.
            (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            os.kill(int(child), signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        count = told.read().splitlines()[-1].partition(",")[0]
    return int(count) / 1e6 if count.isdigit() else None


@contextlib.contextmanager
def _started(command: list[str], text: bytes, env: dict[str, str]) -> Iterator[tuple[int, float]]:
    """A program that has sent a text: its process, and how long that took; it is ended after."""
    with opened() as (master, slave):
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        try:
            sent = b""
            while text not in sent:
                sent += os.read(master, 65536)
            yield process.pid, time.perf_counter() - begin
        finally:
            process.kill()
            process.wait()


async def measure(quick: bool) -> list[Figure]:
    """All of them in turn; the medians."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        env = {**os.environ, **TERMINAL, "HOME": name}
        # What is installed has its bytecode; here the first start writes it.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env |= {f"XDG_{kind}_HOME": name for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
        disk = home / "disk.qcow2"
        qemu_img("create", "-q", "-f", "qcow2", disk, "64M")
        async with qemu(home, "-drive", f"if=none,id=drive0,format=qcow2,file={disk}") as vm:
            programs = (
                ([sys.executable, "-m", "tui", str(vm.monitor)], b"drive0"),
                ([sys.executable, "-m", "tests.bench.least", str(vm.monitor)], b"drive0"),
                ([sys.executable, "-c", BARE], b"bare app"),
            )
            # The first round warms up the page cache, and writes the bytecode.
            rounds = [
                [
                    start(*program, env)._replace(instructions=counted(*program, env))
                    for program in programs
                ]
                for _ in range(1 if quick else RUNS + 1)
            ][-RUNS:]
    deck, least, bare = (_medians(runs) for runs in zip(*rounds, strict=True))
    until = "until the disks are on the screen"
    return [
        *_beside(f"start {until}", deck, bare, REACH),
        *_beside(f"the least program {until}", least, bare),
    ]


def _medians(runs: Sequence[Start]) -> Start:
    counts = [run.instructions for run in runs if run.instructions is not None]
    return Start(
        statistics.median(run.wall for run in runs),
        statistics.median(run.cpu for run in runs),
        statistics.median(counts) if counts else None,
    )


def _beside(what: str, ours: Start, bare: Start, reach: float | None = None) -> Iterator[Figure]:
    """What a start took, beside that of the bare app."""
    peer = {"peer": "a bare Textual app"}
    yield Figure(
        what=what,
        value=ours.wall,
        unit="s",
        reach=reach,
        by_ratio=True,
        beside=bare.wall,
        **peer,
    )
    yield Figure(what="processor until then", value=ours.cpu, unit="s", beside=bare.cpu, **peer)
    if ours.instructions is not None and bare.instructions is not None:
        yield Figure(
            what="instructions until then",
            value=ours.instructions,
            unit="M",
            beside=bare.instructions,
            **peer,
        )


if __name__ == "__main__":
    run([measure])
