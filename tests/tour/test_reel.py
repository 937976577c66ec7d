"""The cast of the tour: what a player shows of it, and that a second one is the same."""

import json
from pathlib import Path

import pytest

from tests.line.test_cast import played
from tests.reel import Reel, film_the_tour
from tui.tour.script import the_story

FIRST_STEPS = 4


def test_only_rows_that_differ_are_cast_and_the_last_moment_has_its_time(tmp_path: Path) -> None:
    reel, cast = Reel((8, 3)), tmp_path / "a.cast"
    reel.add(["one     ", "two     ", "three   "], 1.5)
    reel.add(["one     ", "\x1b[1mzwei\x1b[0m    ", "three   "], 3)
    reel.write(cast)
    header, *events = map(json.loads, cast.read_text().splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 8, 3)
    assert [at for at, _, _ in events] == [0, 0, 0, 0, 1.5, 4.5]
    assert events[4] == [1.5, "o", "\x1b[2;1H\x1b[1mzwei\x1b[0m    "]
    assert [row.rstrip() for row in played(cast).display] == ["one", "zwei", "three"]


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_second_cast_is_the_same(tmp_path: Path) -> None:
    steps, casts = the_story()[:FIRST_STEPS], [tmp_path / name for name in ("a.cast", "b.cast")]
    for cast in casts:
        reel = await film_the_tour(tmp_path / f"{cast.stem}-state", steps)
        reel.write(cast)
    first, second = (cast.read_text().splitlines() for cast in casts)
    # What the guest has written by then is its own.
    differ = [(a, b) for a, b in zip(first, second, strict=True) if a != b and "dirty" not in a]
    assert differ == []
    shown = "\n".join(played(casts[0]).display)
    for words in (f"{FIRST_STEPS}/{FIRST_STEPS}  Mended", "= 2.0 MiB/s", "Ready. F2 starts"):
        assert words in shown
