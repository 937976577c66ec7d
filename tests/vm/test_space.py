"""Whether there is room for a backup, told from what the file system says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.vm.space import Look, Shortage, Space, SpaceTrend

MIB = 1 << 20
GIB = 1 << 30


def trend(*looks: tuple[float, int], total: int = 100 * GIB, device: int = 1) -> SpaceTrend:
    """Looks at (second, free bytes)."""
    seen = SpaceTrend()
    for taken, free in looks:
        seen.add(Look(taken=taken, free=free, total=total, device=device))
    return seen


def test_before_a_look_nothing_is_said() -> None:
    assert SpaceTrend().space(GIB) is None


def test_one_look_tells_the_room_and_no_time() -> None:
    space = trend((0, 10 * GIB)).space(GIB)
    assert space is not None
    assert (space.free, space.fall, space.full_in) == (10 * GIB, None, None)
    assert space.shortage is Shortage.NONE


def test_the_time_until_full_follows_from_how_fast_it_falls() -> None:
    space = trend((0, 10 * GIB), (1, 10 * GIB - 100 * MIB), (2, 10 * GIB - 200 * MIB)).space(None)
    assert space is not None
    assert space.fall == pytest.approx(100 * MIB)
    assert space.full_in == pytest.approx((10 * GIB - 200 * MIB) / (100 * MIB))


def test_room_that_was_made_begins_a_new_count() -> None:
    space = trend((0, GIB), (5, GIB // 2), (6, 3 * GIB)).space(GIB)
    assert space is not None
    assert space.fall is None


def test_another_file_system_begins_a_new_count() -> None:
    seen = trend((0, GIB), (5, GIB // 2))
    seen.add(Look(taken=6, free=GIB // 4, total=GIB, device=2))
    space = seen.space(GIB)
    assert space is not None
    assert space.fall is None


def test_a_free_space_that_wavers_still_has_a_rate() -> None:
    looks = [(float(s), 10 * GIB - s * 10 * MIB + (MIB if s % 2 else 0)) for s in range(11)]
    space = trend(*looks).space(GIB)
    assert space is not None
    assert space.fall == pytest.approx(10 * MIB, rel=0.1)


def test_what_is_needed_is_a_little_more_than_what_is_copied() -> None:
    space = trend((0, GIB + MIB)).space(GIB)
    assert space is not None
    assert space.missing == MIB
    assert trend((0, GIB + 2 * MIB)).space(GIB).shortage is Shortage.NONE  # type: ignore[union-attr]


def test_a_raw_image_with_all_of_its_blocks_needs_no_room() -> None:
    seen = SpaceTrend()
    seen.add(Look(taken=0, free=MIB, total=GIB, filled=True))
    space = seen.space(GIB)
    assert space is not None
    assert space.missing == 0
    assert not space.to_be_cancelled


@pytest.mark.parametrize(
    ("free", "fall", "to_come", "shortage"),
    [
        (10 * GIB, 100 * MIB, 9 * GIB, Shortage.NONE),
        (10 * GIB, 1 * MIB, 20 * GIB, Shortage.FORESEEN),
        (10 * GIB, None, 20 * GIB, Shortage.FORESEEN),
        (10 * GIB, 100 * MIB, 20 * GIB, Shortage.SOON),
        (400 * MIB, 0.0, 20 * GIB, Shortage.SOON),
        (2 * GIB, 0.0, 20 * GIB, Shortage.FORESEEN),
        (400 * MIB, 0.0, 300 * MIB, Shortage.NONE),
    ],
)
def test_a_shortage_is_told_in_time(
    free: int, fall: float | None, to_come: int, shortage: Shortage
) -> None:
    assert Space(free, 100 * GIB, fall, to_come).shortage is shortage


def test_what_a_sparse_disk_does_not_hold_is_not_reckoned_with() -> None:
    space = trend((0, GIB), (4, GIB - 48 * MIB)).space(2 * GIB, allocated=120 * MIB)
    assert space is not None
    assert space.full_in == pytest.approx(81, abs=1)
    assert space.shortage is Shortage.NONE
    # Whoever is to cancel it in time takes no guess for it.
    assert space.missing > GIB
    assert space.safe_speed is not None


def test_what_was_written_already_is_not_to_come_again() -> None:
    seen = SpaceTrend()
    for second, held in enumerate((50 * MIB, 100 * MIB, 350 * MIB)):
        seen.add(Look(second, free=GIB - held, total=2 * GIB, device=1, held=held))
    space = seen.space(2 * GIB, allocated=900 * MIB)
    assert space is not None
    assert space.likely == pytest.approx(600 * MIB, abs=2 * MIB)
    assert space.shortage is Shortage.NONE


def test_a_disk_that_holds_more_than_it_seemed_to_may_be_full_of_it() -> None:
    seen = SpaceTrend()
    for second, held in enumerate((0, 60 * MIB, 125 * MIB)):
        seen.add(Look(second, free=GIB - held, total=2 * GIB, device=1, held=held))
    assert seen.space(2 * GIB, allocated=200 * MIB).shortage is Shortage.NONE  # type: ignore[union-attr]
    space = seen.space(2 * GIB, allocated=120 * MIB)
    assert space is not None
    assert space.likely is None
    assert space.shortage is Shortage.SOON


def test_what_ends_before_it_is_full_is_foreseen_and_no_more() -> None:
    fall, to_come = float(100 * MIB), 20 * GIB
    room = Space(10 * GIB, 100 * GIB, fall, to_come, ends_in=200.0)
    assert room.shortage is Shortage.SOON
    assert room._replace(ends_in=60.0).shortage is Shortage.FORESEEN
    # Where next to nothing is left it is told whatever the rates are.
    assert room._replace(free=400 * MIB, ends_in=1.0).shortage is Shortage.SOON


def test_of_a_large_file_system_no_more_is_kept_free_than_of_a_smaller_one() -> None:
    assert Space(45 * GIB, 100 * GIB, 0.0, 90 * GIB).reserve == 512 * MIB
    assert Space(45 * GIB, 10_000 * GIB, 0.0, 90 * GIB).reserve == GIB
    assert not Space(45 * GIB, 10_000 * GIB, 0.0, 90 * GIB).to_be_cancelled


def test_only_what_will_not_fit_is_held_at_a_speed() -> None:
    assert Space(GIB, 10 * GIB, None, GIB).safe_speed is None
    assert Space(GIB, 2 * GIB, None, 2 * GIB).safe_speed == (GIB - 16 * MIB) // 5
    # Jobs that share the room share the speed.
    assert Space(GIB, 2 * GIB, None, 2 * GIB, jobs=2).safe_speed == (GIB - 16 * MIB) // 10
    # There is so much room that nothing copies so fast.
    assert Space(100 * GIB, 200 * GIB, None, 101 * GIB).safe_speed is None


def test_a_job_that_will_not_fit_never_crawls_towards_its_end() -> None:
    second, free = 0, 400 * MIB
    while free > Space(free, GIB, None, 10 * GIB).reserve:
        free -= Space(free, GIB, None, 10 * GIB).safe_speed or 0
        second += 1
    assert second < 20
    assert free > 0


@given(
    free=st.integers(0, 1 << 45),
    total=st.integers(1, 1 << 45),
    fall=st.none() | st.floats(0, 1e11),
    to_come=st.none() | st.integers(0, 1 << 45),
    likely=st.none() | st.integers(0, 1 << 45),
    ends_in=st.none() | st.floats(0, 1e11),
)
def test_only_what_will_not_fit_is_cancelled_and_always_before_it_is_full(
    free: int,
    total: int,
    fall: float | None,
    to_come: int | None,
    likely: int | None,
    ends_in: float | None,
) -> None:
    space = Space(min(free, total), total, fall, to_come, likely, ends_in)
    if space.to_be_cancelled:
        assert (to_come or 0) > space.free
        assert space.shortage is Shortage.SOON
    if (to_come or 0) > space.free and space.free <= 3 * (fall or 0):
        # Within the next three seconds a write would fail.
        assert space.to_be_cancelled
    if space.free == 0 and to_come:
        assert space.to_be_cancelled
