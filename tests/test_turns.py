"""The lock that keeps tests of several workers apart."""

import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

from tests.turns import left_alone, looking
from tests.waiting import until_now

_TAKE = """
import pathlib, sys
from tests.turns import left_alone, looking
with {"looking": looking, "left_alone": left_alone}[sys.argv[1]](pathlib.Path(sys.argv[2])):
    print("has it", flush=True)
    sys.stdin.read()
"""


class Other:
    """Another process that wants the lock."""

    def __init__(self, kind: str, place: Path) -> None:
        command = [sys.executable, "-c", _TAKE, kind, str(place)]
        self.process = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True)

    def waits(self) -> bool:
        """Whether the kernel lets it wait for a lock."""
        waiting = [line for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
        return any(str(self.process.pid) in line.split() for line in waiting)

    def has_it(self) -> bool:
        """Wait until it has the lock."""
        assert self.process.stdout is not None
        return self.process.stdout.readline() == "has it\n"

    def end(self) -> None:
        """Let go."""
        self.process.communicate("", timeout=20)


def test_who_is_left_alone_waits_for_all_others_and_they_for_it(tmp_path: Path) -> None:
    with left_alone(tmp_path):
        looks = Other("looking", tmp_path)
        until_now(looks.waits)
    assert looks.has_it()
    # Several may look at the same time.
    with looking(tmp_path):
        wants = Other("left_alone", tmp_path)
        until_now(wants.waits)
    until_now(wants.waits)
    looks.end()
    assert wants.has_it()
    wants.end()


def test_whoever_comes_later_is_served_later(tmp_path: Path) -> None:
    with looking(tmp_path):
        first = Other("left_alone", tmp_path)
        until_now(first.waits)
        # Though it could look along with this process.
        second = Other("looking", tmp_path)
        until_now(second.waits)
    assert first.has_it()
    until_now(second.waits)
    first.end()
    assert second.has_it()
    second.end()


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    other = Other("left_alone", tmp_path)
    assert other.has_it()
    after = Other("left_alone", tmp_path)
    until_now(after.waits)
    other.process.kill()
    other.process.communicate(timeout=20)
    assert after.has_it()
    after.end()
