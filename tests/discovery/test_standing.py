"""Each monitor stands as it is told to stand, and is disturbed as little as can be."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.discovery.looking import at, scout, the_vm
from tests.discovery.starting import Client, Starter, held_by_another, qmp
from tests.qmp.peers import Line, peer
from tests.waiting import until, until_answered, until_now
from tui.discovery.models import Findings, Kind, MonitorState
from tui.discovery.places import Place
from tui.discovery.scout import Scout
from tui.discovery.sockets import SocketTable
from tui.qmp.address import UnixAddress
from tui.qmp.session import QmpSession


async def test_who_holds_a_busy_monitor_is_told(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    await start("-name", "web", *qmp(path))
    with held_by_another(path) as pid:
        vm = the_vm(await scout().look(), "web")
        monitor = at(vm, path)
        assert monitor.state is MonitorState.BUSY
        assert monitor.holder is not None
        assert (monitor.holder.pid, monitor.ours) == (pid, False)
        user = psutil.Process(pid).username()
        assert monitor.sentence.startswith("Held by python")
        assert f"(pid {pid}, user {user})" in monitor.sentence
        assert not vm.usable
        assert vm.remedy is not None
        assert vm.remedy.text.startswith("-qmp unix:")
        assert vm.remedy.text.endswith("web.qmp2,server=on,wait=off")
    await until_answered(lambda: is_usable("web"))


async def is_usable(name: str) -> bool:
    return the_vm(await scout().look(), name).usable


async def test_who_holds_a_busy_tcp_monitor_is_told(start: Starter) -> None:
    await start("-name", "web", "-qmp", "tcp:127.0.0.1:0,server=on,wait=off")
    (monitor,) = the_vm(await scout().look(), "web").monitors
    assert monitor.address is not None
    async with await QmpSession.connect(monitor.address, on_event=print):
        (held,) = the_vm(await scout().look(), "web").monitors
        assert held.state is MonitorState.BUSY
        assert held.holder is not None
        assert held.holder.pid == os.getpid()
        assert held.sentence == "This very BlockDeck is connected to it."


async def test_one_that_was_held_for_a_moment_is_asked_after_all(
    start: Starter, tmp_path: Path
) -> None:
    path = tmp_path / "web.sock"
    await start("-name", "web", *qmp(path))
    told: list[MonitorState] = []
    with contextlib.ExitStack() as held:
        held.enter_context(held_by_another(path))

        def leave(found: Findings) -> None:
            told.extend(m.state for vm in found.vms for m in vm.monitors)
            held.close()

        vm = the_vm(await scout().look(tell=leave), "web")
    assert told[0] is MonitorState.BUSY
    assert (at(vm, path).state, vm.run_state) == (MonitorState.FREE, "prelaunch")
    assert (at(vm, path).sentence, at(vm, path).holder, vm.remedy) == ("", None, None)


@pytest.mark.parametrize("answers", [True, False])
async def test_one_that_does_not_greet_is_asked_once_more(tmp_path: Path, answers: bool) -> None:
    calls = 0

    async def serve(line: Line) -> None:
        nonlocal calls
        calls += 1
        if calls == 2 and answers:
            await line.greet()
            await line.answer(
                {
                    "query-status": '{"status": "running", "running": true}',
                    "query-name": '{"name": "web"}',
                    "query-uuid": '{"UUID": "6f1ed2c1-8f0a-4d43-9c3c-0b1f5e3a2b11"}',
                    "query-block": "[]",
                }
            )
        await line.hold()

    async with peer(tmp_path / "s", serve) as address:
        (lone,) = (await scout().look([address])).vms
    assert calls == 2
    assert lone.monitors[0].state is (MonitorState.FREE if answers else MonitorState.SILENT)
    assert (lone.name, lone.run_state) == (("web", "running") if answers else ("", None))


async def test_a_monitor_that_others_wait_for_is_left_alone(start: Starter, tmp_path: Path) -> None:
    path, log = tmp_path / "web.sock", tmp_path / "sent"
    await start(
        *("-chardev", f"socket,id=c,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "c,mode=control"),
    )
    with Client(path) as first, Client(path) as second:
        first.greeting()
        for _ in range(3):
            (vm,) = (await scout(tmp_path).look()).vms
            assert at(vm, path).state is MonitorState.BUSY
        first.leave()
        assert "QMP" in second.greeting()
        # Nobody came between the two.
        await until(lambda: log.read_text().count('"QMP"') == 2)


async def test_one_look_takes_one_monitor_once_and_leaves_it_free(
    start: Starter, tmp_path: Path
) -> None:
    logs = [tmp_path / "sent0", tmp_path / "sent1"]
    paths = [tmp_path / "m0.sock", tmp_path / "m1.sock"]
    options = [
        word
        for number, (path, log) in enumerate(zip(paths, logs, strict=True))
        for word in (
            *("-chardev", f"socket,id=c{number},path={path},server=on,wait=off,logfile={log}"),
            *("-mon", f"c{number},mode=control"),
        )
    ]
    await start(*options)
    (vm,) = (await scout(tmp_path).look()).vms
    assert [m.state for m in vm.monitors] == [MonitorState.FREE, MonitorState.FREE]
    await until(lambda: sorted(log.read_text().count('"QMP"') for log in logs) == [0, 1])
    # Nobody is left on it: the next one is greeted.
    for path in paths:
        with Client(path) as client:
            assert "QMP" in client.greeting()


async def test_nothing_is_connected_to_without_asking(start: Starter, tmp_path: Path) -> None:
    path, log = tmp_path / "web.sock", tmp_path / "sent"
    await start(
        *("-chardev", f"socket,id=c,path={path},server=on,wait=off,logfile={log}"),
        *("-mon", "c,mode=control"),
    )
    (vm,) = (await scout(tmp_path, asks=False).look()).vms
    assert at(vm, path).state is MonitorState.FREE
    assert vm.run_state is None
    assert log.read_text() == ""


async def test_a_vm_that_waits_for_its_first_client_goes_on_waiting(
    start: Starter, tmp_path: Path
) -> None:
    path = tmp_path / "web.sock"
    await start("-name", "web", *qmp(path, wait="on"), ready=path)
    vm = the_vm(await scout(tmp_path).look(), "web")
    assert at(vm, path).state is MonitorState.NOT_ASKED
    assert "would start the VM" in at(vm, path).sentence
    assert vm.best == at(vm, path)
    # It had not started yet: only then does its human monitor speak.
    human = next(tmp_path.glob("human*"))
    with Client(human) as listener:
        assert listener.is_silent()
        with Client(path) as client:
            assert "QMP" in client.greeting()
            await until(lambda: not listener.is_silent())


async def test_a_vm_that_runs_waits_no_more(start: Starter, tmp_path: Path) -> None:
    waiting, free = tmp_path / "waiting.sock", tmp_path / "free.sock"
    await start("-name", "web", *qmp(free), *qmp(waiting, wait="on"), ready=waiting)
    for path in (waiting, free):
        with Client(path) as client:
            client.greeting()
    vm = the_vm(await scout().look(), "web")
    assert {m.state for m in vm.monitors} == {MonitorState.FREE}


async def test_a_socket_whose_qemu_was_killed_is_dead(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "my-vm.qmp"
    qemu = await start(*qmp(path))
    await qemu.kill()
    assert path.is_socket()
    (lone,) = (await scout(tmp_path).look()).vms
    assert (lone.kind, lone.pid) == (Kind.SOCKET, None)
    (monitor,) = lone.monitors
    assert monitor.address == UnixAddress(path=path)
    assert monitor.state is MonitorState.DEAD
    assert not lone.usable


async def test_a_vm_whose_socket_file_was_removed(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    await start("-name", "web", *qmp(path))
    path.unlink()
    vm = the_vm(await scout().look(), "web")
    assert at(vm, path).state is MonitorState.DEAD
    assert "There is no socket" in at(vm, path).sentence
    assert vm.remedy is not None


async def test_a_vm_without_a_monitor_gets_the_line_that_makes_one(
    start: Starter, tmp_path: Path
) -> None:
    name = "we b/x,y"
    await start("-name", name.replace(",", ",,"))
    vm = the_vm(await scout().look(), name)
    assert vm.monitors == ()
    assert vm.remedy is not None
    option, value = vm.remedy.text.split()
    # QEMU takes it as it stands.
    value = value.replace(value.split(":")[1].rpartition("/")[0], str(tmp_path))
    await start("-name", "mended", option, value)
    assert the_vm(await scout().look(), "mended").usable


async def test_a_stopped_process_is_told_and_not_asked(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    qemu = await start("-name", "web", *qmp(path))
    os.kill(qemu.pid, signal.SIGSTOP)
    began = time.monotonic()
    vm = the_vm(await scout().look(), "web")
    assert at(vm, path).state is MonitorState.SILENT
    assert f"kill -CONT {qemu.pid}" in at(vm, path).advice
    assert time.monotonic() - began < 5
    # There is nobody in the queue who would have to be dealt with first.
    sight = SocketTable.read()
    listener = sight.listener(path)
    assert listener is not None
    assert sight.clients(listener) == ()
    os.kill(qemu.pid, signal.SIGCONT)


async def test_a_human_monitor_in_the_usual_places_is_no_qmp_monitor(
    start: Starter, tmp_path: Path
) -> None:
    # Its command line is hidden from the look, as another container's is.
    await start("-monitor", f"unix:{tmp_path / 'qemu-monitor.sock'},server=on,wait=off")
    unseen = Scout(places=(Place(directory=tmp_path),), wanted=lambda _: False)
    (lone,) = (await unseen.look()).vms
    assert lone.monitors[0].state is MonitorState.NOT_QMP
    assert "HMP" in lone.monitors[0].sentence
    assert lone.best is None


def has_ended(pid: int) -> bool:
    """Whether a process is no more, or only waits to be buried."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_a_vm_that_ends_while_it_is_looked_at_is_not_listed(
    start: Starter, tmp_path: Path
) -> None:
    stays, ends = await start("-name", "stays"), await start("-name", "ends")
    told: list[Findings] = []

    def first(found: Findings) -> None:
        if not told:
            psutil.Process(ends.pid).kill()
            until_now(lambda: has_ended(ends.pid))
        told.append(found)

    found = await scout().look(tell=first)
    assert {vm.name for vm in told[0].vms} == {"stays", "ends"}
    assert [vm.pid for vm in found.vms] == [stays.pid]
