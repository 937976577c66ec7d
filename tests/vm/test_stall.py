"""A backup that copies nothing though it should is told of; one that has reason to rest is not."""

from typing import Any

import pytest

from tests.vm.feed import MIB, Feed, info, ours
from tui.vm.stall import stalled_for

J = "blockdeck-a"


def after(seconds: float, feed: Feed, status: str = "running", **details: Any) -> float | None:
    """For how long it has stood still, when it was seen once and again after some time."""
    feed.tracker.expect(ours(J))
    feed.started(J)
    feed.tracker.accepted(J)
    feed.poll(info(J, offset=4096))
    feed.now += seconds
    feed.poll(info(J, status, offset=4096), **details)
    return stalled_for(feed.only, feed.now)


@pytest.mark.parametrize(("seconds", "told"), [(1, False), (9, False), (11, True), (3600, True)])
def test_it_is_told_after_ten_seconds(seconds: float, told: bool) -> None:
    assert after(seconds, Feed()) == (pytest.approx(seconds) if told else None)


@pytest.mark.parametrize(
    "reason",
    [
        {"status": "paused"},
        {"paused": True},
        {"status": "pending"},
        {"io-status": "nospace"},
        {"speed": 1},
        {"speed": 256 << 10},
    ],
)
def test_one_that_has_reason_to_rest_is_not(reason: dict[str, Any]) -> None:
    assert after(60, Feed(), **reason) is None


def test_one_that_comes_forward_again_is_told_of_no_more() -> None:
    feed = Feed()
    assert after(60, feed) is not None
    feed.poll(info(J, offset=8192))
    assert stalled_for(feed.only, feed.now) is None


def test_the_time_of_a_pause_does_not_count() -> None:
    feed = Feed()
    assert after(60, feed, "paused", paused=True) is None
    feed.now += 5
    feed.poll(info(J, offset=4096))
    assert stalled_for(feed.only, feed.now) is None
    feed.now += 11
    feed.poll(info(J, offset=4096))
    assert stalled_for(feed.only, feed.now) == pytest.approx(11 + 5)


def test_one_that_has_copied_all_of_it_stands_still_rightly() -> None:
    feed = Feed()
    feed.tracker.expect(ours(J))
    feed.started(J)
    feed.poll(info(J, offset=MIB))
    feed.now += 60
    feed.poll(info(J, offset=MIB))
    assert stalled_for(feed.only, feed.now) is None
