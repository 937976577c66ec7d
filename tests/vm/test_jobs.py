"""A job's outcome is what QEMU said it was, and nothing better."""

import pytest

from tests.vm.feed import MIB, Feed, info, ours
from tui.vm.job import Outcome
from tui.vm.target_nodes import target_nodes

J = "blockdeck-a"


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def running(feed: Feed) -> Feed:
    """A backup of ours, accepted by QEMU and seen by a poll."""
    feed.tracker.expect(ours(J))
    feed.started(J)
    feed.tracker.accepted(J)
    feed.poll(info(J))
    return feed


# --- how jobs end -------------------------------------------------------------------------------


def test_success_is_no_error_all_of_the_length_and_concluded(running: Feed) -> None:
    running.statuses(J, "waiting", "pending")
    running.completed(J)
    assert running.only.outcome is None
    running.statuses(J, "concluded")
    assert running.only.outcome is Outcome.SUCCEEDED
    assert running.only.state == "succeeded"
    running.statuses(J, "null")
    assert running.only.outcome is Outcome.SUCCEEDED
    assert not running.tracker.busy


def test_a_failure_keeps_the_words_of_qemu(running: Feed) -> None:
    running.event("BLOCK_JOB_ERROR", device=J, operation="write", action="report")
    running.statuses(J, "aborting")
    running.completed(J, offset=4096, error="No space left on device")
    running.statuses(J, "concluded", "null")
    assert running.only.outcome is Outcome.FAILED
    assert running.only.error == "No space left on device"


def test_a_job_that_stops_short_without_an_error_is_no_success(running: Feed) -> None:
    running.completed(J, offset=4096)
    running.statuses(J, "concluded", "null")
    assert running.only.outcome is Outcome.FAILED
    assert running.only.detail == f"stopped after 4096 of {MIB} bytes"


def test_our_cancellation_is_told_from_another_client_s(running: Feed) -> None:
    running.tracker.cancel_requested(J)
    running.statuses(J, "aborting")
    running.cancelled(J)
    running.statuses(J, "concluded", "null")
    assert (running.only.outcome, running.only.detail) == (Outcome.CANCELLED, "by us")


def test_a_cancellation_of_ours_that_was_refused_is_not_ours(running: Feed) -> None:
    running.tracker.cancel_requested(J)
    running.tracker.cancel_refused(J)
    running.cancelled(J)
    running.statuses(J, "concluded", "null")
    assert running.only.detail == "by another client"


@pytest.mark.parametrize(
    ("guest", "detail"), [(True, "by guest shutdown"), (False, "by QEMU quit")]
)
def test_the_end_of_the_vm_cancels(running: Feed, guest: bool, detail: str) -> None:
    running.event("SHUTDOWN", guest=guest, reason="host-qmp-quit")
    running.statuses(J, "paused", "running", "aborting")
    running.cancelled(J)
    running.statuses(J, "concluded", "null")
    running.tracker.on_qemu_gone("QEMU ended")
    assert (running.only.outcome, running.only.detail) == (Outcome.CANCELLED, detail)


@pytest.mark.parametrize("sign", ["STOP", "poll"])
def test_a_vm_that_outlives_its_shutdown_is_not_blamed_later(running: Feed, sign: str) -> None:
    running.event("SHUTDOWN", guest=True, reason="guest-shutdown")
    if sign == "STOP":
        running.event("STOP")
    else:
        running.poll(info(J))
    running.cancelled(J)
    running.statuses(J, "concluded", "null")
    assert running.only.detail == "by another client"


def test_killed_qemu_loses_the_job(running: Feed) -> None:
    running.tracker.on_qemu_gone("QEMU ended")
    assert (running.only.outcome, running.only.detail) == (Outcome.LOST, "QEMU ended")
    assert not running.tracker.busy


def test_killed_qemu_loses_also_a_job_it_has_not_answered_for(feed: Feed) -> None:
    feed.tracker.expect(ours(J))
    feed.started(J)
    feed.tracker.on_qemu_gone("QEMU ended")
    feed.tracker.unsure(J)
    assert feed.only.outcome is Outcome.LOST
    assert not feed.tracker.busy


def test_a_success_that_nobody_saw_conclude_is_none(running: Feed) -> None:
    running.completed(J)
    running.tracker.on_qemu_gone("QEMU ended")
    assert running.only.outcome is Outcome.LOST


