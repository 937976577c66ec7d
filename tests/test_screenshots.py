"""The pictures of the demo: taken anew, they differ only where BlockDeck does."""

from pathlib import Path

import pytest

from tests.screenshots import SIZES, the_story

SCENES = ("disks", "form", "jobs", "job_page", "history", "bitmaps", "palette", "rescue", "connect")
"""Of the demo at rest and at work, of a guest that is stopped, of a host with VMs."""


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_two_rounds_of_pictures_are_the_same(tmp_path: Path, alone: None) -> None:
    rounds = []
    for name in ("first", "second"):
        album = tmp_path / name
        album.mkdir()
        await the_story(SIZES["80x24"], album, SCENES)
        rounds.append({path.name: path.read_text() for path in album.glob("*.svg")})
    first, second = rounds
    some = ("devices", "form-mistake", "cancel-question", "job-page", "rescue", "connect")
    assert first.keys() >= {f"{name}-80x24.svg" for name in some}
    assert [name for name in first if first[name] != second.get(name)] == []
