"""Verify images that no manifest tells of: what they stand on, and their metadata.

There are no checksums and no times: rot within the data is not seen.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tui.images.errors import ImageError
from tui.images.findings import Finding, Gravity
from tui.images.progress import Meter, OnProgress, nobody
from tui.images.source import of_image
from tui.images.verify import metadata_faults
from tui.text import plain
from tui.units import duration, size

_QCOW2 = b"QFI\xfb"


class StackVerification(BaseModel):
    """What came of it: `top` is the uppermost image, `images` are all from the lowest up.

    `read` are the bytes of the files that were looked at.
    """

    model_config = ConfigDict(frozen=True)

    top: str
    images: tuple[str, ...]
    findings: tuple[Finding, ...]
    read: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing was found that would keep the uppermost from being restored."""
        return not any(finding.gravity.grave for finding in self.findings)


async def verify_stack(top: Path, on_progress: OnProgress = nobody) -> StackVerification:
    """Look at an image and at all that it stands on.

    Args:
        top: the uppermost image.
        on_progress: is told of bytes.

    Raises:
        NoProgram: there is no `qemu-img`.
    """
    began = time.monotonic()
    findings: list[Finding] = []
    try:
        source = await asyncio.to_thread(of_image, top)
    except ImageError as error:
        finding = Finding(
            gravity=Gravity.LOST,
            where=plain(top.name),
            what=f"cannot be restored: {error.sentence}",
        )
        findings.append(finding.model_copy(update={"advice": error.advice}))
        return _verification(top, (top,), findings, 0, began)
    findings += [Finding(gravity=Gravity.DOUBT, where="", what=each) for each in source.doubts]
    sizes = await asyncio.to_thread(_sizes, source.layers)
    meter = Meter(sum(sizes.values()), on_progress)
    for layer in source.layers:
        meter.begin(plain(layer.name), sizes[layer])
        if await asyncio.to_thread(_is_qcow2, layer):
            findings += [
                Finding(gravity=gravity, where=plain(layer.name), what=what, advice=advice)
                for gravity, what, advice in await metadata_faults(layer)
            ]
    meter.end()
    return _verification(top, source.layers, findings, sum(sizes.values()), began)


def _verification(
    top: Path, layers: tuple[Path, ...], findings: list[Finding], read: int, began: float
) -> StackVerification:
    return StackVerification(
        top=str(top),
        images=tuple(str(layer) for layer in layers),
        findings=tuple(findings),
        read=read,
        seconds=time.monotonic() - began,
    )


def _sizes(layers: tuple[Path, ...]) -> dict[Path, int]:
    return {layer: layer.stat().st_size for layer in layers}


def _is_qcow2(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_QCOW2)) == _QCOW2


def as_lines(found: StackVerification) -> Iterator[str]:
    """The whole of it; foreign text is escaped."""
    yield f"{plain(Path(found.top).name)}, without a manifest: {_verdict(found)}"
    for image in reversed(found.images):
        yield f"  image     {plain(image)}"
    for one in found.findings:
        yield f"  {one.gravity.value:<8}  {f'{one.where} {one.what}'.strip()}"
        if one.advice:
            yield f"            {one.advice}"
    yield "  unsummed  no checksum is known: rot in the data would not be seen"
    count = f"{len(found.images)} image{'' if len(found.images) == 1 else 's'}"
    yield f"  looked at {count}, {size(found.read)} in {duration(found.seconds)}"


def _verdict(found: StackVerification) -> str:
    return "WHOLE" if found.ok else "NOT WHOLE"
