"""Files about jobs that run, kept for whoever sees their end."""

import hashlib
import json
import logging
import os
import re
import time
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

log = logging.getLogger(__name__)

_KEPT_SECONDS = 60 * 86400
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class KeptOfJob(BaseModel):
    """What is kept of a job."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    job: str


K = TypeVar("K", bound=KeptOfJob)


class Shelf(Generic[K]):
    """A directory with a file for each job, readable by its owner alone.

    The name of a file holds which QEMU it is, by process or monitor, so that a job of the same id
    on a QEMU that was started anew finds nothing. All methods wait for the disk: they are for
    threads.
    """

    def __init__(self, directory: Path, model: type[K]) -> None:
        self.directory = directory
        self._model = model

    def _path(self, qemu: str, job_id: str) -> Path:
        mark = hashlib.sha256(f"{qemu}\0{job_id}".encode(errors="surrogatepass")).hexdigest()[:16]
        return self.directory / f"{_UNFIT.sub('_', job_id)[:60]}-{mark}.json"

    def keep(self, qemu: str, kept: K) -> None:
        """Put it on the disk, whole or not at all.

        Raises:
            OSError: it cannot be written.
        """
        path = self._path(qemu, kept.job)
        if not path.exists():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._prune()
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with os.fdopen(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:
            json.dump(kept.model_dump(mode="json"), file)
        draft.replace(path)

    def find(self, qemu: str, job_id: str) -> tuple[K, float] | None:
        """What was kept of a job, and until when it was watched (seconds since the epoch)."""
        path = self._path(qemu, job_id)
        try:
            kept = self._model.model_validate(json.loads(path.read_bytes()))
            return (kept, path.stat().st_mtime) if kept.job == job_id else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            log.warning("what was kept of %s cannot be read: %s", job_id, error)
            return None

    def all(self) -> tuple[K, ...]:
        """What was kept of the jobs of every QEMU."""
        found = []
        for path in sorted(self.directory.glob("*.json")):
            try:
                found.append(self._model.model_validate(json.loads(path.read_bytes())))
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                log.warning("%s cannot be read: %s", path, error)
        return tuple(found)

    def watched(self, qemu: str, job_ids: frozenset[str]) -> None:
        """These jobs are being watched now."""
        for job_id in job_ids:
            try:
                os.utime(self._path(qemu, job_id))
            except OSError as error:
                log.info("%s: %s", job_id, error)

    def drop(self, qemu: str, job_id: str) -> None:
        """The job is over, or was never started."""
        try:
            self._path(qemu, job_id).unlink(missing_ok=True)
        except OSError as error:
            log.warning("what was kept of %s stays: %s", job_id, error)

    def _prune(self) -> None:
        """Remove what nobody has come back for."""
        oldest = time.time() - _KEPT_SECONDS
        for path in self.directory.glob("*.json"):
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except OSError as error:
                log.info("%s is not pruned: %s", path, error)
