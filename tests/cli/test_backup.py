"""`blockdeck backup` on a real QEMU: every way it can end."""

import asyncio
import json
import os
import pty
import signal
from pathlib import Path

import pytest

from tests.cli.running import blockdeck, finish, next_line, start
from tests.qemu import QemuStarter, Vm, qemu_img


def slow(vm: Vm, directory: Path) -> list[object]:
    """A backup that takes minutes."""
    return ["backup", vm.monitor, "device=drive0", f"target={directory}/slow.qcow2", "speed=64KiB"]


async def the_started_job(process: asyncio.subprocess.Process) -> str:
    """Read `backup --json` up to the first progress; returns the job's id."""
    while (step := json.loads(await next_line(process)))["type"] != "progress":
        pass
    return str(step["job"])


async def test_a_backup_from_its_name_to_its_outcome(
    vm: Vm, tmp_path: Path, own_home: Path
) -> None:
    await vm.write("drive0", 0, 1 << 20, 65)
    target = tmp_path / "out.qcow2"
    done = await blockdeck("backup", vm.monitor, "device=drive0", f"target={target}")
    assert done.status == 0, done.err
    started, outcome = done.out.splitlines()
    assert started.startswith("started: blockdeck-drive0-")
    assert outcome.startswith(f"succeeded: drive0 -> {target}, 64.0 MiB in ")
    await vm.qmp("human-monitor-command", command_line="qemu-io drive0 flush")
    assert "identical" in qemu_img("compare", "-U", tmp_path / "disk.qcow2", target)
    # The outcome is on record and QEMU has been told to forget the job.
    assert await vm.qmp("query-jobs") == []
    (record,) = (own_home / "state/blockdeck/history.jsonl").read_text().splitlines()
    assert json.loads(record)["outcome"] == "succeeded"


async def test_every_step_as_json(vm: Vm, tmp_path: Path) -> None:
    target = str(tmp_path / "out.qcow2")
    done = await blockdeck("backup", vm.monitor, "device=drive0", f"target={target}", "--json")
    assert done.status == 0, done.err
    first, *_, last = done.lines
    assert first["type"] == "started"
    assert first["command"]["execute"] == "drive-backup"
    assert first["command"]["arguments"]["format"] == "qcow2"
    assert first["command"]["arguments"]["job-id"] == first["job"]
    events = [line["event"] for line in done.lines if line["type"] == "event"]
    assert "BLOCK_JOB_COMPLETED" in events
    assert last["type"] == "outcome"
    assert (last["job"], last["outcome"]) == (first["job"], "succeeded")
    assert (last["offset"], last["len"], last["target"]) == (64 << 20, 64 << 20, target)


async def test_without_a_target_a_directory_suggests_one(vm: Vm, tmp_path: Path) -> None:
    directory = tmp_path / "backups"
    directory.mkdir()
    done = await blockdeck(
        *("backup", vm.monitor, "device=drive0", "format=raw", "--directory", directory)
    )
    assert done.status == 0, done.err
    (made,) = directory.iterdir()
    assert made.suffix == ".raw"
    assert made.stat().st_size == 64 << 20


async def test_what_qemu_would_refuse_is_not_sent(vm: Vm) -> None:
    for words, said in {
        ("device=nope", "target=/tmp/x"): "device: refuses: ",
        ("device=cd0", "target=/no/such/directory/x"): "device: refuses: ",
        ("device=drive0", "speed=fast"): "speed: refuses: ",
    }.items():
        done = await blockdeck("backup", vm.monitor, *words)
        assert (done.status, done.out) == (1, "")
        assert said in done.err
        assert done.err.splitlines()[-1] == "blockdeck: the backup was not started"
    assert await vm.qmp("query-jobs") == []


async def test_an_existing_file_is_overwritten_only_when_told_to(vm: Vm, tmp_path: Path) -> None:
    target = tmp_path / "precious.qcow2"
    target.write_text("precious")
    words = ["backup", vm.monitor, "device=drive0", f"target={target}"]
    done = await blockdeck(*words, "--json")
    assert (done.status, done.lines[0]["type"]) == (1, "refused")
    assert "--override OVERWRITE" in done.err
    assert target.read_text() == "precious"
    assert (await blockdeck(*words, "--override", "OVERWRITE")).status == 0
    assert target.stat().st_size > 100_000


