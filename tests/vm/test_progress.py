"""How fast a job was is told of all of its time, in as few numbers as a screen is wide."""

import pytest

from tui.vm.progress import RATES_KEPT, Progress

MIB = 1 << 20


def watched(seconds: int, rate: int = MIB) -> Progress:
    """A job that is looked at once a second, and copies nothing in its second half."""
    progress, offset = Progress(), 0
    for second in range(seconds + 1):
        progress.add(float(second), offset)
        offset += rate if second < seconds // 2 else 0
    return progress


@pytest.mark.parametrize("seconds", [2, 120, 121, 3600, 100_000])
def test_the_rates_are_of_all_of_the_time(seconds: int) -> None:
    told = watched(seconds).history()
    rates = told["rates"]
    assert told["rated"] == seconds
    assert len(rates) <= RATES_KEPT
    assert rates[0] == MIB
    assert rates[-1] == 0
    # At the most the one in the middle is of both halves.
    assert len([rate for rate in rates if rate not in (0, MIB)]) <= 1
    assert told["pace"] == 0


def test_before_two_looks_no_rate_is_known() -> None:
    progress = Progress()
    assert progress.history() == {"rates": (), "rated": 0, "pace": None}
    progress.add(1.0, 5)
    progress.add(1.1, 6)
    assert progress.history() == {"rates": (), "rated": 0, "pace": None}
