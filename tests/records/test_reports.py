"""The reports: what they tell, and that they are on the disk in time."""

import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import blockdeck
from tests.qemu import QemuStarter, qemu_img
from tests.worker.disks import MIB, drive, null, pattern, unreadable
from tests.worker.watching import J, backup, ended, until, worker_of
from tui.backup.way import Way
from tui.records.report import BackupReport
from tui.records.store import ReportStore
from tui.vm.job import Job, Outcome
from tui.vm.snapshot import VmSnapshot


def reports(directory: Path) -> list[dict[str, Any]]:
    """All that is there, oldest first."""
    return [json.loads(path.read_bytes()) for path in sorted(directory.glob("*.json"))]


@pytest.mark.parametrize("way", Way)
async def test_a_backup_is_told_with_its_arguments_times_and_rate(
    qemu: QemuStarter, tmp_path: Path, way: Way
) -> None:
    disk = pattern(tmp_path / "d.raw", size=MIB)
    vm = await qemu("-name", "mail", *drive(disk))
    before = datetime.now(UTC)
    async with worker_of(vm, tmp_path / "history") as worker:
        await worker.start(backup(vm), way=way, warnings=("It is slow. [SLOW, accepted]",))
        await ended(worker)
    (report,) = reports(tmp_path / "reports")
    assert (report["job"], report["vm"], report["outcome"]) == (J, "mail", "succeeded")
    assert (report["source"], report["source_file"]) == ("d0", str(disk))
    assert report["target"] == str(vm.directory / "target.img")
    assert report["way"] == report["command"]["execute"] == way.value
    assert report["arguments"] == backup(vm)
    assert (report["copied"], report["length"]) == (MIB, MIB)
    assert report["mean_rate"] == pytest.approx(MIB / report["seconds"])
    started, over = (datetime.fromisoformat(report[name]) for name in ("started", "ended"))
    assert before <= started <= over <= datetime.now(UTC)
    assert report["warnings"] == ["It is slow. [SLOW, accepted]"]

    (text,) = (tmp_path / "reports").glob("*.txt")
    assert "SUCCEEDED" in text.read_text()
    assert "It is slow." in text.read_text()
    for file in (tmp_path / "reports").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_failure_is_told_in_qemu_s_words(qemu: QemuStarter, tmp_path: Path) -> None:
    vm = await qemu(*unreadable())
    async with worker_of(vm, tmp_path / "history") as worker:
        await worker.start(backup(vm))
        await ended(worker)
    (report,) = reports(tmp_path / "reports")
    assert (report["outcome"], report["error"]) == ("failed", "Input/output error")


async def test_a_report_is_on_the_disk_before_qemu_forgets_the_job_and_there_is_one(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(MIB))
    history = tmp_path / "taken"
    history.mkdir()
    async with worker_of(vm, history) as worker:
        await worker.start(backup(vm))
        await until(worker, lambda: (j := worker.snapshot.job(J)) and j.outcome)
        await worker.refresh()
        assert [job["status"] for job in await vm.qmp("query-jobs")] == ["concluded"]
        history.rmdir()
        await ended(worker)
    assert len(reports(tmp_path / "reports")) == 1


async def test_a_job_that_another_blockdeck_started_is_told_as_far_as_it_is_known(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null())
    async with worker_of(vm) as first:
        await first.start(backup(vm, sync="none"))
    async with worker_of(vm, tmp_path / "history") as second:
        await second.cancel(J)
        await ended(second)
    (report,) = reports(tmp_path / "reports")
    assert (report["outcome"], report["detail"]) == ("cancelled", "by us")
    assert (report["started"], report["arguments"], report["mean_rate"]) == (None, None, None)
    assert report["target"] == str(vm.directory / "target.img")


async def test_an_accepted_danger_is_in_the_report(
    qemu: QemuStarter, tmp_path: Path, own_home: Path
) -> None:
    target = tmp_path / "precious.qcow2"
    qemu_img("create", "-q", "-f", "qcow2", target, "1M")
    vm = await qemu(*drive(pattern(tmp_path / "d.raw", size=MIB)))
    words = ["backup", vm.monitor, "device=d0", f"target={target}", "--override", "OVERWRITE"]
    done = await blockdeck(*words)
    assert done.status == 0, done.err
    (report,) = reports(own_home / "state/blockdeck/reports")
    assert any("[OVERWRITE, accepted]" in warning for warning in report["warnings"])


def test_foreign_text_is_kept_whole_in_json_and_escaped_in_text(tmp_path: Path) -> None:
    vm = VmSnapshot(name="mail\n\x1b[31m", uuid="u", address="/run/m.sock")
    job = Job(id="../j\x1b", type="backup", target="/b/\udcff", outcome=Outcome.LOST, detail="gone")
    store = ReportStore(tmp_path / "reports")
    report = BackupReport.of(vm, job, None, datetime.now(UTC))
    path = store.file(report)
    assert path == store.file(report)
    assert path.parent == store.directory
    (filed,) = store.newest()
    assert filed.report == report
    assert "\x1b" not in path.with_suffix(".txt").read_text()

    path.with_name("99990101T000000-x.json").write_text("{")
    assert [found.path for found in store.newest()] == [path]


async def test_another_client_s_backup_that_was_watched_to_its_end_is_told_as_such(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    vm = await qemu(*null(64 * MIB))
    theirs = {**backup(vm), "job-id": "nightly", "speed": 1}
    async with worker_of(vm, tmp_path / "history") as first:
        await vm.qmp("drive-backup", theirs)
        await until(first, lambda: (job := first.snapshot.job("nightly")) and job.len)
        await vm.qmp("block-job-set-speed", device="nightly", speed=0)
        await until(first, lambda: reports(tmp_path / "reports"))
        # It is theirs to dismiss.
        await first.refresh()
        assert [job["status"] for job in await vm.qmp("query-jobs")] == ["concluded"]
    (report,) = reports(tmp_path / "reports")
    assert (report["job"], report["ours"], report["outcome"]) == ("nightly", False, "succeeded")
    assert report["arguments"] is None
    (text,) = (tmp_path / "reports").glob("*.txt")
    assert "not known: not started by BlockDeck" in text.read_text()
    # Who finds it over has not watched it.
    async with worker_of(vm, tmp_path / "history") as second:
        await until(second, lambda: (j := second.snapshot.job("nightly")) and j.outcome)
        await second.refresh()
    assert len(reports(tmp_path / "reports")) == 1
