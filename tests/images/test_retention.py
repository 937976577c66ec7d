"""Rules keep what they say, in every zone, and twice the same."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tui.images.retention import Moment, Rules, choose

RULES = st.builds(
    Rules,
    last=st.integers(0, 5),
    daily=st.integers(0, 5),
    weekly=st.integers(0, 4),
    monthly=st.integers(0, 3),
)
ZONES = st.sampled_from(
    [
        UTC,
        ZoneInfo("America/New_York"),
        ZoneInfo("Pacific/Kiritimati"),
        timezone(-timedelta(hours=11, minutes=30)),
    ]
)
MOMENTS = st.lists(st.integers(0, 3 * 366 * 24 * 3600), max_size=40).map(
    lambda seconds: [
        Moment(key, datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=count))
        for key, count in enumerate(seconds)
    ]
)
"""In any order: a clock can have been set."""


def daily(count: int, hour: int = 12) -> list[Moment]:
    start = datetime(2026, 11, 1, hour, tzinfo=UTC)
    return [Moment(n, start + timedelta(days=n)) for n in range(count)]


def test_last_are_the_newest() -> None:
    assert choose(daily(5), Rules(last=2), UTC) == {4: ("last",), 3: ("last",)}


def test_a_day_keeps_its_newest() -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    hourly = [Moment(n, start + timedelta(hours=n)) for n in range(60)]
    assert set(choose(hourly, Rules(daily=2), UTC)) == {47, 59}


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    # 2026-11-01 is a Sunday.
    kept = choose(daily(30), Rules(weekly=2, monthly=2), UTC)
    assert kept == {29: ("weekly", "monthly"), 28: ("weekly",)}


def test_a_year_turns_in_the_middle_of_an_iso_week() -> None:
    days = [Moment(n, datetime(2026, 12, 28, tzinfo=UTC) + timedelta(days=n)) for n in range(7)]
    assert set(choose(days, Rules(weekly=2), UTC)) == {6}


def test_the_same_moments_fall_on_other_days_in_another_zone() -> None:
    evening = [
        Moment("before", datetime(2026, 11, 1, 22, 30, tzinfo=UTC)),
        Moment("after", datetime(2026, 11, 1, 23, 30, tzinfo=UTC)),
    ]
    assert set(choose(evening, Rules(daily=5), UTC)) == {"after"}
    assert set(choose(evening, Rules(daily=5), ZoneInfo("Europe/Berlin"))) == {"before", "after"}


def test_a_day_of_25_hours_is_one_day() -> None:
    # The clock goes back on 2026-10-25 in Berlin.
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)
    hourly = [Moment(n, start + timedelta(hours=n)) for n in range(25)]
    assert set(choose(hourly, Rules(daily=3), ZoneInfo("Europe/Berlin"))) == {24}


def test_a_clock_set_back_does_not_make_the_newest_old() -> None:
    moments = [*daily(3), Moment("newest", datetime(2020, 1, 1, tzinfo=UTC))]
    assert set(choose(moments, Rules(last=1), UTC)) == {"newest"}


def test_days_without_a_point_do_not_count() -> None:
    old = [Moment(f"old {n}", datetime(2020, 1, 1 + n, tzinfo=UTC)) for n in range(3)]
    assert len(choose([*old, *daily(1)], Rules(daily=4), UTC)) == 4


@given(MOMENTS, RULES, ZONES)
def test_pruning_twice_is_pruning_once(moments: list[Moment], rules: Rules, zone: timezone) -> None:
    kept = choose(moments, rules, zone)
    rest = [moment for moment in moments if moment.key in kept]
    assert choose(rest, rules, zone) == kept


@given(MOMENTS, RULES, ZONES)
def test_what_is_kept_is_as_much_as_was_said(
    moments: list[Moment], rules: Rules, zone: timezone
) -> None:
    kept = choose(moments, rules, zone)
    words = [word for reasons in kept.values() for word in reasons]
    days = {moment.when.astimezone(zone).date() for moment in moments}
    assert words.count("last") == min(rules.last, len(moments))
    assert words.count("daily") == min(rules.daily, len(days))
    assert len(kept) <= rules.last + rules.daily + rules.weekly + rules.monthly
    assert all(kept.values())
    if moments and not rules.empty:
        assert moments[-1].key in kept


@given(MOMENTS, RULES, ZONES)
def test_more_generous_rules_keep_no_less(
    moments: list[Moment], rules: Rules, zone: timezone
) -> None:
    more = Rules(
        last=rules.last + 1,
        daily=rules.daily + 2,
        weekly=rules.weekly + 1,
        monthly=rules.monthly + 1,
    )
    assert set(choose(moments, rules, zone)) <= set(choose(moments, more, zone))
