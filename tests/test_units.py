"""Numbers as they are read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.units import aligned, duration, percent, rate, size, times


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "-"),
        (0, "0 B"),
        (512, "512 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (13_207_024_435, "12.3 GiB"),
        (512 * 1024**2, "512 MiB"),
        (2**63 - 1, "8.0 EiB"),
        (-1, "-1 B"),
    ],
)
def test_sizes(count: int | None, shown: str) -> None:
    assert size(count) == shown


@given(st.integers(0, 2**63 - 1))
def test_a_size_fits_its_column(count: int) -> None:
    assert len(size(count)) <= 8
    assert len(rate(count)) <= 10


def test_numbers_and_units_stand_under_each_other() -> None:
    sizes = (8_912_896, 532_480, 0, 104_857_600, 17_179_869_184, 1023)
    assert [aligned(size(count), 9) for count in sizes] == [
        "  8.5 MiB",
        "  520 KiB",
        "    0 B  ",
        "  100 MiB",
        " 16.0 GiB",
        " 1023 B  ",
    ]
    assert aligned(rate(5_767_168), 11) == "  5.5 MiB/s"
    assert aligned(rate(0), 11) == "    0 B/s  "
    assert aligned("none", 11) == "none".rjust(11)


@given(st.integers(0, 2**63 - 1))
def test_what_is_aligned_fits_its_column(count: int) -> None:
    assert len(aligned(size(count), 8)) == 8
    assert aligned(size(count), 8).split() == size(count).split()
    assert len(aligned(rate(count), 10)) == 10


def test_rates() -> None:
    assert rate(43_201_331.2) == "41.2 MiB/s"
    assert rate(0) == "0 B/s"
    assert rate(None) == "-"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (float("inf"), "-"),
        (-1, "0 s"),
        (0.4, "0 s"),
        (3, "3 s"),
        (59.6, "1 min 00 s"),
        (245, "4 min 05 s"),
        (7380, "2 h 03 min"),
        (86400 + 4 * 3600, "1 d 4 h"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [(None, "-"), (0, "0.0%"), (0.4239, "42.3%"), (0.99999, "99.9%"), (1, "100%"), (-0.1, "0.0%")],
)
def test_percent_never_promises_the_end(fraction: float | None, shown: str) -> None:
    assert percent(fraction) == shown


@pytest.mark.parametrize(
    ("factor", "shown"),
    [
        (1.3, "1.3 times"),
        (9.96, "10 times"),
        (37.4, "37 times"),
        (99.6, "about 100 times"),
        (349, "about 300 times"),
        (980, "about 1,000 times"),
        (7962, "over 1,000 times"),
    ],
)
def test_how_many_times(factor: float, shown: str) -> None:
    assert times(factor) == shown
