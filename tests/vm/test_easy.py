"""Which speed of a backup keeps the guest's writes quick: a rule of control, tried on models."""

from collections.abc import Callable

import pytest

from tui.vm.bound import Bound
from tui.vm.easy import FLOOR, Easy
from tui.vm.latency import Wait

MIB = 1 << 20
BEFORE = 0.002
FREE_PACE = 100.0 * MIB

Model = Callable[[float], float | None]
"""From the backup's speed in bytes a second to the time of a write; None: the guest is idle."""


class Trial:
    """A backup of a guest, looked at once a second."""

    def __init__(self, model: Model, easy: Easy, before: float | None = BEFORE) -> None:
        self.model = model
        self.easy = easy
        self.before = before
        self.second = 0.0
        self.speeds: list[float] = []
        self.waits: list[float | None] = []

    def run(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(seconds):
            self.second += 1
            pace = min(self.easy.speed or FREE_PACE, FREE_PACE)
            wait = self.model(pace)
            self.speeds.append(pace)
            self.waits.append(wait)
            self.easy.look(self.second, Wait(wait, self.before), pace)


def shared_disk(pace: float) -> float:
    """Writes are as quick as before up to 60 MiB/s, and ten times slower at full speed."""
    return BEFORE * (1 + 9 * max(0.0, pace - 60 * MIB) / (40 * MIB))


def test_a_backup_that_harms_is_slowed_down_at_once_and_the_writes_are_quick_again() -> None:
    trial = Trial(shared_disk, Easy(Bound()))
    trial.run(2)
    assert trial.speeds[0] == FREE_PACE
    assert trial.speeds[1] == FREE_PACE / 2
    trial.run(120)
    quick = [wait for wait in trial.waits[2:] if wait is not None and wait <= 2 * BEFORE]
    assert len(quick) / len(trial.waits[2:]) > 0.9
    # It does not pay for that with more than it must.
    assert sum(trial.speeds[2:]) / len(trial.speeds[2:]) > 45 * MIB


def test_a_backup_that_does_no_harm_is_left_alone() -> None:
    trial = Trial(lambda _: BEFORE, Easy(Bound()))
    trial.run(60)
    assert set(trial.speeds) == {FREE_PACE}
    assert trial.easy.speed == 0


def test_it_recovers_slowly() -> None:
    trial = Trial(shared_disk, Easy(Bound()))
    trial.run(2)
    slow = trial.easy.speed
    trial.model = lambda _: BEFORE
    trial.run(2)
    assert slow < trial.easy.speed < 1.5 * slow
    trial.run(60)
    assert trial.easy.speed == 0


def test_an_idle_guest_never_keeps_it_at_a_crawl() -> None:
    trial = Trial(lambda pace: 0.1 if pace > 4 * MIB else BEFORE, Easy(Bound()))
    trial.run(20)
    assert trial.easy.speed > 0
    trial.model = lambda _: None
    trial.run(15)
    assert trial.easy.speed == 0
    assert "the guest writes nothing" in trial.easy.words


def test_a_write_that_still_waits_is_not_taken_for_an_idle_guest() -> None:
    easy = Easy(Bound())
    easy.look(1, Wait(3.0, BEFORE), FREE_PACE)
    held = easy.speed
    for second in range(2, 10):
        easy.look(float(second), Wait(None, BEFORE), FREE_PACE)
        assert easy.speed <= held
    for second in range(10, 30):
        easy.look(float(second), Wait(None, BEFORE), FREE_PACE)
    assert easy.speed == 0


def test_where_slowness_does_not_help_the_backup_is_let_go_and_that_is_said() -> None:
    trial = Trial(lambda _: 0.5, Easy(Bound()))
    trial.run(25)
    assert "let go" in trial.easy.words
    assert trial.easy.speed == 0
    assert min(trial.speeds) >= FLOOR
    # It tries again later.
    trial.run(70)
    assert trial.easy.speed > 0 or min(trial.speeds[40:]) < FREE_PACE


def test_the_operators_own_limit_is_never_passed() -> None:
    trial = Trial(shared_disk, Easy(Bound(), ceiling=80 * MIB))
    trial.run(200)
    assert max(trial.speeds) <= 80 * MIB
    trial.model = lambda _: None
    trial.run(30)
    assert trial.easy.speed == 80 * MIB


def test_without_a_before_a_bound_in_time_stands_in_and_that_is_said() -> None:
    trial = Trial(lambda _: 0.1, Easy(Bound()), before=None)
    trial.run(2)
    assert trial.easy.speed > 0
    assert "may take 20 ms (before is not known)" in trial.easy.words


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("2x", 0.02),
        ("1.5", 0.015),
        (" 3 X ", 0.03),
        ("20 ms", 0.02),
        ("20ms", 0.02),
        ("0.1 s", 0.1),
    ],
)
def test_a_bound_is_typed_as_one_speaks(text: str, allowed: float) -> None:
    assert Bound.parse(text).allowed(0.01) == pytest.approx(allowed)
    assert Bound.parse(str(Bound.parse(text))) == Bound.parse(text)


@pytest.mark.parametrize("text", ["", "fast", "1x", "0.5", "-2x", "0 ms", "61 s", "2000x", "2 h"])
def test_a_bound_that_makes_no_sense_is_refused_with_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"[A-Z].*"):
        Bound.parse(text)
