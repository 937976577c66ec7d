"""`blockdeck discover`, which looks at this whole machine."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Done, blockdeck
from tests.discovery.starting import Starter, held_by_another, starting
from tests.waiting import until_answered
from tui.cli.discover import title_of
from tui.discovery.models import FoundMonitor, FoundVm, Kind

NAME = "a[/x][red]\n\x1b]0;owned\x07\u202e"


@pytest.fixture
async def start(alone: None, tmp_path: Path) -> AsyncIterator[Starter]:
    """`await start("-name", "web", ...)`; no other test looks at it, and it is gone at the end."""
    async with starting(tmp_path) as starter:
        yield starter


def the_vm(done: Done, pid: int) -> dict[str, Any]:
    """The VM of a process, out of all those of this machine."""
    (vm,) = (vm for vm in done.json["vms"] if vm["pid"] == pid)
    assert isinstance(vm, dict)
    return vm


async def told(pid: int) -> tuple[dict[str, Any], Done]:
    """The VM of a process once it has told how it is, and all that was found with it.

    On a machine that is busy QEMU may take longer to greet than a look waits for it.
    """

    async def look() -> tuple[dict[str, Any], Done] | None:
        done = await blockdeck("discover", "--json")
        assert done.status == 0
        vm = the_vm(done, pid)
        return (vm, done) if vm["run-state"] is not None else None

    found = await until_answered(look, within=60)
    assert found is not None
    return found


async def test_as_json(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    qemu = await start("-name", "web", "-qmp", f"unix:{path},server=on,wait=off")
    mute = await start("-name", "mute")
    vm, done = await told(qemu.pid)
    assert (vm["name"], vm["kind"], vm["run-state"]) == ("web", "vm", "prelaunch")
    assert vm["connect-to"] == str(path)
    (monitor,) = vm["monitors"]
    assert (monitor["address"], monitor["state"]) == (str(path), "free")
    poor = the_vm(done, mute.pid)
    assert poor["connect-to"] is None
    assert poor["remedy"]["text"].startswith("-qmp unix:")


async def test_what_is_found_can_be_given_to_another_command(
    start: Starter, tmp_path: Path
) -> None:
    path = tmp_path / "we b,x.sock"
    written = str(path).replace(",", ",,")
    qemu = await start("-qmp", f"unix:{written},server=on,wait=off")
    vm, _ = await told(qemu.pid)
    report = (await blockdeck("devices", vm["connect-to"], "--json")).json
    assert report["vm"]["monitor"] == str(path)


async def test_the_table_tells_who_holds_a_monitor(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    qemu = await start("-name", "web", "-qmp", f"unix:{path},server=on,wait=off")
    with held_by_another(path) as pid:
        done = await blockdeck("discover")
    (line,) = (line for line in done.out.splitlines() if f" {qemu.pid} " in line)
    assert line.split()[:3] == ["web", "busy", str(path)]
    assert f"(pid {pid}, user " in done.err
    assert "web.qmp2,server=on,wait=off" in done.err


async def test_nothing_is_asked_if_it_shall_not(start: Starter, tmp_path: Path) -> None:
    path, log = tmp_path / "web.sock", tmp_path / "sent"
    qemu = await start(
        *("-chardev", f"socket,id=c,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "c,mode=control"),
    )
    vm = the_vm(await blockdeck("discover", "--json", "--no-probe"), qemu.pid)
    assert (vm["monitors"][0]["state"], vm["run-state"]) == ("free", None)
    assert log.read_text() == ""


async def test_a_name_is_no_escape_sequence_and_no_markup(start: Starter) -> None:
    await start("-name", f"guest={NAME}")
    for words in (["discover"], ["discover", "--json"]):
        done = await blockdeck(*words)
        for text in (done.out, done.err):
            assert "\x1b" not in text
            assert "\u202e" not in text
        assert "a[/x][red]" in done.out
        if "--json" in words:
            assert NAME in [vm["name"] for vm in json.loads(done.out)["vms"]]


async def test_what_is_no_text_is_printed_all_the_same(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9")
    qemu = await start("-name", path.name, "-qmp", f"unix:{path},server=on,wait=off")
    done = await blockdeck("discover", "--json", "--no-probe")
    assert the_vm(done, qemu.pid)["connect-to"] == str(path)
    assert (await blockdeck("discover")).status == 0


async def test_the_vms_of_the_settings_are_among_them(
    start: Starter, own_home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "web.sock"
    qemu = await start("-name", "guest-7", "-qmp", f"unix:{path},server=on,wait=off")
    file = own_home / "config/blockdeck/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        f'[vms.web]\nmonitor = "{path}"\n[vms.far]\nmonitor = "ssh://root@192.0.2.1/run/far.qmp"\n'
    )
    done = await blockdeck("discover", "--json", "--no-probe")
    vm = the_vm(done, qemu.pid)
    assert (vm["called"], vm["name"]) == ("web", "guest-7")
    (far,) = (vm for vm in done.json["vms"] if vm["called"] == "far")
    assert far["monitors"][0]["address"] == "ssh://root@192.0.2.1/run/far.qmp"
    table = (await blockdeck("discover", "--no-probe")).out
    assert "web (guest-7)" in table
    assert any(line.startswith("far ") for line in table.splitlines())


async def test_a_mistake_in_the_settings_is_told(own_home: Path) -> None:
    file = own_home / "config/blockdeck/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[vms.web]\nmonitor = 7\n")
    done = await blockdeck("discover", "--no-probe")
    assert done.status == 2
    assert "vms.web.monitor" in done.err


def test_a_lone_socket_has_the_name_that_it_told() -> None:
    lone = FoundVm(key="k", kind=Kind.SOCKET, monitors=(FoundMonitor(source="s", text="/x.qmp"),))
    assert title_of(lone, "") == "-"
    assert title_of(lone, "web") == "web"
    named = lone.model_copy(update={"name": "guest-7"})
    assert title_of(named, "") == "guest-7"
    assert title_of(named, "web") == "web (guest-7)"
    assert title_of(named, "guest-7") == "guest-7"
