"""Several VMs side by side: switched, listed, told of together, and none held up by another."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.server import target_server
from tests.guest import MIB, booted, guest_disk
from tests.qemu import QemuStarter, Vm
from tests.small import small_filesystem
from tests.ui.conftest import DeckOpener
from tests.ui.deck import USUAL, WIDE, Deck, open_form
from tests.waiting import until
from tests.worker.test_rescue import ROOM, backup
from tui.config import Settings
from tui.screens.backup import BackupScreen
from tui.screens.confirm import Confirm
from tui.screens.connect import ConnectScreen
from tui.screens.devices import DevicesScreen
from tui.screens.job_page import JobPage
from tui.vm.snapshot import Link
from tui.widgets.live_table import LiveTable
from tui.widgets.vm_bar import VmBar

GIB = 1 << 30


async def a_vm(qemu: QemuStarter, name: str) -> Vm:
    disk = f"null-co,node-name=disk-{name},size={GIB},read-zeroes=on"
    return await qemu("-name", name, "-blockdev", disk)


async def begin(vm: Vm, name: str, directory: Path, job: str) -> None:
    """A backup that does not come to its end."""
    where = str(directory / f"{job}.raw")
    await vm.qmp(
        "drive-backup",
        device=f"disk-{name}",
        target=where,
        format="raw",
        sync="full",
        speed=1,
        job_id=job,
    )


@pytest.fixture
async def three(qemu: QemuStarter) -> list[Vm]:
    return [await a_vm(qemu, name) for name in ("web", "mail", "db")]


@contextlib.asynccontextmanager
async def side_by_side(
    open_deck: DeckOpener, vms: list[Vm], size: tuple[int, int] = USUAL
) -> AsyncIterator[Deck]:
    async with open_deck(vms[0], size, beside=vms[1:]) as deck:
        await until(lambda: all(w.snapshot.loaded for w in deck.app.fleet.workers))
        await until(lambda: len(deck.app.fleet.workers) == len(vms))
        yield deck


async def to_row(deck: Deck, name: str) -> None:
    """Put the cursor on the row that begins with this name."""
    await until(lambda: any(name in row.values() for row in deck.rows))
    await deck.press("home")
    for _ in deck.rows:
        if deck.highlighted.removeprefix("* ") == name:
            return
        await deck.press("down")
    raise AssertionError(f"the cursor does not come to {name}:\n{deck.screen}")


def bar(deck: Deck) -> str:
    return deck.app.screen.query_one(VmBar).text


async def test_one_vm_has_no_bar(qemu: QemuStarter, open_deck: DeckOpener) -> None:
    async with open_deck(await a_vm(qemu, "web")) as deck:
        assert not deck.app.screen.query_one(VmBar).display
        await deck.press("right_square_bracket")
        await deck.is_told("One VM is open")
        await deck.press("0")
        await deck.sees(" 1 VM, no job runs")


@pytest.mark.parametrize("size", [(80, 24), USUAL], ids=str)
async def test_keys_go_from_one_to_the_next_and_every_screen_goes_with_them(
    three: list[Vm], open_deck: DeckOpener, size: tuple[int, int]
) -> None:
    async with side_by_side(open_deck, three, size) as deck:
        await deck.sees("[web] mail  db", "disk-web")
        await deck.press("right_square_bracket")
        await deck.sees(" web [mail] db", "disk-mail")
        assert "mail" in deck.header
        assert "disk-web" not in deck.screen
        await deck.press("left_square_bracket", "left_square_bracket")
        await deck.sees(" web  mail [db]", "disk-db")
        await deck.press("0")
        await deck.sees("VM ", "running" if "running" in deck.header else "prelaunch", "3 VMs, no")
        await until(lambda: deck.column("VM") == ["web", "mail", "db"])
        await to_row(deck, "mail")
        await deck.press("enter")
        await until(lambda: isinstance(deck.app.screen, DevicesScreen))
        await deck.sees("[mail]", "disk-mail")


async def test_the_palette_switches_by_name(three: list[Vm], open_deck: DeckOpener) -> None:
    async with side_by_side(open_deck, three) as deck:
        await deck.press("ctrl+p")
        await deck.press(*"switch to db")
        await deck.sees("Switch to db")
        await deck.press("enter")
        await deck.sees("[db]", "disk-db")


async def test_jobs_of_all_with_a_total_and_each_verb_reaches_its_own_vm(
    three: list[Vm], open_deck: DeckOpener, tmp_path: Path
) -> None:
    web, mail, _ = three
    # One id in two VMs.
    await begin(web, "web", tmp_path, "nightly")
    await begin(mail, "mail", tmp_path / "..", "nightly")
    async with side_by_side(open_deck, three) as deck:
        await deck.press("2")
        await until(lambda: sorted(deck.column("VM")) == ["mail", "web"])
        await deck.sees("2 jobs on 2 VMs:", "web (1)", "mail (1)")
        await to_row(deck, "mail")
        await deck.press("i")
        await until(lambda: isinstance(deck.app.screen, JobPage))
        await deck.sees("disk-mail")
        assert "mail" in deck.header
        await deck.press("escape")
        await to_row(deck, "mail")
        await deck.press("c")
        await deck.sees("Cancel nightly of mail?")
        await deck.press("y")
        await until(lambda: {r["VM"]: r["State"] for r in deck.rows}["mail"] == "cancelled")
        assert {r["VM"]: r["State"] for r in deck.rows}["web"] == "running"
        assert [job["id"] for job in await web.qmp("query-jobs")] == ["nightly"]
        await deck.sees("1 job on 1 VM:")

        await deck.press("M")
        await until(lambda: "VM" not in deck.rows[0])
        assert [row["Job"] for row in deck.rows] == ["nightly"]
        await deck.press("M")
        await until(lambda: len(deck.rows) == 2)


@pytest.mark.parametrize("size", [(80, 24), USUAL], ids=str)
async def test_two_of_one_name_are_told_apart_wherever_they_are_named(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path, size: tuple[int, int]
) -> None:
    one, two = [await a_vm(qemu, "web") for _ in range(2)]
    for number, vm in enumerate((one, two)):
        (tmp_path / str(number)).mkdir()
        await begin(vm, "web", tmp_path / str(number), "nightly")
    async with side_by_side(open_deck, [one, two], size) as deck:
        names = [worker.snapshot.title for worker in deck.app.fleet.workers]
        # Their monitors are sockets of one name, each in a directory of its own.
        assert names == [f"web@{vm.monitor.parent.name}" for vm in (one, two)]
        await deck.sees(f"[{names[0]} (1)] {names[1]} (1)")
        await deck.press("2")
        await until(lambda: sorted(deck.column("VM")) == sorted(names))
        await to_row(deck, names[1])
        await until(lambda: ["VM", names[1]] in [x.split() for x in deck.screen.splitlines()])
        await deck.press("s")
        await deck.sees(f"Speed limit of nightly of {names[1]}")
        await deck.press("escape", "p")
        await deck.is_told(f"nightly of {names[1]} pauses")
        await to_row(deck, names[1])
        await deck.press("c")
        await deck.sees(f"Cancel nightly of {names[1]}?")
        await deck.press("y")
        await until(lambda: {r["VM"]: r["State"] for r in deck.rows}[names[1]] == "cancelled")
        assert [job["id"] for job in await one.qmp("query-jobs")] == ["nightly"]
        assert await two.qmp("query-jobs") == []
        await deck.press("3")
        lines = deck.screen.splitlines
        await until(lambda: all(any(f" {n} " in x for x in lines()) for n in names))
        await deck.press("0")
        await until(lambda: deck.column("VM") == names)
        offered = [command.title for command in deck.app.get_system_commands(deck.app.screen)]
        assert {f"Close {name}" for name in names} <= set(offered)
        await deck.press("W")
        await deck.sees(f"Close {names[0]} while jobs are running?")
        await deck.press("y")
        # Alone it needs no more than its name.
        await until(lambda: deck.vm.title == "web")
        await until(lambda: deck.column("VM") == ["web"])


async def test_a_vm_is_called_as_the_settings_call_it(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    one, two = [await a_vm(qemu, "web") for _ in range(2)]
    by_a_link = tmp_path / "by-a-link"
    by_a_link.symlink_to(two.monitor)
    settings = Settings(vms={"shop": {"monitor": str(by_a_link)}})
    async with open_deck(one, beside=[two], settings=settings) as deck:
        await deck.sees("[web] shop")
        await deck.press("right_square_bracket")
        await until(lambda: "shop" in deck.header)


async def test_events_of_all_are_one_stream(
    three: list[Vm], open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with side_by_side(open_deck, three) as deck:
        await deck.press("3")
        await begin(three[1], "mail", tmp_path, "one")
        await begin(three[2], "db", tmp_path, "two")
        await deck.sees("of 3 VMs")
        await until(lambda: any("mail" in x and "one" in x for x in deck.screen.splitlines()))
        await until(lambda: any("db " in x and "two" in x for x in deck.screen.splitlines()))
        lines = [x for x in deck.screen.splitlines() if " one " in x or " two " in x]
        assert "one" in lines[0]
        assert "two" in lines[-1]
        await deck.press("slash", *"db")
        await until(lambda: " one " not in deck.screen)
        await deck.sees(" two ")


async def test_a_vm_that_hangs_holds_up_no_other(
    three: list[Vm], open_deck: DeckOpener, tmp_path: Path
) -> None:
    web, mail, _ = three
    await begin(web, "web", tmp_path, "goes")
    async with side_by_side(open_deck, three) as deck:
        os.kill(mail.pid, signal.SIGSTOP)
        try:
            await deck.sees("mail ?", within=40)
            await deck.press("2")
            await until(lambda: deck.column("State") == ["running"])
            await web.qmp("block-job-set-speed", device="goes", speed=0)
            await until(lambda: deck.column("State") == ["succeeded"])
            await deck.press("right_square_bracket", "1")
            await deck.sees("NOT ANSWERING")
            await deck.press("right_square_bracket")
            await deck.sees("disk-db")
        finally:
            os.kill(mail.pid, signal.SIGCONT)
        await until(lambda: "mail ?" not in bar(deck))


async def test_a_job_of_a_vm_that_does_not_answer_is_not_counted_as_running(
    three: list[Vm], open_deck: DeckOpener, tmp_path: Path
) -> None:
    web, mail, _ = three
    await begin(web, "web", tmp_path, "goes")
    await begin(mail, "mail", tmp_path, "hangs")
    # Fast enough for a rate and a time that is left.
    await mail.qmp("block-job-set-speed", device="hangs", speed=MIB)
    async with side_by_side(open_deck, three, (80, 24)) as deck:
        await deck.press("2")
        await deck.sees("2 jobs on 2 VMs: ", " left")
        os.kill(mail.pid, signal.SIGSTOP)
        try:
            told = " 2 jobs on 2 VMs, 1 of them not answering; the others: "
            await until(lambda: deck.line("jobs-total").startswith(told), within=40)
            assert "left" not in deck.line("jobs-total"), "its rate is nobody's any more"
            await until(lambda: {r["VM"]: r["State"] for r in deck.rows}["mail"] == "running?")
            states = {row["VM"]: (row["State"], row["Rate"]) for row in deck.rows}
            assert states["mail"] == ("running?", "-")
            assert states["web"][0] == "running"
            await to_row(deck, "mail")
            await deck.sees("running when last seen")
            await deck.press("0")
            await until(lambda: {r["VM"]: r["Jobs"] for r in deck.rows}["mail"] == "1 ?")
        finally:
            os.kill(mail.pid, signal.SIGCONT)
        await deck.press("2")
        await until(lambda: deck.column("State") == ["running", "running"])
        await until(lambda: deck.line("jobs-total").startswith(" 2 jobs on 2 VMs: "))


async def test_one_that_ends_is_told_and_the_others_go_on(
    three: list[Vm], open_deck: DeckOpener
) -> None:
    async with side_by_side(open_deck, three) as deck:
        await three[2].kill()
        await deck.sees("db LOST")
        workers = deck.app.fleet.workers
        assert workers[0].snapshot.connection.link is Link.CONNECTED
        await deck.press("0")
        await until(lambda: len(deck.rows) == 3)
        await to_row(deck, "db")
        await deck.press("x")
        await until(lambda: deck.column("VM") == ["web", "mail"])


async def test_a_form_stays_with_its_vm(three: list[Vm], open_deck: DeckOpener) -> None:
    async with side_by_side(open_deck, three) as deck:
        form = await open_form(deck, "disk-web")
        deck.app.fleet.show(deck.app.fleet.workers[1])
        await deck.settle()
        assert isinstance(deck.app.screen, BackupScreen)
        assert "web" in deck.header
        await form.is_ready()
        await deck.press("f2")
        # It may have ended already.
        assert await until(lambda: deck.app.fleet.workers[0].snapshot.jobs)
        assert not deck.app.fleet.workers[1].snapshot.jobs


async def test_closing_and_quitting_say_what_runs_where(
    three: list[Vm], open_deck: DeckOpener, tmp_path: Path
) -> None:
    await begin(three[0], "web", tmp_path, "one")
    await begin(three[1], "mail", tmp_path, "two")
    async with side_by_side(open_deck, three) as deck:
        await deck.press("q")
        await deck.sees("Quit while jobs are running?", "one (web)", "two (mail)", "on 2 VMs")
        await deck.press("n")
        await until(lambda: not isinstance(deck.app.screen, Confirm))
        await deck.press("W")
        await deck.sees("Close web while jobs are running?")
        await deck.press("y")
        await deck.sees("[mail (1)] db")
        assert [job["id"] for job in await three[0].qmp("query-jobs")] == ["one"]


async def test_another_is_opened_beside_and_several_by_marks(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    vms = [await a_vm(qemu, name) for name in ("web", "mail", "db")]
    async with open_deck(vms[0]) as deck:
        await deck.press("o")
        await until(lambda: isinstance(deck.app.screen, ConnectScreen))
        await deck.fill_in(str(vms[1].monitor))
        await deck.press("enter")
        await deck.sees(" web [mail]", "disk-mail")
    places = [vm.monitor.parent for vm in vms]
    async with open_deck(places=places) as deck:
        await until(lambda: {"web", "mail", "db"} <= set(deck.column("VM")))
        await deck.press("down")
        for name in ("web", "db"):
            await to_row(deck, name)
            await deck.press("space")
            await until(lambda name=name: f"* {name}" in deck.column("VM"))  # type: ignore[misc]
        await deck.press("enter")
        await until(lambda: len(deck.app.fleet.workers) == 2)
        await deck.sees("web", "db", "disk-")


async def test_one_that_cannot_be_opened_is_told_and_leaves_the_others(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    web = await a_vm(qemu, "web")
    gone = await a_vm(qemu, "gone")
    await gone.kill()
    async with open_deck(web, beside=[gone]) as deck:
        await until(lambda: len(deck.app.fleet.workers) == 1)
        await deck.sees("disk-web")
        assert any(str(gone.monitor)[-20:] in toast for toast in deck.toasts)


async def test_a_guest_that_is_stopped_elsewhere_is_told_of_on_every_screen(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    web = await a_vm(qemu, "web")
    vm = await qemu("-name", "guest", *booted(guest_disk(tmp_path / "disk.raw")))
    await vm.qmp("cont")
    with small_filesystem(tmp_path / "small", ROOM) as small:
        async with side_by_side(open_deck, [web, vm]) as deck:
            await vm.qmp("drive-backup", backup(small))
            await deck.is_told("guest: The guest is STOPPED: a write to d0")
            for key in ("1", "2", "3", "4", "0"):
                await deck.press(key)
                await until(lambda: "guest !STOPPED" in bar(deck))
            await until(lambda: "STOPPED: I/O" in deck.column("State"))
            assert "web" in deck.header


async def test_writes_that_fail_elsewhere_are_told_of(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    web = await a_vm(qemu, "web")
    vm = await qemu("-name", "guest", *booted(guest_disk(tmp_path / "disk.raw", 8 * MIB)))
    await vm.qmp("cont")
    server = await target_server(qemu, 8 * MIB)
    served = {"target": server.target, "mode": "existing", "format": "raw", "sync": "full"}
    async with side_by_side(open_deck, [web, vm]) as deck:
        await vm.qmp("drive-backup", job_id="theirs", device="d0", speed=1, arguments=served)
        await server.vm.kill()
        await deck.is_told("guest: ", "of the guest to d0 FAILED since theirs", "0 lists the VMs")
        await until(lambda: "guest !FAILING" in bar(deck))
        await deck.press("0")
        await until(lambda: "WRITES FAIL" in deck.column("State"))
        await vm.qmp("block-job-cancel", device="theirs", force=True)
        await until(lambda: "guest" in bar(deck) and "!" not in bar(deck))


async def test_a_target_that_is_nearly_full_elsewhere_is_told_of(
    qemu: QemuStarter, open_deck: DeckOpener, tmp_path: Path
) -> None:
    web, mail = await a_vm(qemu, "web"), await a_vm(qemu, "mail")
    with small_filesystem(tmp_path / "small", ROOM) as small:
        (small / "filler").write_bytes(b"x" * (ROOM - ROOM // 16))
        async with side_by_side(open_deck, [web, mail]) as deck:
            target = {"target": str(small / "t"), "format": "raw", "sync": "full"}
            await mail.qmp("drive-backup", target, job_id="big", device="disk-mail", speed=1)
            await deck.is_told("mail: big fills its target soon", "0 lists the VMs")
            await until(lambda: "mail !FULL" in bar(deck))


async def test_a_vm_that_is_only_asked_is_so_beside_one_that_is_not(
    three: list[Vm], open_deck: DeckOpener, tmp_path: Path
) -> None:
    web, mail, _ = three
    await begin(web, "web", tmp_path, "free")
    await begin(mail, "mail", tmp_path, "held")
    settings = Settings(read_only_vms=["mail"])
    async with open_deck(web, beside=[mail], settings=settings) as deck:
        await deck.press("2")
        await to_row(deck, "mail")
        await deck.press("c")
        await deck.is_told("held", "read-only")
        await to_row(deck, "web")
        await deck.press("c")
        await deck.sees("Cancel free of web?")
        await deck.press("y")
        await until(lambda: {r["VM"]: r["State"] for r in deck.rows}["web"] == "cancelled")
        assert [job["id"] for job in await mail.qmp("query-jobs")] == ["held"]


async def test_the_list_of_vms_is_filtered_and_tells_the_last_event(
    three: list[Vm], open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with side_by_side(open_deck, three, WIDE) as deck:
        await begin(three[1], "mail", tmp_path, "one")
        await deck.press("0")
        await until(lambda: {r["VM"]: r["Last event"] for r in deck.rows}["mail"] != "-")
        assert {r["VM"]: r["Last event"] for r in deck.rows}["web"] == "-"
        await deck.press("slash", *"mai")
        await until(lambda: deck.column("VM") == ["mail"])
        await deck.sees("2 hidden by the filter")
        await deck.press("escape")
        await until(lambda: deck.column("VM") == ["web", "mail", "db"])


async def test_the_highlighted_vm_is_told_of_where_there_is_room(
    three: list[Vm], open_deck: DeckOpener, tmp_path: Path
) -> None:
    async with side_by_side(open_deck, three) as deck:
        await begin(three[1], "mail", tmp_path, "one")
        await deck.press("0")
        await until(lambda: deck.column("VM") == ["web", "mail", "db"])
        await deck.press("home")
        await until(lambda: deck.line("fleet-detail-text").startswith("web"))
        await deck.sees("none runs", str(three[0].monitor)[-20:])
        await deck.press("down")
        await until(lambda: deck.line("fleet-detail-text").startswith("mail"))
        await deck.sees("one  running", "job is copying")
        # Where there is little room all of it is for the list.
        await deck.resize(80, 24)
        await deck.sees_no_more("one  running")


async def test_the_palette_closes_by_name(three: list[Vm], open_deck: DeckOpener) -> None:
    async with side_by_side(open_deck, three) as deck:
        await deck.press("ctrl+p")
        await deck.press(*"close mail")
        await deck.sees("Close mail")
        await deck.press("enter")
        await deck.sees("[web] db")
        assert len(deck.app.fleet.workers) == 2


async def test_a_narrow_terminal_has_the_time_left_where_names_are_short(
    qemu: QemuStarter, open_deck: DeckOpener
) -> None:
    web, mail = [await a_vm(qemu, name) for name in ("web", "mail")]
    async with open_deck(web, (80, 24), beside=[mail]) as deck:
        await deck.press("0")
        await until(lambda: deck.column("VM") == ["web", "mail"])
        table = deck.app.screen.query_one(LiveTable)
        # The names take what they need, and no more while something else has no room.
        await until(lambda: "eta" in [column.key for column in table.shown_columns])
        await deck.sees("Left")
