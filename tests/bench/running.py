"""How a benchmark runs: by itself, or as one of all."""

import argparse
import asyncio
import importlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from tests.bench.figures import Figure, Report, as_markdown, as_text
from tui.demo.qemu_binary import find_qemu

Measure = Callable[[bool], Awaitable[list[Figure]]]
"""Measures; True asks for less of everything: it shows that it works, not how fast."""


def machine() -> str:
    """The machine in a few words."""
    model = next(
        (line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    name = model.partition(":")[2].strip() or platform.machine()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    said = subprocess.run([find_qemu().system, "--version"], capture_output=True, text=True).stdout
    qemu = said.split("version ")[-1].split()[0]
    return (
        f"{os.cpu_count()} x {name}, {memory} GiB, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, QEMU {qemu}"
    )


def run(measures: Sequence[Measure], words: Sequence[str] | None = None) -> int:
    """Measure, print the table, write what was asked for."""
    parser = argparse.ArgumentParser(description="Measure, and print it side by side.")
    parser.add_argument("--quick", action="store_true", help="less of everything: does it work?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write it as JSON too")
    parser.add_argument("--table", action="store_true", help="print the table of README.md")
    asked = parser.parse_args(words)
    with_bytecode()
    before = os.getloadavg()[0]
    figures: list[Figure] = []
    for measure in measures:
        name = measure.__module__.rpartition(".")[2]
        print(f"{name} …", file=sys.stderr, flush=True)
        figures += asyncio.run(_measured(measure, asked.quick))
    report = Report(
        machine=machine(),
        load_before=before,
        load_after=os.getloadavg()[0],
        figures=tuple(figures),
    )
    if asked.json is not None:
        asked.json.write_text(report.model_dump_json(indent=1) + "\n")
    print(as_markdown(report) if asked.table else as_text(report.figures))
    for figure in report.figures:
        if figure.note and not asked.table:
            print(f"{figure.what}: {figure.note}")
    return 0


async def _measured(measure: Measure, quick: bool) -> list[Figure]:
    return await measure(quick)


def with_bytecode() -> None:
    """An installed BlockDeck has its bytecode; one of a checkout shall have it, too."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "tui"],
        cwd=Path(__file__).parents[2],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def named(names: Sequence[str]) -> list[Measure]:
    """The benchmarks of these names."""
    return [importlib.import_module(f"tests.bench.{name}").measure for name in names]


def installed(program: str) -> bool:
    """Whether a peer is there to be measured."""
    return shutil.which(program) is not None
