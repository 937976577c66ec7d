"""A job that ended with the others of its transaction is not said to be cancelled by a stranger."""

from dataclasses import replace

import pytest

from tests.vm.feed import Feed, info, ours
from tui.vm.job import Outcome

A, B = "blockdeck-a", "blockdeck-b"
TRANSACTION = {
    "execute": "transaction",
    "arguments": {
        "actions": [{"type": "blockdev-backup", "data": {"job-id": job_id}} for job_id in (A, B)],
        "properties": {"completion-mode": "grouped"},
    },
}


@pytest.fixture
def feed() -> Feed:
    """Two backups of ours that end together, of the disks d0 and d1."""
    feed = Feed()
    for job_id, device in ((A, "d0"), (B, "d1")):
        feed.tracker.expect(replace(ours(job_id), device=device, command=TRANSACTION))
        feed.started(job_id)
        feed.tracker.accepted(job_id)
    feed.poll(info(A), info(B))
    return feed


def details(feed: Feed) -> dict[str, str]:
    """Why each ended, also as it is to be written down."""
    told = {job.id: job.detail for job in feed.tracker.jobs() if not job.live}
    assert told == {job.id: job.detail for job in feed.tracker.unwritten()}
    return told


@pytest.mark.parametrize("failed_first", [False, True])
def test_because_another_failed_whichever_is_told_of_first(feed: Feed, failed_first: bool) -> None:
    def fails() -> None:
        feed.statuses(A, "aborting")
        feed.completed(A, offset=0, error="No space left on device")
        feed.statuses(A, "concluded")

    if failed_first:
        fails()
    feed.statuses(B, "aborting")
    feed.cancelled(B)
    feed.statuses(B, "concluded")
    if not failed_first:
        assert details(feed)[B] == "with the others of its transaction"
        fails()
    assert details(feed) == {A: "No space left on device", B: "with the others, because d0 failed"}


def test_with_the_one_that_we_cancelled(feed: Feed) -> None:
    feed.tracker.cancel_requested(A)
    for job_id in (B, A):
        feed.statuses(job_id, "aborting")
        feed.cancelled(job_id)
        feed.statuses(job_id, "concluded")
    assert details(feed) == {A: "by us", B: "by us (with d0)"}


def test_by_another_client_where_nobody_failed(feed: Feed) -> None:
    for job_id in (B, A):
        feed.statuses(job_id, "aborting")
        feed.cancelled(job_id)
        feed.statuses(job_id, "concluded")
    assert details(feed) == dict.fromkeys((A, B), "by another client")


def test_what_is_on_record_stays_as_it_was_written(feed: Feed) -> None:
    feed.cancelled(B)
    feed.statuses(B, "concluded")
    (job,) = feed.tracker.unwritten()
    feed.tracker.written(job.key)
    feed.completed(A, offset=0, error="No space left on device")
    feed.statuses(A, "concluded")
    told = {job.id: job.detail for job in feed.tracker.jobs()}
    assert told[B] == job.detail == "with the others of its transaction"


def test_found_by_a_poll(feed: Feed) -> None:
    gone = info(B, "concluded", error="Operation canceled")
    feed.poll(info(A, "concluded", error="No space left on device"), gone)
    told = {job.id: (job.outcome, job.detail) for job in feed.tracker.jobs()}
    assert told[B] == (Outcome.CANCELLED, "with the others, because d0 failed")
