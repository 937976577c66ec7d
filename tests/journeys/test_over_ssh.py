"""The main job over a real sshd, and what happens to it when the line is cut."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.journeys.conftest import TerminalOpener
from tests.journeys.sshd import Sshd
from tests.journeys.steps import (
    BLOCKDECK,
    READY,
    gone_from,
    is_backup_of,
    jobs_in,
    open_form,
    start_slow_backup,
)
from tests.qemu import Vm
from tests.waiting import until
from tui.paths import STYLES

pytestmark = pytest.mark.slow

CHECKOUT = STYLES.parent
ENDS_WITHIN = 15.0
"""Seconds; a deadline for a busy machine, not a measure."""


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    server = Sshd()
    yield server
    server.close()


def remote(vm: Vm) -> str:
    """What the operator types on the host of the VM."""
    home = f"XDG_STATE_HOME={os.environ['XDG_STATE_HOME']}"
    words = ["env", home, "LC_ALL=C.UTF-8", *BLOCKDECK, str(vm.monitor)]
    return f"cd {shlex.quote(str(CHECKOUT))} && exec {shlex.join(words)}"


def blockdecks_on(vm: Vm) -> list[psutil.Process]:
    """The processes that show the VM."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if words[-3:] == ["-m", "tui", str(vm.monitor)] and "ssh" not in words[0]:
            found.append(process)
    return found


async def test_the_main_job_over_ssh_and_a_cut_line(
    vm: Vm, sshd: Sshd, terminal: TerminalOpener, tmp_path: Path
) -> None:
    there = terminal(80, 24, term="xterm-256color")
    there.run(*sshd.client(remote(vm)))
    first, second = tmp_path / "first.qcow2", tmp_path / "second.qcow2"

    await open_form(there)
    there.fill_in(str(first))
    await there.sees(READY, "first.qcow2")
    there.press("F2")
    await there.sees("succeeded: all of it was copied")
    assert is_backup_of(vm, first)

    there.press("1")
    job = await start_slow_backup(there, vm, second)
    [blockdeck] = blockdecks_on(vm)
    sshd.cut()
    await until(lambda: not blockdeck.is_running(), within=ENDS_WITHIN)
    assert await there.exit_status() != 0
    assert (await jobs_in(vm))[job]["status"] == "running"

    after = terminal(160, 40)
    after.run(*sshd.client(remote(vm)))
    await after.sees("1 job running")
    await vm.qmp("block-job-set-speed", device=job, speed=0)
    after.press("2")
    await after.sees("succeeded: all of it was copied")
    await gone_from(vm, job)
    assert is_backup_of(vm, second)
