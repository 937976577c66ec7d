"""The verdict held against several QEMUs: `python -m tests.backup.matrix --cases 4000`."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.backup.cases import cases
from tests.backup.referee import Referee, Tally
from tui.backup.arguments import BLOCKDEV_BACKUP, DRIVE_BACKUP

RELEASES = {"bullseye": "5.2", "bookworm": "7.2", "trixie": "10.0", "sid": "11.1"}
_SETUP = Path(__file__).parents[2] / "scripts" / "qemu.sh"
_TESTS = Path(__file__).parents[1]
_FOR_EACH = (
    "backup/test_deadly.py",
    "backup/test_survival.py",
    "faults/test_clients.py",
    "faults/test_guest.py",
    "faults/test_monitor.py",
    "faults/test_policies.py",
    "faults/test_qemu.py",
    "faults/test_target_server.py",
    "worker/test_blockdev.py",
    "worker/test_care.py",
    "worker/test_doctor.py",
    "worker/test_doctor_filters.py",
    "worker/test_referee_busy.py",
    "worker/test_referee_dry_run.py",
    "worker/test_rescue.py",
    "worker/test_same_image.py",
    "worker/test_verbs.py",
)
"""Tests of what every release must outlive, and of what the rules alone do not tell."""

_COLUMNS = (
    *(
        "version",
        "command",
        "cases",
        "agreed",
        "false accepts",
        "false rejects",
        "other words",
        "unknown",
    ),
    *("not sent", "deaths", "cases/s", "seed"),
)


def main() -> int:
    """Try every release, print a table, and fail if anything but agreement was found."""
    parser = argparse.ArgumentParser(prog="matrix", description=__doc__)
    parser.add_argument("--cases", type=int, default=3000, help="for each version")
    parser.add_argument("--seed", default=str(int(time.time())), help="to see the same cases again")
    parser.add_argument("--releases", nargs="+", default=list(RELEASES), metavar="RELEASE")
    words = parser.parse_args()
    rows: list[tuple[str, ...]] = [_COLUMNS]
    sound = True
    for release in words.releases:
        programs = _programs(release)
        if programs is None:
            sound = False
            continue
        os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
        sound = _survives(release) and sound
        for command in (DRIVE_BACKUP, BLOCKDEV_BACKUP):
            tally = asyncio.run(_try(command, words.cases, f"{words.seed} {release}"))
            _tell(f"{release} {command}", tally)
            rows.append(_row(release, command, tally, words.seed))
            sound = sound and not tally.disputes and not tally.deaths
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    for row in rows:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
    return 0 if sound else 1


def _survives(release: str) -> bool:
    """Whether the release's QEMU outlives a restless watch, dry runs, and backups by nodes."""
    tests = [str(_TESTS / name) for name in _FOR_EACH]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{release} does not survive being watched:\n{done.stdout}")
    return done.returncode == 0


def _programs(release: str) -> str | None:
    """Where the release's QEMU is; None, and a word why, if it cannot be had."""
    done = subprocess.run([_SETUP, release], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


async def _try(command: str, count: int, seed: str) -> Tally:
    with tempfile.TemporaryDirectory(prefix="blockdeck-") as name:
        asked = cases(command, Path(name), count, seed)
        return await Referee(Path(name), command).hear(iter(asked))


def _tell(release: str, tally: Tally) -> None:
    for dispute in tally.disputes:
        print(dispute)
    for arguments, how in tally.deaths:
        print(f"QEMU died: {arguments}\n  {how}")
    for words, count in tally.unknown.most_common(12):
        print(f"unknown {count}: {words}")
    print(f"--- {release} done", flush=True)


def _row(release: str, command: str, tally: Tally, seed: str) -> tuple[str, ...]:
    words = tally.count("other words") + tally.count("other field")
    numbers = (
        *(tally.cases, tally.agreed, tally.count("false accept"), tally.count("false reject")),
        *(words, tally.unknown.total(), tally.not_sent, len(tally.deaths)),
    )
    name = RELEASES.get(release, release)
    return (name, command, *(str(number) for number in numbers), f"{tally.pace:.1f}", seed)


if __name__ == "__main__":
    sys.exit(main())
