"""The story: from an unknown host to a restore that is the same as the disk was."""

from collections.abc import Iterator

from tui.demo.vm import NAME
from tui.images.seal import unsealed
from tui.screens.backup import BackupScreen
from tui.screens.chains import ChainsScreen
from tui.screens.choose_disks import ChooseDisks
from tui.screens.connect import ConnectScreen
from tui.screens.devices import DevicesScreen
from tui.screens.jobs import JobsScreen
from tui.screens.rescue import RescueScreen
from tui.screens.restore import RestoreScreen
from tui.screens.speed import SpeedScreen
from tui.screens.verify import VerifyScreen
from tui.tour.stage import Stage
from tui.tour.step import Act, Look, Step, Typed, Until, When
from tui.vm.job import Outcome
from tui.vm.trouble import find_trouble
from tui.widgets.chain_tree import ChainTree

SLOW = "archive"
"""The disk whose backup takes long enough to be looked at."""

SMALL = "database"

SPEED = "2M"
"""The limit of a backup that goes on for as long as there is something to say about it."""

POINTS = 2
"""The points of the chain: a full one, and its increment."""

READY = "Ready."


def the_story() -> tuple[Step, ...]:
    """All steps, in their order."""
    return (*_beginning(), *_a_backup(), *_a_chain(), *_a_full_target(), *_a_restore())


def _beginning() -> Iterator[Step]:
    yield Step(
        "Find a VM",
        "BlockDeck lists every QEMU of this host: which monitor is free, and what gives one to a "
        "VM without. / filters them: this one is the demo's, a real QEMU.",
        # Of many VMs it may be anywhere in the list, and others may have its name.
        (When(_found), "down", "/", Typed(NAME), "enter", "home", Until("down", _on_the_demo)),
        _on_the_demo,
    )
    yield Step(
        "Its disks",
        "Enter connects. Size, what is allocated, what the guest reads and writes now; what cannot "
        "be backed up says why.",
        ("enter", When(_disks), "down", "down"),
        _disks,
    )


def _a_backup() -> Iterator[Step]:
    yield Step(
        "A form that catches a mistake",
        "A relative path would land wherever QEMU was started. The message stands under the field, "
        "Start is off, and nothing was sent.",
        (*_form_of(SLOW), "home", Typed("relative")),
        lambda stage: stage.line("form-status").startswith("Not yet"),
    )
    yield Step(
        "Mended",
        "Without the mistake it is ready: BlockDeck's rules and a dry run of QEMU agree. Below is "
        "the very command that is sent, with a speed limit for now.",
        (*["backspace"] * len("relative"), When(_ready), *_at_speed(SPEED)),
        _ready,
    )
    yield Step(
        "A running backup",
        "F2 starts it. How far, how fast, how long still: the numbers come from QEMU itself.",
        ("f2", When(lambda stage: stage.shows(JobsScreen)), When(_goes)),
        _goes,
    )
    yield Step(
        "A guest that writes",
        "The guest goes on writing meanwhile. Before a block is overwritten its old content is "
        "copied to the target: the backup is of the moment at which it began.",
        ("1", When(_disks), "home", Until("down", lambda stage: stage.row(SLOW))),
        _guest_writes,
    )
    yield Step(
        "Done, and said so",
        "s lifts the limit. Succeeded only when QEMU reported no error, everything was copied, and "
        "the job is concluded.",
        ("2", When(lambda stage: stage.shows(JobsScreen)), "home", *_without_limit()),
        _succeeded,
        90,
    )


def _a_chain() -> Iterator[Step]:
    yield Step(
        "A chain",
        "Disks at one moment, as the first point of a chain. From then on bitmaps in the VM "
        "record what is written.",
        (
            *("5", When(_chain_shown), "s"),
            *(When(lambda stage: stage.shows(ChooseDisks)), Look(4), "f2"),
            *(When(lambda stage: stage.points(1)), "home", When(_on_a_chain)),
        ),
        lambda stage: _sealed(stage, 1),
        120,
    )
    yield Step(
        "An increment",
        "n copies only what was written since: a fraction of it, in a moment.",
        ("home", When(_on_a_chain), "n", When(lambda stage: stage.points(POINTS))),
        lambda stage: _sealed(stage, POINTS),
        60,
    )


def _a_full_target() -> Iterator[Step]:
    yield Step(
        "A backup that stops on errors",
        "Another one, told what to do should its target fail: stop, and wait for us.",
        (
            *("1", When(_disks), *_form_of(SLOW), *_at_speed(SPEED), "f3"),
            Until("tab", lambda stage: stage.field == "on-target-error"),
            # Not by its letters: whoever holds the tour between two would have them forgotten.
            *("enter", Until("down", lambda stage: stage.highlights("stop")), "enter"),
            When(lambda stage: stage.given("on-target-error") == "stop"),
            *(When(_ready), Look(4), "f2"),
            *(When(lambda stage: stage.shows(JobsScreen)), "home"),
        ),
        _goes,
    )
    yield Step(
        "The target fills",
        "The fault lab (Ctrl+P) takes all room. The backup halts, and the guest with it: what it "
        "overwrites could not be kept. No event of the job tells that.",
        _palette("fill the target"),
        lambda stage: _stopped(stage) and _halted(stage),
    )
    yield Step(
        "Room is made",
        "The cause first: the file that took the room is gone. The guest still stands, for nobody "
        "has told it to go on.",
        _palette("make room"),
        lambda stage: stage.shows(JobsScreen) and not stage.target_is_full and _stopped(stage),
    )
    yield Step(
        "The rescue",
        "R says what happened, and shows the ways out; Enter alone would do nothing. Guest and "
        "backup go on where they stood, and nothing was lost.",
        (
            *("R", When(lambda stage: stage.shows(RescueScreen)), Look(6), "end", Look(3), "enter"),
            *(When(lambda stage: "Done." in stage.line("rescue-steps")), Look(4)),
            *("escape", When(lambda stage: stage.shows(JobsScreen) and not _halted(stage))),
            # The jobs of the chain are on the list, too; what is not over comes first.
            *("home", When(_on_the_last_job), *_without_limit()),
        ),
        _succeeded,
        90,
    )


