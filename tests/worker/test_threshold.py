"""A write threshold that another program has set, as a manager of thin volumes does."""

from pathlib import Path

from tests.qemu import QemuStarter
from tests.worker.watching import until, worker_of

MIB = 1 << 20


async def test_a_threshold_that_is_passed_is_told_in_words(
    qemu: QemuStarter, tmp_path: Path
) -> None:
    image = tmp_path / "disk.raw"
    image.write_bytes(b"\0" * 4 * MIB)
    vm = await qemu(
        *("-blockdev", f"file,node-name=file0,filename={image}"),
    )
    async with worker_of(vm) as worker:
        await vm.qmp("block-set-write-threshold", node_name="file0", write_threshold=MIB)
        await vm.qmp("human-monitor-command", command_line='qemu-io file0 "write 1M 64k"')
        await until(worker, lambda: [e for e in worker.events.since(0) if "THRESHOLD" in e.name])
        (event,) = (e for e in worker.events.since(0) if e.name == "BLOCK_WRITE_THRESHOLD")
        assert event.subject == "file0"
        assert event.meaning == (
            "write threshold of 1.0 MiB, by 64.0 KiB passed: room for its image runs out"
        )