def test_an_ending_that_was_heard_survives_the_end_of_qemu(running: Feed) -> None:
    running.completed(J)
    running.statuses(J, "concluded")
    ended = running.only.ended
    running.now += 5
    running.tracker.on_qemu_gone("QEMU ended")
    assert (running.only.outcome, running.only.ended) == (Outcome.SUCCEEDED, ended)


def test_a_job_that_vanished_while_disconnected_is_lost(running: Feed) -> None:
    running.poll()
    assert running.only.outcome is Outcome.LOST
    assert running.only.detail == "it vanished while nobody was watching"


# --- jobs that wait for somebody ----------------------------------------------------------------


def test_without_auto_finalize_it_waits_in_pending(running: Feed) -> None:
    running.statuses(J, "waiting", "pending")
    running.event("BLOCK_JOB_PENDING", id=J, type="backup")
    running.poll(info(J, "pending", MIB))
    assert (running.only.state, running.only.live) == ("pending", True)
    assert running.tracker.busy
    running.completed(J)
    running.statuses(J, "concluded", "null")
    assert running.only.outcome is Outcome.SUCCEEDED


def test_without_auto_dismiss_it_is_dismissed_once_written_down(running: Feed) -> None:
    running.completed(J)
    running.statuses(J, "concluded")
    assert running.tracker.to_dismiss() == ()
    (job,) = running.tracker.unwritten()
    running.tracker.written(job.key)
    assert running.tracker.to_dismiss() == (J,)
    running.statuses(J, "null")
    assert (running.tracker.to_dismiss(), running.tracker.unwritten()) == ((), ())
    assert running.only.outcome is Outcome.SUCCEEDED


def test_every_outcome_of_ours_is_to_be_written_down_once(running: Feed) -> None:
    running.tracker.on_qemu_gone("QEMU ended")
    (job,) = running.tracker.unwritten()
    assert job.outcome is Outcome.LOST
    running.tracker.clear_finished()
    assert running.tracker.unwritten() == (job,)
    running.tracker.written(job.key)
    assert running.tracker.unwritten() == ()


def test_a_foreign_job_is_left_to_its_owner(feed: Feed) -> None:
    feed.started("theirs")
    feed.completed("theirs")
    feed.statuses("theirs", "concluded")
    assert feed.only.outcome is Outcome.SUCCEEDED
    assert not feed.only.ours
    assert (feed.tracker.to_dismiss(), feed.tracker.unwritten()) == ((), (feed.only,))


# --- jobs that ran before we looked -------------------------------------------------------------


def test_a_running_job_is_adopted_by_the_prefix_of_its_id(feed: Feed) -> None:
    feed.poll(info(J, offset=4096), info("theirs"))
    mine, theirs = feed.tracker.jobs()
    assert (mine.ours, theirs.ours) == (True, False)
    assert mine.started is None
    feed.completed(J)
    feed.statuses(J, "concluded")
    assert feed.tracker.jobs()[0].outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("by_nodes", [True, False])
def test_a_job_that_an_event_tells_of_before_the_nodes_are_known_has_its_own(
    feed: Feed, by_nodes: bool
) -> None:
    feed.tracker.know_nodes(None)
    feed.completed(J)
    feed.statuses(J, "concluded")
    assert feed.tracker.unwritten() == ()
    feed.tracker.know_nodes(frozenset(target_nodes(J) if by_nodes else ()))
    assert [job.id for job in feed.tracker.to_release()] == ([J] if by_nodes else [])
    feed.tracker.released(J, None)
    assert feed.only.outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    ("error", "offset", "outcome", "detail"),
    [
        (None, MIB, Outcome.SUCCEEDED, ""),
        ("Input/output error", 0, Outcome.FAILED, "Input/output error"),
        ("Operation canceled", 0, Outcome.CANCELLED, "while nobody was watching"),
        (None, 1, Outcome.FAILED, f"stopped after 1 of {MIB} bytes"),
    ],
)
def test_a_job_that_concluded_unwatched_still_tells_its_outcome(
    feed: Feed, error: str | None, offset: int, outcome: Outcome, detail: str
) -> None:
    feed.poll(info(J, "concluded", offset, error=error))
    assert (feed.only.outcome, feed.only.detail) == (outcome, detail)
    assert [job.key for job in feed.tracker.unwritten()] == [feed.only.key]


def test_an_id_that_is_used_again_is_another_job(running: Feed) -> None:
    running.completed(J)
    running.statuses(J, "concluded", "null")
    running.started(J)
    running.completed(J, error="Input/output error", offset=0)
    running.statuses(J, "concluded", "null")
    first, second = running.tracker.jobs()
    assert (first.outcome, second.outcome) == (Outcome.SUCCEEDED, Outcome.FAILED)
    assert first.key != second.key


