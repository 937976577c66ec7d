"""The pictures of the demo: taken anew, they differ only where BlockDeck does."""

from pathlib import Path

import pytest

from tests.screenshots import SIZES, the_story

SCENES = ("disks", "form", "bitmaps", "connect")
"""Those of the demo and those of a host with VMs; none that has to wait for a backup."""


@pytest.mark.slow
async def test_two_rounds_of_pictures_are_the_same(tmp_path: Path, alone: None) -> None:
    rounds = []
    for name in ("first", "second"):
        album = tmp_path / name
        album.mkdir()
        await the_story(SIZES["80x24"], album, SCENES)
        rounds.append({path.name: path.read_text() for path in album.glob("*.svg")})
    first, second = rounds
    assert first.keys() >= {"devices-80x24.svg", "form-mistake-80x24.svg", "connect-80x24.svg"}
    assert [name for name in first if first[name] != second.get(name)] == []