async def test_no_wait_leaves_the_job_to_qemu(vm: Vm, tmp_path: Path) -> None:
    done = await blockdeck(*slow(vm, tmp_path), "--no-wait")
    assert done.status == 0
    job = done.out.removeprefix("started: ").strip()
    assert f"blockdeck jobs {vm.monitor}" in done.err
    assert "speed=64KiB = 64.0 KiB/s, 65,536 bytes a second" in done.err
    (info,) = await vm.qmp("query-block-jobs")
    assert (info["device"], info["speed"]) == (job, 65536)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_an_interrupted_watch_leaves_the_job_running(
    vm: Vm, tmp_path: Path, number: signal.Signals
) -> None:
    process = await start(*slow(vm, tmp_path), "--json")
    job = await the_started_job(process)
    process.send_signal(number)
    done = await finish(process)
    assert done.status == 130
    assert done.lines[-1] == {"type": "interrupted", "job": job}
    assert done.err.splitlines()[-1].endswith(f"blockdeck jobs {vm.monitor}")
    assert [info["device"] for info in await vm.qmp("query-block-jobs")] == [job]


async def test_a_reader_that_leaves_does_not_end_the_job(vm: Vm, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    process = await start(*slow(vm, tmp_path), "--json", stdout=writing)
    os.close(writing)
    await asyncio.to_thread(os.read, reading, 1)
    os.close(reading)
    done = await finish(process)
    assert done.status == 1
    assert "goes on in QEMU" in done.err
    assert "Traceback" not in done.err
    assert len(await vm.qmp("query-block-jobs")) == 1


async def test_a_job_cancelled_by_another_client_has_failed(vm: Vm, tmp_path: Path) -> None:
    process = await start(*slow(vm, tmp_path), "--json")
    job = await the_started_job(process)
    await vm.qmp("block-job-cancel", device=job, force=True)
    done = await finish(process)
    assert done.status == 1
    assert done.lines[-1]["outcome"] == "cancelled"
    assert "another client" in done.lines[-1]["detail"]


async def test_a_qemu_that_dies_takes_the_outcome_with_it(vm: Vm, tmp_path: Path) -> None:
    process = await start(*slow(vm, tmp_path), "--json")
    await the_started_job(process)
    await vm.kill()
    done = await finish(process)
    assert done.status == 1
    assert done.lines[-1]["outcome"] == "lost"


async def test_a_read_error_is_told_in_qemus_words(qemu: QemuStarter, tmp_path: Path) -> None:
    disk = tmp_path / "disk.raw"
    disk.write_bytes(b"x" * (1 << 20))
    vm = await qemu(
        "-blockdev",
        json.dumps(
            {
                "driver": "blkdebug",
                "node-name": "bad",
                "image": {"driver": "file", "filename": str(disk)},
                "inject-error": [{"event": "none", "iotype": "read", "errno": 5, "sector": 64}],
            }
        ),
    )
    done = await blockdeck("backup", vm.monitor, "device=bad", f"target={tmp_path}/out.qcow2")
    assert done.status == 1
    assert f"failed: bad -> {tmp_path}/out.qcow2: Input/output error" in done.out
    assert "its target is not complete" in done.err


async def test_a_terminal_gets_a_bar_and_its_cursor_back(vm: Vm, tmp_path: Path) -> None:
    controller, end = pty.openpty()
    words = ["backup", vm.monitor, "device=drive0", f"target={tmp_path}/out.qcow2"]
    process = await start(*words, stderr=end, env={"TERM": "xterm", "COLUMNS": "120"})
    os.close(end)
    shown = asyncio.create_task(asyncio.to_thread(read_to_its_end, controller))
    done = await finish(process)
    screen = (await shown).decode()
    os.close(controller)
    assert done.status == 0, screen
    assert "100%, 64.0 MiB of 64.0 MiB" in screen
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")


def read_to_its_end(terminal: int) -> bytes:
    said = b""
    while True:
        try:
            said += os.read(terminal, 4096)
        except OSError:
            # The other end of a terminal closes with an error.
            return said
