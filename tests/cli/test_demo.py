"""`blockdeck demo --headless`: a VM for as long as somebody wants it."""

import json
import signal
from pathlib import Path

import pytest

from tests.cli.running import blockdeck, finish, next_line, start


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_says_where_it_is_and_is_gone_without_a_trace(number: signal.Signals) -> None:
    process = await start("demo", "--headless")
    told = json.loads(await next_line(process))
    directory = Path(told["directory"])
    assert Path(told["monitor"]).is_socket()
    assert Path(told["backups"]).is_dir()
    process.send_signal(number)
    done = await finish(process)
    assert (done.status, done.err) == (0, "")
    assert not directory.exists()
    assert not Path(f"/proc/{told['pid']}").exists()


async def test_the_other_commands_work_on_it() -> None:
    process = await start("demo", "--headless")
    told = json.loads(await next_line(process))
    disks = (await blockdeck("devices", told["monitor"], "--json")).json["devices"]
    assert len([disk for disk in disks if disk["obstacle"] is None]) >= 6
    assert "no medium" in {disk["obstacle"] for disk in disks}
    process.terminate()
    assert (await finish(process)).status == 0


async def test_without_a_qemu_there_is_one_line(tmp_path: Path) -> None:
    done = await blockdeck("demo", "--headless", env={"PATH": str(tmp_path)})
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("blockdeck: ")
