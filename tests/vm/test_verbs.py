"""Which command does what to a job, on a QEMU with other commands than those that are tried."""

from collections.abc import Callable

import pytest

from tui.vm.job import Job
from tui.vm.verbs import Act, Verb, command_for, hindrance

_BOTH = frozenset(
    f"{family}-{verb}"
    for family in ("job", "block-job")
    for verb in ("pause", "resume", "cancel", "complete", "finalize", "dismiss")
)
ALL = _BOTH | {"block-job-set-speed", "block-job-change"}
ONLY_NEW = frozenset(name for name in ALL if name.startswith("job-"))
ONLY_OLD = ALL - ONLY_NEW

RUNNING = Job("j", "backup", status="running")
MIRROR = Job("m", "mirror", status="ready")


def of(commands: frozenset[str]) -> Callable[[str], bool]:
    """What a QEMU with these commands says to whether it has one."""
    return commands.__contains__


def test_a_mirror_is_changed_where_qemu_can() -> None:
    act = Act(Verb.CHANGE)
    assert hindrance(Verb.CHANGE, MIRROR, of(ALL)) is None
    assert command_for(act, MIRROR, of(ALL)) == (
        "block-job-change",
        {"id": "m", "type": "mirror", "copy-mode": "write-blocking"},
    )
    assert hindrance(Verb.CHANGE, RUNNING, of(ALL)) == "for mirror jobs only"
    without = of(ALL - {"block-job-change"})
    assert hindrance(Verb.CHANGE, MIRROR, without) == "this QEMU has no block-job-change"
    with pytest.raises(ValueError, match="no block-job-change"):
        command_for(act, MIRROR, without)


@pytest.mark.parametrize(
    ("verb", "new", "old"),
    [
        (Verb.PAUSE, ("job-pause", "id"), ("block-job-pause", "device")),
        (Verb.RESUME, ("job-resume", "id"), ("block-job-resume", "device")),
        (Verb.COMPLETE, ("job-complete", "id"), ("block-job-complete", "device")),
        (Verb.FINALIZE, ("job-finalize", "id"), ("block-job-finalize", "id")),
        (Verb.DISMISS, ("job-dismiss", "id"), ("block-job-dismiss", "id")),
    ],
)
def test_the_newer_family_of_commands_is_used_where_it_is_there(
    verb: Verb, new: tuple[str, str], old: tuple[str, str]
) -> None:
    for commands, (name, argument) in ((ALL, new), (ONLY_NEW, new), (ONLY_OLD, old)):
        assert command_for(Act(verb), MIRROR, of(commands)) == (name, {argument: "m"})


def test_cancelling_is_by_force_unless_a_mirror_is_to_end_softly() -> None:
    forced = ("block-job-cancel", {"device": "j", "force": True})
    assert command_for(Act(Verb.CANCEL), RUNNING, of(ALL)) == forced
    assert command_for(Act(Verb.CANCEL), RUNNING, of(ONLY_NEW)) == ("job-cancel", {"id": "j"})
    softly = ("block-job-cancel", {"device": "m", "force": False})
    assert command_for(Act(Verb.SOFT_CANCEL), MIRROR, of(ALL)) == softly
    missing = hindrance(Verb.SOFT_CANCEL, MIRROR, of(ONLY_NEW))
    assert missing == "this QEMU has no block-job-cancel"


def test_a_job_that_is_no_block_job_heeds_the_newer_commands_alone() -> None:
    job = Job("c", "create", status="running")
    assert command_for(Act(Verb.CANCEL), job, of(ALL)) == ("job-cancel", {"id": "c"})
    assert command_for(Act(Verb.PAUSE), job, of(ALL)) == ("job-pause", {"id": "c"})
    assert hindrance(Verb.SET_SPEED, job, of(ALL)) == "a create job has no speed"
    assert hindrance(Verb.CANCEL, job, of(ONLY_OLD)) == "this QEMU has no block-job-cancel"
