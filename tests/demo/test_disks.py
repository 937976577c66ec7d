"""The demo VM has the disks that are worth looking at."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tui.demo.disks import SLOW_BYTES, SLOW_DATA, MiB
from tui.demo.vm import DemoVm
from tui.qmp.address import UnixAddress
from tui.qmp.session import QmpSession

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session() -> AsyncIterator[QmpSession]:
    async with DemoVm.start() as vm:
        address = UnixAddress(path=vm.second_monitor)
        async with await QmpSession.connect(address, on_event=lambda event: None) as session:
            yield session


async def block(session: QmpSession, name: str) -> dict[str, Any]:
    """The entry of `query-block` for a disk by the name that `drive-backup` takes."""
    entries: Any = await session.execute("query-block")
    (found,) = [
        entry
        for entry in entries
        if name == (entry["device"] or entry.get("inserted", {}).get("node-name"))
    ]
    return dict(found)


async def test_it_runs_and_has_a_name(session: QmpSession) -> None:
    assert await session.execute("query-name") == {"name": "demo"}
    status: Any = await session.execute("query-status")
    assert status["status"] == "running"


async def test_a_chain_of_three(session: QmpSession) -> None:
    image = (await block(session, "root"))["inserted"]["image"]
    chain = []
    while image:
        chain.append(Path(image["filename"]).name)
        image = image.get("backing-image")

    assert chain == ["root.qcow2", "patched.qcow2", "golden.qcow2"]


async def test_a_raw_one_with_limits(session: QmpSession) -> None:
    inserted = (await block(session, "logs"))["inserted"]

    assert inserted["drv"] == "raw"
    assert inserted["iops_wr"] == 500


async def test_dirty_bitmaps_that_have_something_to_copy(session: QmpSession) -> None:
    inserted = (await block(session, "database"))["inserted"]
    bitmaps = {bitmap["name"]: bitmap for bitmap in inserted["dirty-bitmaps"]}

    assert {name: bitmap["recording"] for name, bitmap in bitmaps.items()} == {
        "nightly": True,
        "weekly": False,
    }
    assert all(bitmap["persistent"] for bitmap in bitmaps.values())
    assert bitmaps["nightly"]["count"] >= 4 * MiB
    assert bitmaps["weekly"]["count"] == 3 * MiB


async def test_a_read_only_one(session: QmpSession) -> None:
    assert (await block(session, "template"))["inserted"]["ro"] is True


async def test_an_empty_cdrom(session: QmpSession) -> None:
    cdrom = await block(session, "cdrom")

    assert cdrom["removable"] is True
    assert "inserted" not in cdrom


async def test_one_that_has_a_node_name_only(session: QmpSession) -> None:
    data = await block(session, "data")

    assert data["device"] == ""
    assert data["inserted"]["node-name"] == "data"


async def test_one_whose_image_is_nearly_empty(session: QmpSession) -> None:
    image = (await block(session, "scratch"))["inserted"]["image"]

    assert image["actual-size"] < image["virtual-size"] / 1000


async def test_a_slow_one_that_takes_ten_seconds(session: QmpSession) -> None:
    inserted = (await block(session, "archive"))["inserted"]
    limits: Any = await session.execute(
        "qom-get", {"path": "/objects/slow-storage", "property": "limits"}
    )

    assert inserted["drv"] == "qcow2"
    assert inserted["image"]["actual-size"] > SLOW_DATA
    assert limits["bps-read"] == SLOW_BYTES == SLOW_DATA / 10


async def test_every_disk_is_attached_and_well(session: QmpSession) -> None:
    entries: Any = await session.execute("query-block")

    assert {entry["io-status"] for entry in entries} == {"ok"}
    assert len({entry["qdev"] for entry in entries}) == len(entries) == 8
