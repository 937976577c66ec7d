"""`blockdeck backup` on a QEMU that does not answer: what is said of the backup."""

import os
import signal
from pathlib import Path

import pytest

from tests.qemu import Vm
from tui.backup.way import Way
from tui.cli.backup import BackupRequest, start
from tui.cli.failure import Failure
from tui.qmp.address import UnixAddress
from tui.worker import Pace, VmWorker


async def test_a_silence_before_the_start_is_no_doubt(vm: Vm, tmp_path: Path) -> None:
    address = UnixAddress(path=vm.monitor)
    arguments = {"device": "drive0", "sync": "full", "target": str(tmp_path / "out.qcow2")}
    async with VmWorker(address, pace=Pace(command=0.3)) as worker:
        verdict = await worker.judge(arguments)
        os.kill(vm.pid, signal.SIGSTOP)
        try:
            with pytest.raises(Failure) as failure:
                await start(worker, verdict, Way.DRIVE, BackupRequest(address=address, words={}))
        finally:
            os.kill(vm.pid, signal.SIGCONT)
    assert failure.value.sentence.startswith("the backup was not started: ")
    assert await vm.qmp("query-jobs") == []
