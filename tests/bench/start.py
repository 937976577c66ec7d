"""How long until the disks of a VM are on the screen: `python -m tests.bench.start`.

From the start of the process until the name of a disk of a real QEMU has been sent to the
pseudo terminal, against a bare Textual app until its one line has been sent, in turn.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.bench.figures import Figure
from tests.bench.pty import TERMINAL, opened
from tests.bench.running import run
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
    """Seconds of the clock, of the processor, and the bytes that were sent until then."""

    wall: float
    cpu: float
    sent: int


def start(command: list[str], text: bytes, env: dict[str, str]) -> Start:
    """Start a program on a terminal of its own and wait until it has sent a text."""
    with opened() as (master, slave):
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        try:
            sent = b""
            while text not in sent:
                sent += os.read(master, 65536)
            wall = time.perf_counter() - begin
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            return Start(wall, cpu, len(sent))
        finally:
            process.kill()
            process.wait()


async def measure(quick: bool) -> list[Figure]:
    """Both in turn; the medians."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        env = {**os.environ, **TERMINAL, "HOME": name}
        # What is installed has its bytecode; here the first start writes it.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        env |= {f"XDG_{kind}_HOME": name for kind in ("CACHE", "CONFIG", "DATA", "STATE")}
        disk = home / "disk.qcow2"
        qemu_img("create", "-q", "-f", "qcow2", disk, "64M")
        async with qemu(home, "-drive", f"if=none,id=drive0,format=qcow2,file={disk}") as vm:
            deck = [sys.executable, "-m", "tui", str(vm.monitor)]
            bare = [sys.executable, "-c", BARE]
            ours, theirs = [], []
            for _ in range(1 if quick else RUNS + 1):
                theirs.append(start(bare, b"bare app", env))
                ours.append(start(deck, b"drive0", env))
    # The first of each warms up the page cache, and writes the bytecode.
    ours, theirs = ours[-RUNS:], theirs[-RUNS:]

    def both(of: str) -> tuple[float, float]:
        return tuple(statistics.median(getattr(s, of) for s in runs) for runs in (ours, theirs))

    peer = "a bare Textual app"
    wall, bare_wall = both("wall")
    cpu, bare_cpu = both("cpu")
    return [
        Figure(
            what="start until the disks are on the screen",
            value=wall,
            unit="s",
            reach=REACH,
            by_ratio=True,
            peer=peer,
            beside=bare_wall,
        ),
        Figure(what="processor until then", value=cpu, unit="s", peer=peer, beside=bare_cpu),
    ]


if __name__ == "__main__":
    run([measure])
