"""What benchmarks tell: figures beside what is to be reached and beside their peers."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, computed_field


class Figure(BaseModel):
    """One measured number.

    Attributes:
        what: what was measured, in words.
        value: the number.
        unit: of the number.
        reach: what it is to reach; None where it is told for comparison alone.
        least: whether it is to be that at the least, not at the most.
        peer: what it was measured side by side with, in the same run.
        beside: the number of the peer.
        by_ratio: whether `reach` is meant for the ratio to the peer.
        note: what else is to be known of it.
    """

    model_config = ConfigDict(frozen=True)

    what: str
    value: float
    unit: str
    reach: float | None = None
    least: bool = False
    peer: str = ""
    beside: float | None = None
    by_ratio: bool = False
    note: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ratio(self) -> float | None:
        """How many times as much as that of the peer."""
        return self.value / self.beside if self.beside else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def met(self) -> bool | None:
        """Whether it is as it is to be; None where nothing is to be reached."""
        value = self.ratio if self.by_ratio else self.value
        if self.reach is None or value is None:
            return None
        return value >= self.reach if self.least else value <= self.reach

    def cells(self) -> tuple[str, str, str, str, str]:
        """What, measured, to reach, beside its peer, met or missed."""
        bound = ""
        if self.reach is not None:
            sign = "≥" if self.least else "≤"
            bound = f"{sign} {number(self.reach)}{'x' if self.by_ratio else f' {self.unit}'}"
        peer = ""
        if self.ratio is not None and self.beside is not None:
            peer = f"{self.ratio:.2f}x {self.peer} ({number(self.beside)} {self.unit})"
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        return self.what, f"{number(self.value)} {self.unit}", bound, peer, verdict


class Report(BaseModel):
    """A run of benchmarks."""

    machine: str
    load_before: float
    load_after: float
    figures: tuple[Figure, ...]


HEADS = ("what", "measured", "to reach", "beside", "")


def number(value: float) -> str:
    """Three digits that say something."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def as_text(figures: Iterable[Figure]) -> str:
    """A table for a terminal."""
    rows = [HEADS, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def as_markdown(report: Report) -> str:
    """The table of README.md, and what it was measured on."""
    rows: list[Sequence[str]] = [HEADS, ("---",) * len(HEADS)]
    rows += [figure.cells() for figure in report.figures]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    load = f"load {report.load_before:.1f} before and {report.load_after:.1f} after"
    return f"{table}\n\nMeasured on {report.machine}; {load}."
