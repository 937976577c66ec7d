"""The audit log: what was done to a VM, by whom, and what came of it."""

import asyncio
import json
import os
import pwd
import signal
import stat
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.qemu import QemuStarter
from tests.worker.disks import MIB, null
from tests.worker.watching import J, backup, ended, until, worker_of
from tui.qmp.errors import CommandRefused
from tui.qmp.gate import Deed
from tui.records.audit import AuditEntry, AuditLog
from tui.vm.snapshot import VmSnapshot

VM = VmSnapshot(name="mail\n\x1b[31m", uuid="u", address="/run/m.sock")


def entry(number: int, **arguments: object) -> AuditEntry:
    return AuditEntry.of(VM, Deed("job-cancel", {"id": number, **arguments}, 1.0, 0.25, {}))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def logs(directory: Path) -> list[Path]:
    """The full logs, without the present one and the lock."""
    return [file for file in directory.iterdir() if file.suffix[1:].isdigit()]


async def test_each_command_that_changes_something_is_a_line_with_its_answer(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu("-name", "mail", *null(MIB))
    audit = AuditLog(tmp_path / "state" / "audit.jsonl")
    before = datetime.now(UTC)
    async with worker_of(vm, tmp_path / "history", audit=audit) as worker:
        await worker.start(backup(vm))
        await ended(worker)
        with pytest.raises(CommandRefused):
            await worker.cancel("none")
        uuid = worker.snapshot.uuid
    await audit.close()
    told = lines(audit.path)
    # Each is told of before it is sent, and with its answer.
    announced = [line for line in told if line["result"] == "sent"]
    written = [line for line in told if line["result"] != "sent"]
    assert [line["id"] for line in announced] == [line["id"] for line in written]
    assert [line["command"] for line in announced] == [line["command"] for line in written]

    dry = ["blockdev-add", "transaction", "blockdev-del"]
    sent = [line["command"] for line in written]
    assert sent == [*dry, "drive-backup", "job-dismiss", "block-job-cancel"]
    started, last = written[3], written[-1]
    assert started["arguments"] == backup(vm)
    assert started["vm"] == {"name": "mail", "uuid": uuid, "monitor": str(vm.monitor)}
    assert started["who"]["user"] == pwd.getpwuid(os.geteuid()).pw_name
    assert started["who"]["pid"] == os.getpid()
    assert (started["result"], started["reply"]) == ("done", {})
    assert before <= datetime.fromisoformat(started["time"]) <= datetime.now(UTC)
    assert 0 < started["seconds"] < 20
    assert last["result"] == "refused"
    assert last["error"] == "Block job 'none' not found"
    assert last["class"] == "DeviceNotActive"


async def test_only_its_owner_reads_it_and_its_place_is_made(tmp_path: Path) -> None:
    os.umask(old := os.umask(0))
    path = tmp_path / "new" / "state" / "audit.jsonl"
    audit = AuditLog(path)
    audit.write(entry(1))
    await audit.close()
    assert old == os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    loose = tmp_path / "loose.jsonl"
    loose.touch(mode=0o644)
    audit = AuditLog(loose)
    audit.write(entry(1))
    await audit.close()
    assert stat.S_IMODE(loose.stat().st_mode) == 0o600


async def test_a_full_log_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    size = len(entry(1000).as_line()) + 1
    audit = AuditLog(path, most_bytes=size * 3, kept=2)
    for number in range(1000, 1020):
        audit.write(entry(number))
    await audit.close()
    files = [path, path.with_name("audit.jsonl.1"), path.with_name("audit.jsonl.2")]
    assert sorted(logs(tmp_path)) == files[1:]
    kept = [line["arguments"]["id"] for file in reversed(files) for line in lines(file)]
    assert kept == list(range(kept[0], 1020))
    for file in files:
        assert 0 < file.stat().st_size <= size * 3
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


WRITER = """
import asyncio, sys
from pathlib import Path
from tests.records.test_audit import entry
from tui.records.audit import AuditLog

async def main(path, name, most):
    audit = AuditLog(Path(path), most_bytes=int(most), kept=50)
    for number in range(100):
        audit.write(entry(number, by=name))
    assert await audit.flush(30)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_several_programs_share_one_log_and_no_line_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    most = str(len(entry(1).as_line()) * 20)
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, path, name, most)
        for name in ("one", "two", "three")
    ]
    assert [await writer.wait() for writer in writers] == [0, 0, 0]
    files = sorted(logs(tmp_path), key=lambda file: int(file.suffix[1:]))
    assert len(files) > 10
    told = [line["arguments"] for file in (*reversed(files), path) for line in lines(file)]
    for name in ("one", "two", "three"):
        assert [a["id"] for a in told if a["by"] == name] == list(range(100))


async def test_secrets_are_left_out() -> None:
    def kept(command: str, **arguments: object) -> Any:
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        return AuditEntry.of(VM, Deed(command, named, 1.0, 0.1, {})).model_dump()["arguments"]

    secret = kept("object-add", qom_type="secret", id="s0", data="hunter2")
    assert secret == {"qom-type": "secret", "id": "s0", "data": "(redacted)"}
    old = kept("object-add", qom_type="secret", props={"data": "hunter2", "format": "raw"})
    assert old["props"] == {"data": "(redacted)", "format": "raw"}
    assert kept("set_password", protocol="vnc", password="hunter2")["password"] == "(redacted)"
    assert kept("blockdev-add", password_secret="s0") == {"password-secret": "s0"}
    target = kept("drive-backup", target="ssh://me:hunter2@host/b.img")["target"]
    assert target == "ssh://me:(redacted)@host/b.img"
    ceph = kept("drive-backup", target="rbd:pool/b:id=admin:key=AQB==:conf=/etc/c")["target"]
    assert ceph == "rbd:pool/b:id=admin:key=(redacted):conf=/etc/c"
    actions = [{"type": "blockdev-backup", "data": {"device": "d0", "target": "n"}}]
    assert kept("transaction", actions=actions) == {"actions": actions}
    plain = {"target": "/b/a:key=1@2.img", "speed": 5}
    assert kept("drive-backup", **plain) == plain


async def test_a_log_that_cannot_be_written_holds_nothing_up(
    qemu: QemuStarter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "audit.jsonl").mkdir()
    audit = AuditLog(tmp_path / "audit.jsonl")
    vm = await qemu(*null(MIB))
    async with worker_of(vm, audit=audit) as worker:
        await worker.start(backup(vm))
        await until(worker, lambda: (j := worker.snapshot.job(J)) and j.outcome)
        # And it is said on the screen.
        await until(worker, lambda: "Is a directory" in worker.snapshot.audit_problem)
        (tmp_path / "audit.jsonl").rmdir()
        with pytest.raises(CommandRefused):
            await worker.cancel("none")
        await until(worker, lambda: not worker.snapshot.audit_problem)
    await audit.close()
    assert "audit.jsonl is lost" in caplog.text


async def test_a_disk_that_hangs_is_left_to_itself(tmp_path: Path) -> None:
    # Opening a pipe that nobody reads hangs as a dead file system does.
    os.mkfifo(tmp_path / "audit.jsonl")
    audit = AuditLog(tmp_path / "audit.jsonl")
    start = time.monotonic()
    audit.write(entry(1))
    await audit.close(0.2)
    assert time.monotonic() - start < 5
    # Let the thread go on, to its end.
    reader = os.open(tmp_path / "audit.jsonl", os.O_RDONLY)
    assert await audit.flush(20)
    os.close(reader)


KILLED = """
import asyncio, os, sys
from pathlib import Path
from tui.qmp.address import UnixAddress
from tui.records.audit import AuditLog
from tui.worker import VmWorker

async def main(monitor, path):
    audit = AuditLog(Path(path))
    async with VmWorker(UnixAddress(path=Path(monitor)), audit=audit) as worker:
        os.kill(worker.process.pid, 19)
        task = asyncio.create_task(worker.cancel("none"))
        await asyncio.sleep(0)
        assert await audit.flush(30)
        os.kill(os.getpid(), 9)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_who_is_killed_before_the_answer_leaves_a_trace(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(MIB))
    path = tmp_path / "audit.jsonl"
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, vm.monitor, path)
    assert await killed.wait() == -9
    (line,) = lines(path)
    assert (line["command"], line["result"]) == ("block-job-cancel", "sent")
    os.kill(vm.pid, signal.SIGCONT)