def test_an_id_that_was_used_again_unseen_is_another_job(running: Feed) -> None:
    running.completed(J)
    running.statuses(J, "concluded")
    running.poll(info(J, "running"))
    first, second = running.tracker.jobs()
    assert (first.outcome, second.outcome) == (Outcome.SUCCEEDED, None)


def test_created_again_means_that_the_former_end_went_unseen(running: Feed) -> None:
    running.started(J)
    running.poll(info(J))
    first, second = running.tracker.jobs()
    assert (first.outcome, second.outcome) == (Outcome.LOST, None)


# --- what is no pause, and what is --------------------------------------------------------------


def test_a_drain_is_never_shown_as_a_pause(running: Feed) -> None:
    running.statuses(J, "paused")
    assert running.only.state == "running"
    running.statuses(J, "running")
    assert running.only.state == "running"


def test_a_job_halted_by_an_error_is_paused_until_it_runs(running: Feed) -> None:
    running.event("BLOCK_JOB_ERROR", device=J, operation="write", action="stop")
    running.statuses(J, "paused")
    assert running.only.state == "paused"
    running.poll(info(J, "paused"), paused=True, io_status="nospace")
    assert (running.only.state, running.only.io_status) == ("paused", "nospace")
    running.statuses(J, "running")
    assert running.only.state == "running"


def test_a_pause_by_another_client_shows_with_the_next_poll(running: Feed) -> None:
    running.statuses(J, "paused")
    running.poll(info(J, "paused"), paused=True)
    assert running.only.state == "paused"


def test_an_error_that_is_ignored_is_no_pause(running: Feed) -> None:
    for _ in range(1000):
        running.event("BLOCK_JOB_ERROR", device=J, operation="write", action="ignore")
    assert running.only.state == "running"


def test_how_far_it_came_at_its_end_is_not_unsaid_by_a_poll(running: Feed) -> None:
    running.completed(J, offset=MIB, length=MIB)
    running.poll(info(J, "concluded", offset=0, length=2 * MIB))
    assert (running.only.offset, running.only.len) == (MIB, MIB)
    assert running.only.outcome is Outcome.SUCCEEDED


# --- jobs that are none -------------------------------------------------------------------------


@pytest.mark.parametrize("statuses", [("aborting", "concluded", "null"), ("null",)])
@pytest.mark.parametrize("job_id", ["dry-run", "blockdeck-dry-run"])
def test_a_dry_run_is_never_listed(feed: Feed, job_id: str, statuses: tuple[str, ...]) -> None:
    for status in ("created", *statuses):
        feed.statuses(job_id, status)
        assert feed.tracker.jobs() == ()
    assert not feed.tracker.busy


def test_a_job_of_another_kind_that_comes_and_goes_is_never_listed(feed: Feed) -> None:
    feed.statuses("create", "created", "running")
    feed.poll(info("create", type_="create"))
    assert feed.tracker.jobs() == ()
    feed.statuses("create", "waiting", "pending", "concluded")
    feed.poll(info("create", "concluded", type_="create"))
    feed.statuses("create", "null")
    assert feed.tracker.jobs() == ()
    assert not feed.tracker.busy


def test_a_job_of_another_kind_that_stays_is_listed(feed: Feed) -> None:
    for _ in range(3):
        assert feed.tracker.jobs() == ()
        feed.poll(info("save", type_="snapshot-save"))
    assert (feed.only.type, feed.only.state, feed.only.ours) == ("snapshot-save", "running", False)
    feed.statuses("save", "waiting", "pending", "concluded")
    feed.poll(info("save", "concluded", offset=MIB, type_="snapshot-save"))
    assert feed.only.outcome is Outcome.SUCCEEDED
    feed.statuses("save", "null")
    # The next with that id is another one.
    feed.poll(info("save", type_="snapshot-save"))
    assert len(feed.tracker.jobs()) == 1


def test_one_that_its_client_dismissed_at_once_has_told_nobody_how_it_ended(feed: Feed) -> None:
    for _ in range(3):
        feed.poll(info("save", type_="snapshot-save"))
    feed.statuses("save", "waiting", "pending", "concluded", "null")
    assert feed.only.outcome is Outcome.LOST
    assert feed.only.detail == "another client dismissed it before it told how it had ended"


# --- our own starts -----------------------------------------------------------------------------


