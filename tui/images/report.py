"""What came of a verification, in lines to read and to copy."""

from collections.abc import Iterator, Sequence

from tui.images.verify import Verification
from tui.text import plain
from tui.units import duration, size


def as_lines(found: Verification, vm: str) -> Iterator[str]:
    """The whole of it; foreign text is escaped."""
    yield f"chain {found.chain} of {plain(vm, 60)}: {verdict(found)}"
    yield f"  manifest  {plain(found.manifest)}"
    yield f"  sound     {serials(found.sound)}"
    if found.lost:
        yield f"  LOST      {serials(found.lost)}"
    for one in found.findings:
        needed = f" (needed by {serials(one.points)})" if one.points and one.gravity.grave else ""
        yield f"  {one.gravity.value:<8}  {one.where} {one.what}{needed}"
        if one.advice:
            yield f"            {one.advice}"
    if found.unsummed:
        yield f"  unsummed  {len(found.unsummed)} images have no checksum: rot would not be seen"
    took = f"{size(found.read)} read in {duration(found.seconds)}"
    yield f"  looked at {found.images} image{'' if found.images == 1 else 's'}, {took}"


def verdict(found: Verification) -> str:
    """In a word or two; where nothing can be restored, nothing is called sound."""
    if not found.ok:
        return "NOT SOUND"
    return "SOUND" if found.sound else "NO COMPLETE POINT"


def serials(numbers: Sequence[int]) -> str:
    """Points by their numbers: `point 3`, `points 1-4, 7`."""
    if not numbers:
        return "no point"
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = ", ".join(f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
    return f"point{'' if len(numbers) == 1 else 's'} {words}"
