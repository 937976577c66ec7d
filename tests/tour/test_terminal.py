"""The tour in a real terminal, as the command starts it."""

from pathlib import Path

import pytest

from tests.line.conftest import LineOpener
from tests.line.conftest import line as line
from tests.turns import looking
from tests.waiting import until


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_it_plays_in_a_terminal_and_can_be_recorded(line: LineOpener, tmp_path: Path) -> None:
    cast = tmp_path / "tour.cast"
    with looking():
        there = line("demo", "--tour", "--pace", "0", "--record", cast, size=(120, 40))
        # From its third step on a VM is open: nothing is looked for any more.
        await until(lambda: b"catches a mistake" in there.sent or b"got stuck" in there.sent, 60)
    await until(lambda: b"The tour is over." in there.sent or b"got stuck" in there.sent, 200)
    assert b"got stuck" not in there.sent
    there.press(b"q")
    await until(lambda: there.process.poll() is not None)
    assert there.process.returncode == 0
    assert "The tour is over." in cast.read_text()
