"""However the demo ends, its QEMU is gone and nothing is left in the temporary directory."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.demo.processes import CHECKOUT, DemoProcess, lives
from tests.waiting import until_now

StartDemo = Callable[..., DemoProcess]


@pytest.fixture
def temporary() -> Iterator[Path]:
    # Short, because a socket's path is; pytest's own directories may be deep.
    with tempfile.TemporaryDirectory(prefix="bd-") as name:
        yield Path(name)


@pytest.fixture
def start(temporary: Path) -> Iterator[StartDemo]:
    started: list[DemoProcess] = []

    def start(*, watch: bool = True) -> DemoProcess:
        started.append(DemoProcess(temporary, watch=watch))
        return started[-1]

    yield start
    for demo in started:
        demo.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(start: StartDemo, number: signal.Signals) -> None:
    began = time.monotonic()
    demo = start()
    info = demo.said()
    print(f"the demo was up after {time.monotonic() - began:.1f} s")

    demo.process.send_signal(number)

    assert demo.ended() == (0, "")
    assert not lives(info["pid"])
    assert demo.left_behind() == []


def test_it_ends_with_its_parent(start: StartDemo) -> None:
    demo = start()
    info = demo.said()

    demo.let_go()

    assert demo.ended() == (0, "")
    assert not lives(info["pid"])
    assert demo.left_behind() == []


def test_it_ends_while_it_starts(start: StartDemo) -> None:
    demo = start()
    until_now(demo.left_behind)

    demo.process.terminate()

    assert demo.ended() == (0, "")
    assert demo.left_behind() == []


def test_without_a_parent_to_watch_it_stays(start: StartDemo) -> None:
    demo = start(watch=False)
    info = demo.said()

    with pytest.raises(subprocess.TimeoutExpired):
        demo.process.wait(0.5)

    assert lives(info["pid"])


def test_killed_it_takes_qemu_along(start: StartDemo) -> None:
    demo = start()
    info = demo.said()

    demo.process.kill()

    until_now(lambda: not lives(info["pid"]))


def test_a_killed_user_of_the_demo_leaves_nothing(temporary: Path) -> None:
    code = (
        "from tui.demo.child import demo_process\n"
        "with demo_process() as demo:\n"
        "    print(demo.pid, flush=True)\n"
        "    input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(temporary)},
        text=True,
    ) as user:
        assert user.stdout is not None
        pid = int(user.stdout.readline())
        user.kill()

    until_now(lambda: not lives(pid))
    until_now(lambda: list(temporary.iterdir()) == [])


def test_it_says_so_when_qemu_ends_by_itself(start: StartDemo) -> None:
    demo = start()
    os.kill(demo.said()["pid"], signal.SIGKILL)

    assert demo.said() == {"error": "QEMU was killed by signal 9"}
    assert demo.ended() == (1, "")
    assert demo.left_behind() == []