def test_a_job_appears_before_the_reply_of_its_command(feed: Feed) -> None:
    feed.tracker.expect(ours(J))
    assert feed.tracker.busy
    assert feed.tracker.jobs() == ()
    feed.started(J)
    assert (feed.only.ours, feed.only.device, feed.only.started) == (True, "d0", feed.now)


def test_a_refusal_leaves_nothing_behind(feed: Feed) -> None:
    feed.tracker.expect(ours(J))
    feed.tracker.refused(J)
    assert feed.tracker.jobs() == ()
    assert not feed.tracker.busy


@pytest.mark.parametrize("statuses", [(), ("null",), ("aborting", "concluded", "null")])
def test_a_job_created_and_refused_leaves_nothing_behind(
    feed: Feed, statuses: tuple[str, ...]
) -> None:
    feed.tracker.expect(ours(J))
    feed.statuses(J, "created", *statuses)
    feed.tracker.refused(J)
    assert feed.tracker.jobs() == ()
    assert not feed.tracker.busy


def test_a_refusal_does_not_touch_the_job_that_has_the_id(running: Feed) -> None:
    running.tracker.expect(ours(J))
    running.tracker.refused(J)
    running.statuses(J, "paused", "running")
    assert (running.only.state, running.only.live) == ("running", True)


def test_a_start_in_doubt_is_settled_by_the_next_poll(feed: Feed) -> None:
    feed.tracker.expect(ours(J))
    feed.tracker.unsure(J)
    assert feed.tracker.busy
    feed.poll()
    assert not feed.tracker.busy
    assert feed.tracker.jobs() == ()


def test_a_start_in_doubt_that_came_to_be_is_ours(feed: Feed) -> None:
    feed.tracker.expect(ours("of-my-own-name"))
    feed.tracker.unsure("of-my-own-name")
    feed.poll(info("of-my-own-name"))
    assert (feed.only.ours, feed.only.device) == (True, "d0")


def test_a_poll_sent_before_the_doubt_settles_nothing(feed: Feed) -> None:
    feed.tracker.expect(ours(J))
    mark = feed.tracker.mark()
    feed.tracker.unsure(J)
    feed.poll(since=mark)
    assert feed.tracker.busy


# --- polls that events have overtaken -----------------------------------------------------------


def test_a_job_that_started_during_a_poll_is_not_lost(feed: Feed) -> None:
    mark = feed.tracker.mark()
    feed.tracker.expect(ours(J))
    feed.started(J)
    feed.poll(since=mark)
    assert feed.only.live


def test_a_job_that_ended_during_a_poll_does_not_come_back(running: Feed) -> None:
    mark = running.tracker.mark()
    running.completed(J)
    running.statuses(J, "concluded", "null")
    running.poll(info(J, offset=4096), since=mark)
    running.poll()
    assert running.only.outcome is Outcome.SUCCEEDED
    assert running.only.offset == MIB


def test_a_job_that_concluded_during_a_poll_stays_concluded(running: Feed) -> None:
    mark = running.tracker.mark()
    running.completed(J)
    running.statuses(J, "concluded")
    running.poll(info(J, offset=4096), since=mark)
    assert (running.only.outcome, running.only.offset) == (Outcome.SUCCEEDED, MIB)


# --- progress -----------------------------------------------------------------------------------


def test_rate_and_time_left_come_from_polls(running: Feed) -> None:
    for offset in (0, 1024, 2048):
        running.poll(info(J, offset=offset, length=10240))
        running.now += 1
    assert running.only.rate == pytest.approx(1024)
    assert running.only.eta == pytest.approx(8)
    assert running.only.fraction == pytest.approx(0.2)


def test_a_halted_job_has_no_time_left(running: Feed) -> None:
    for offset in (0, 1024):
        running.poll(info(J, offset=offset, length=10240))
        running.now += 1
    running.poll(info(J, "paused", offset=1024, length=10240), paused=True)
    assert running.only.eta is None


def test_jobs_learn_their_disk_and_target(running: Feed) -> None:
    running.poll(info(J), info("theirs"))
    places = {J: ("key", "other"), "theirs": ("d1", "d1")}
    running.tracker.locate(places, {"theirs": "/b/x"})
    _, theirs = running.tracker.jobs()
    assert (theirs.device_key, theirs.device, theirs.target) == ("d1", "d1", "/b/x")


def test_ended_jobs_stay_until_cleared(running: Feed) -> None:
    running.completed(J)
    running.statuses(J, "concluded", "null")
    running.started("theirs")
    running.poll(info("theirs"))
    running.tracker.clear_finished()
    assert [job.id for job in running.tracker.jobs()] == ["theirs"]
