"""The tour in a real terminal, as the command starts it."""

from pathlib import Path

import pytest

from tests.line.conftest import LineOpener
from tests.line.conftest import line as line
from tests.line.test_cast import played, text
from tests.turns import looking
from tests.waiting import until


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_it_plays_in_a_terminal_and_can_be_recorded(line: LineOpener, tmp_path: Path) -> None:
    cast = tmp_path / "tour.cast"
    with looking():
        there = line("demo", "--tour", "--pace", "0", "--record", cast, size=(120, 40))
        # From its third step on a VM is open: nothing is looked for any more.
        await until(lambda: any(t in there.screen for t in ("catches a mistake", "got stuck")), 60)
    await until(lambda: "The tour is over." in there.screen or "got stuck" in there.screen, 200)
    assert "got stuck" not in there.screen
    there.press(b"q")
    await until(lambda: there.process.poll() is not None)
    assert there.process.returncode == 0
    assert "The tour is over." in text(played(cast))
