"""`blockdeck demo --headless`: a VM for as long as somebody wants it."""

import json
import signal
from pathlib import Path

from tests.cli.running import blockdeck, finish, next_line, start


async def test_it_serves_a_vm_until_it_is_ended_and_leaves_no_trace() -> None:
    process = await start("demo", "--headless")
    told = json.loads(await next_line(process))
    assert Path(told["backups"]).is_dir()
    disks = (await blockdeck("devices", told["monitor"], "--json")).json["devices"]
    assert len([disk for disk in disks if disk["obstacle"] is None]) >= 6
    assert "no medium" in {disk["obstacle"] for disk in disks}
    process.send_signal(signal.SIGINT)
    done = await finish(process)
    assert (done.status, done.err) == (0, "")
    assert not Path(told["directory"]).exists()
    assert not Path(f"/proc/{told['pid']}").exists()


async def test_without_a_qemu_there_is_one_line(tmp_path: Path) -> None:
    done = await blockdeck("demo", "--headless", env={"PATH": str(tmp_path)})
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("blockdeck: ")
