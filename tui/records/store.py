"""The reports on disk: a JSON file and a text file each, never rewritten, newest first."""

import json
import logging
import re
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from tui.durable import settle, write_whole
from tui.records.report import BackupReport

log = logging.getLogger(__name__)

REPORTS = "reports"
MOST_LISTED = 500
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class Filed(NamedTuple):
    """A report and the file it is in."""

    path: Path
    report: BackupReport


class ReportStore:
    """A directory that only its owner can read. Nothing in it is ever removed.

    All methods wait for the disk: they are for threads.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def file(self, report: BackupReport) -> Path:
        """Put a report on the disk for good, whole or not at all; again, it replaces itself.

        Raises:
            OSError: it cannot be written.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{report.ended:%Y%m%dT%H%M%S.%f}-{_UNFIT.sub('_', report.job)[:80]}"
        path = self.directory / f"{name}.json"
        write_whole(path.with_suffix(".txt"), report.as_text(), mode=0o600)
        # Last, for what is listed is the JSON.
        write_whole(path, report.as_json(), mode=0o600)
        settle(self.directory)
        return path

    def stamp(self) -> int:
        """A number that differs when a report has come; 0 where there is none."""
        try:
            return self.directory.stat().st_mtime_ns
        except OSError:
            return 0

    def newest(self, most: int = MOST_LISTED) -> tuple[Filed, ...]:
        """The newest reports, the newest first; what cannot be read is left out."""
        try:
            files = sorted(self.directory.glob("[!.]*.json"), reverse=True)[:most]
        except OSError:
            return ()
        found = []
        for path in files:
            try:
                report = BackupReport.model_validate(json.loads(path.read_bytes()))
            except (OSError, ValueError, ValidationError) as error:
                log.warning("the report %s cannot be read: %s", path, error)
                continue
            found.append(Filed(path, report))
        return tuple(found)
