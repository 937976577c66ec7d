"""Checksums taken once a point is complete: of what is there, once, and of nothing that changed."""

from pathlib import Path

import pytest

from tests.images.chains import Built, three_points
from tui.chain.directory import Kept, read_chain, write_chain
from tui.chain.lock import alone_with
from tui.images.errors import ImageError
from tui.images.progress import Progress
from tui.images.seal import seal, seal_alone, unsealed


@pytest.fixture
def bare(tmp_path: Path) -> tuple[Built, Kept]:
    """A chain, and the same one without its checksums."""
    built = three_points(tmp_path / "backups")
    points = []
    for point in built.kept.chain.points:
        images = {n: i.model_copy(update={"sha256": None}) for n, i in point.images.items()}
        points.append(point.model_copy(update={"images": images}))
    chain = built.kept.chain.model_copy(update={"points": tuple(points)})
    return built, Kept(write_chain(built.directory, chain), chain)


async def test_all_that_lack_one_get_their_checksum(bare: tuple[Built, Kept]) -> None:
    built, kept = bare
    assert len(unsealed(kept.chain)) == 3
    seen: list[Progress] = []
    sealed = await seal(kept, seen.append)
    assert sealed.chain == built.kept.chain == read_chain(kept.path).chain
    assert seen[-1].fraction == 1
    assert not unsealed(sealed.chain)


async def test_what_changed_since_it_was_made_gets_none_and_the_others_keep_theirs(
    bare: tuple[Built, Kept],
) -> None:
    built, kept = bare
    with built.image(2).open("ab") as file:
        file.write(b"more")
    with pytest.raises(ImageError, match="is not as it was when it was made"):
        await seal_alone(kept.path)
    missing = [(point.serial, disk) for point, disk, _ in unsealed(read_chain(kept.path).chain)]
    assert missing == [(2, "sda"), (3, "sda")]


async def test_a_chain_that_somebody_works_on_is_left_alone(bare: tuple[Built, Kept]) -> None:
    _, kept = bare
    with alone_with(kept.path), pytest.raises(ImageError, match="another BlockDeck"):
        await seal_alone(kept.path)
    assert read_chain(kept.path).chain == kept.chain
