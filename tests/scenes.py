"""What there are pictures of: the demo at work, and a host with several VMs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tests.camera import Camera
from tests.discovery.starting import held_by_another, starting
from tests.waiting import until
from tui.chain.directory import chains_in
from tui.demo.vm import DemoVm
from tui.images.seal import unsealed
from tui.paths import STYLES
from tui.qmp.address import UnixAddress
from tui.qmp.session import QmpSession
from tui.tour.player import Player
from tui.tour.script import the_story
from tui.tour.stage import Stage
from tui.tour.step import Step
from tui.vm.job import Outcome
from tui.widgets.chain_tree import ChainTree
from tui.widgets.live_table import LiveTable

THEMES = ("blockdeck-light", "blockdeck-contrast", "blockdeck-contrast-light")

_SLOW = 2 << 20
"""Bytes a second that a disk gives while pictures are taken of its backup."""


async def empty(at: Camera) -> None:
    """Screens on which nothing is yet."""
    for key, name in (
        *(("2", "jobs-empty"), ("3", "events-empty")),
        *(("4", "history-empty"), ("5", "chains-empty")),
    ):
        await at.press(key)
        await at.take(name)
    await at.press("1")


async def disks(at: Camera) -> None:
    """The list, the cursor on the disk with bitmaps."""
    await at.press("home", "down", "down")
    await at.take("devices")


async def themes(at: Camera) -> None:
    """The same in other colours."""
    before = at.app.theme
    for name in THEMES:
        at.app.theme = name
        await at.take(f"devices-{name.removeprefix('blockdeck-')}")
    at.app.theme = before


async def form(at: Camera) -> None:
    """The form as it opens, and with a mistake."""
    await at.press("home", "b")
    await until(lambda: not at.app.screen.query_one("#start").disabled)
    await at.take("form")
    await at.press("home", *"relative")
    await until(lambda: at.app.screen.query_one("#start").disabled)
    await at.take("form-mistake")
    await at.press("escape")


async def jobs(at: Camera) -> None:
    """A backup of the slow disk at work, all that can be asked about it, and its end."""
    worker = at.app.worker
    assert worker is not None
    await slow_down(at.vm, _SLOW)
    await at.press("home", "down", "down", "down", "b")
    await until(lambda: not at.app.screen.query_one("#start").disabled)
    await at.press("f2")
    await until(lambda: any(job.care.space for job in worker.snapshot.live_jobs))
    await at.take("jobs-running")
    for key, name in (
        *(("a", "job-acts"), ("s", "job-speed")),
        *(("e", "job-easy"), ("c", "cancel-question")),
    ):
        await at.press(key)
        await at.take(name)
        await at.press("escape")
    await at.press("1")
    await at.take("devices-busy")
    await at.press("2")
    await slow_down(at.vm, 0)
    ended = (Outcome.SUCCEEDED, Outcome.FAILED)
    await until(lambda: any(job.outcome in ended for job in worker.snapshot.jobs), 120)
    await at.take("jobs-done")


async def slow_down(vm: DemoVm, most: int) -> None:
    """Have the storage of the slow disk give so many bytes a second; 0 is without a limit."""
    address = UnixAddress(path=vm.second_monitor)
    async with await QmpSession.connect(address, on_event=lambda event: None) as session:
        limits = {"path": "/objects/slow-storage", "property": "limits"}
        await session.execute("qom-set", {**limits, "value": {"bps-read": most}})


async def job_page(at: Camera) -> None:
    """The page about a job."""
    await at.press("2", "home", "i")
    await at.take("job-page")
    await at.press("escape")


async def events(at: Camera) -> None:
    """What QEMU said meanwhile."""
    await at.press("3")
    await at.take("events")


async def history(at: Camera) -> None:
    """The reports of what has ended, and one of them."""
    await at.press("4")
    await at.take("history")
    await at.press("v")
    await at.take("report")
    await at.press("escape")


async def bitmaps(at: Camera) -> None:
    """The dirty bitmaps, what is asked about them, and what nobody uses."""
    await at.press("1", "B")
    await until(lambda: at.app.screen.query_one(LiveTable).row_count)
    await at.take("bitmaps")
    for key, name in (("a", "bitmap-form"), ("m", "bitmap-merge")):
        await at.press(key)
        await at.take(name)
        await at.press("escape")
    await at.press("escape", "L")
    await at.take("leftovers")
    await at.press("escape")


async def chains(at: Camera) -> None:
    """A chain with an increment, its verify, a restore, what prune would do."""
    directory = Path(at.app.directory or "")
    await at.press("5", "s")
    await at.take("chains-start")
    await at.press("f2")
    await until(lambda: has_points(directory, 1), 60)
    await at.press("home")
    await until(lambda: at.app.screen.query_one(ChainTree).spot is not None)
    await at.press("n")
    await until(lambda: has_points(directory, 2), 60)
    await at.sees("next", 20)
    await at.pilot.pause(2.5)
    await at.press("home", "down")
    await at.take("chains")
    await at.press("v")
    await at.sees("SOUND", 60)
    await at.take("verify")
    await at.press("escape", "e")
    await at.sees("Ready.", 60)
    await at.take("restore")
    await at.press("escape", "p")
    await at.take("prune")
    await at.press("escape", "1")


def has_points(directory: Path, count: int) -> bool:
    """Whether a chain has so many points, each with its checksums."""
    kept, _ = chains_in(directory)
    return any(
        len([point for point in one.chain.points if point.complete]) >= count
        and not unsealed(one.chain)
        for one in kept
    )


async def choices(at: Camera) -> None:
    """A directory that is asked for, and the choice between what is in it."""
    await at.press("1", "ctrl+p", *"restore a backup")
    await at.pilot.pause(0.6)
    await at.press("enter")
    await at.sees("The directory with the backups")
    await at.press("backspace", "s")
    await until(lambda: getattr(at.app.focused, "_suggestion", ""))
    await at.take("path-prompt")
    await at.press("enter")
    await at.take("choice")
    await at.press("escape")


async def palette(at: Camera) -> None:
    """The command palette, and the fault lab in it."""
    await at.press("1", "ctrl+p")
    await at.take("palette")
    await at.press(*"fault")
    await at.take("fault-lab")
    await at.press("escape")


async def keys(at: Camera) -> None:
    """The page of all keys."""
    await at.press("question_mark")
    await at.take("keys")
    await at.press("escape")


STORY: tuple[Callable[[Camera], Awaitable[None]], ...] = (
    *(empty, disks, themes, form, jobs, job_page, events, history, bitmaps, chains, choices),
    *(palette, keys),
)
"""Of the demo, one after the other: some show what an earlier one has left."""


class Silent(Player):
    """Plays what the tour does, without its captions."""

    def show(self) -> None:
        """Nothing."""


async def rescue(at: Camera) -> None:
    """A guest that is stopped because the target is full, and the ways out."""
    assert at.app.lab is not None
    titles = ("A backup that stops on errors", "The target fills")
    steps = [step for step in the_story() if step.title in titles]
    await Silent(Stage(at.app, at.app.lab.info), steps, 0).play()
    await until(lambda: not at.app.query("Toast"), 30)
    await at.take("jobs-stopped")
    await at.press("R")
    await at.take("rescue")


async def captions(at: Camera) -> None:
    """The tour with what it says."""
    assert at.app.lab is not None
    stage = Stage(at.app, at.app.lab.info)
    player = Player(stage, [_pictured(at, step) for step in the_story()], 0)
    # The app in front of the camera is not the tour's.
    at.app.stylesheet.read_all([STYLES / "tour.tcss"])
    at.app.refresh_css(animate=False)
    at.app.add_class("-tour")
    telling = asyncio.create_task(_told(player))
    try:
        await player.play()
    finally:
        telling.cancel()
        await asyncio.wait([telling])


def _pictured(at: Camera, step: Step) -> Step:
    """The one step of which there is a picture; of the others nothing is done."""

    async def taken(stage: Stage) -> bool:
        await until(lambda: step.so(stage))
        await at.take("tour")
        return True

    if step.title == "A form that catches a mistake":
        return replace(step, so=taken)
    return replace(step, acts=(), so=lambda stage: True)


async def _told(player: Player) -> None:
    while True:
        player.show()
        await asyncio.sleep(0.1)


async def connect(at: Camera) -> None:
    """The VMs of this host, the cursor on one whose monitor another client holds."""
    table = at.app.screen.query_one(LiveTable)
    await until(lambda: table.row_count == HOSTED)
    found = at.app.screen.query_one("#connect-found")
    await until(lambda: "free to connect" in str(found.render()))
    await at.press("down", "home", *["down"] * 3)
    await at.take("connect")


HOSTED = 4


@asynccontextmanager
async def host(directory: Path) -> AsyncIterator[None]:
    """A host with VMs whose monitors stand in different ways."""
    managed = directory / "libvirt/qemu/domain-1-db"
    managed.mkdir(parents=True)
    async with starting(directory) as start:
        for name in ("web", "mail"):
            await start("-name", name, "-qmp", f"unix:{directory / name}.qmp,server=on,wait=off")
        await start(
            *("-name", "guest=db"),
            *("-chardev", f"socket,id=charmonitor,path={managed}/monitor.sock,server=on,wait=off"),
            *("-mon", "chardev=charmonitor,mode=control"),
        )
        await start("-name", "build")
        with held_by_another(directory / "mail.qmp"):
            yield


async def vms(at: Camera) -> None:
    """Several VMs side by side, and their list."""
    await until(lambda: all(worker.snapshot.loaded for worker in at.app.fleet.workers))
    await at.press("0")
    await at.take("vms")