def _a_restore() -> Iterator[Step]:
    yield Step(
        "Can it be restored?",
        "v reads every image of the chain: whole, in its place, with the checksum it was given.",
        (
            *("5", When(_chain_shown), "home", Until("down", _on_the_increment), "v"),
            When(lambda stage: stage.shows(VerifyScreen)),
        ),
        lambda stage: stage.line("act-status").startswith("SOUND"),
        90,
    )
    yield Step(
        "A restore that verifies",
        "A disk at that point, to a new image, and never over one. It is compared with the backup "
        "before it gets its name.",
        (
            *("escape", When(lambda stage: stage.shows(ChainsScreen)), "e"),
            *(When(lambda stage: stage.line("act-status").startswith(READY)), Look(4)),
            "f2",
        ),
        lambda stage: stage.line("act-status").startswith("RESTORED"),
        90,
    )
    yield Step(
        "That was the tour",
        "The demo is yours now: every key works. ? lists them, q leaves, and all of it is gone.",
        (Until("escape", lambda stage: not stage.shows(RestoreScreen)), "1"),
        _disks,
    )


def _form_of(disk: str) -> tuple[Act, ...]:
    return (
        *("home", Until("down", lambda stage: stage.row(disk)), "b"),
        *(When(lambda stage: stage.shows(BackupScreen)), When(_ready)),
    )


def _at_speed(speed: str) -> tuple[Act, ...]:
    return (
        Until("shift+tab", lambda stage: stage.field == "target"),
        *(Until("tab", lambda stage: stage.field == "speed"), Typed(speed)),
        *(When(lambda stage: stage.given("speed") == speed), When(_ready)),
    )


def _without_limit() -> tuple[Act, ...]:
    return (
        *("s", When(lambda stage: stage.shows(SpeedScreen)), Look(3), Typed("0"), Look(1), "enter"),
        When(lambda stage: stage.shows(JobsScreen)),
    )


def _palette(words: str) -> tuple[Act, ...]:
    chosen = When(lambda stage: stage.first_choice(words))
    return ("ctrl+p", Typed(words), chosen, Look(2), "enter")


# --- what is so -----------------------------------------------------------------------------------


def _found(stage: Stage) -> bool:
    screen = stage.screen
    if not isinstance(screen, ConnectScreen):
        return False
    return any(_is_demo(stage, vm) for vm in screen.found.vms)


def _on_the_demo(stage: Stage) -> bool:
    screen = stage.screen
    vm = screen.highlighted if isinstance(screen, ConnectScreen) else None
    return vm is not None and _is_demo(stage, vm)


def _is_demo(stage: Stage, vm: object) -> bool:
    return getattr(vm, "pid", None) == stage.info.pid and getattr(vm, "usable", False)


def _disks(stage: Stage) -> bool:
    return stage.shows(DevicesScreen) and stage.disk(SMALL) is not None


def _ready(stage: Stage) -> bool:
    return stage.line("form-status").startswith(READY)


def _goes(stage: Stage) -> bool:
    job = stage.last_job
    return job is not None and job.live and bool(job.rate) and bool(job.offset)


def _guest_writes(stage: Stage) -> bool:
    disk, job = stage.disk(SLOW), stage.last_job
    writes = disk is not None and disk.throughput is not None and disk.throughput.write
    return bool(writes) and job is not None and job.live


def _on_the_last_job(stage: Stage) -> bool:
    screen, job = stage.screen, stage.last_job
    shown = screen.highlighted if isinstance(screen, JobsScreen) else None
    return shown is not None and job is not None and shown.key == job.key


def _stopped(stage: Stage) -> bool:
    return stage.vm is not None and find_trouble(stage.vm) is not None


def _halted(stage: Stage) -> bool:
    return stage.last_job is not None and stage.last_job.paused


def _succeeded(stage: Stage) -> bool:
    return stage.last_job is not None and stage.last_job.outcome is Outcome.SUCCEEDED


def _chain_shown(stage: Stage) -> bool:
    tree = stage.first(ChainTree)
    return stage.shows(ChainsScreen) and tree is not None and tree.spot is not None


def _on_a_chain(stage: Stage) -> bool:
    tree = stage.first(ChainTree)
    return tree is not None and tree.spot is not None and tree.spot.chain is not None


def _sealed(stage: Stage, points: int) -> bool:
    """Whether the highlighted chain is told to have so many points, all with their checksums."""
    tree = stage.first(ChainTree)
    found = tree.spot.chain if tree is not None and tree.spot is not None else None
    point = found.point(points) if found is not None else None
    if found is None or point is None:
        return False
    return point.point.complete and not unsealed(found.kept.chain)


def _on_the_increment(stage: Stage) -> bool:
    tree = stage.first(ChainTree)
    point = tree.spot.point if tree is not None and tree.spot is not None else None
    return point is not None and point.point.serial == POINTS
